"""Evaluation: a checkpoint's figures on a corpus, each with the signature of what was measured."""
