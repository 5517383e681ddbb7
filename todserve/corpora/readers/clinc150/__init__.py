"""CLINC150: 150 intents in ten domains, and what is out of scope."""
