"""Engines beside TorchServe: KServe's server and Ray Serve, both on the archive that it serves."""
