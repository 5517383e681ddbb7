"""Everything a worker needs; travels inside the .mar and imports nothing else of todserve."""
