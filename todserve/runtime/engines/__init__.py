"""Engines: what runs the network, all behind ``base.Engine``."""
