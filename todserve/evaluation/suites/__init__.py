"""One room for each benchmark: whose rules it follows, and how a checkpoint meets them."""
