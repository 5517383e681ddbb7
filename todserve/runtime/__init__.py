"""Everything that answers a turn; it travels in the .mar and imports nothing else of todserve."""
