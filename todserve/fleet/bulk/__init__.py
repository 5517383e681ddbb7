"""Bulk labelling: answers every row of a corpus, in shards, by one process for each core."""
