"""From training turns to batches of token ids, in their order."""
