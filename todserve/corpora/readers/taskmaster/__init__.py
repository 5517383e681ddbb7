"""Taskmaster-1 to -3: tasks talked through, their details marked in what is said."""
