"""MultiDoGO: customers' turns of six domains."""
