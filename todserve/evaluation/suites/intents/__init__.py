"""Intents of single utterances: Banking77, CLINC150."""
