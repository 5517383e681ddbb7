"""3i4K: Korean utterances with their kind of speech act."""
