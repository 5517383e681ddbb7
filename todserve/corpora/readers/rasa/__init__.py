"""Rasa projects, read, checked and written."""
