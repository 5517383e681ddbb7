"""The reference engine: PyTorch."""
