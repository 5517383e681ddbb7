"""Intents: a classifier that checks the network's intent by the sentence's vector and words."""
