"""Schema-Guided Dialogue by the rules of its challenge (DSTC8)."""
