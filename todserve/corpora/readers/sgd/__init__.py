"""The Schema-Guided Dialogue layout, read, checked and written."""
