"""The belief state from turn to turn: merged, held against what was said, its active domain."""
