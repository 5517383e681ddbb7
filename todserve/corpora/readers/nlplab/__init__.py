"""NLPLAB: Korean dialogues about music, and their songs."""
