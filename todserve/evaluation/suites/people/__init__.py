"""Typed steps: what people say, and what is right then."""
