"""One reader for each corpus, and what readers share."""
