"""Fidelity: how true an export is to its checkpoint, and how true it must be to be served."""
