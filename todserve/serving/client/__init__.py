"""Clients of a running endpoint."""
