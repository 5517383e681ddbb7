"""Training on samples of a corpus, over several seeds."""
