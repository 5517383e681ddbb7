"""Remembered dialogues asked again of another model."""
