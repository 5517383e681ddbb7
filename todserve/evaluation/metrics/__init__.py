"""Scores of turns that fit any corpus."""
