"""Untrue statements in replies, counted by a reader of its own."""
