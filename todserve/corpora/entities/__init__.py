"""The entity databases of corpora, and the SQLite file a checkpoint carries."""
