"""Readers: the publishers' corpora as the dialogue types every other room speaks."""
