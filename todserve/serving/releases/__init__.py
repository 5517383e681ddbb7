"""Versions of a model that stand side by side: which one answers, since when and why."""
