"""The TorchScript engine: the modules it is compiled from, and what runs them."""
