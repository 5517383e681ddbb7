"""Taskmaster-4: coffee is ordered."""
