"""Readers of single utterances labelled with an intent."""
