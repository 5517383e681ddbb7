"""Misspelt words read as what was meant, before the network sees them."""
