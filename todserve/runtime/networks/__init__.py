"""Weights on disk and in memory: what a folder holds, and how a network is read from it."""
