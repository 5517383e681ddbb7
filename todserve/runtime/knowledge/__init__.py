"""The database of entities, its look-up, and its values recognised in a text."""
