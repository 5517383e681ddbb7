"""The training loop: updates, schedule, recovery, checkpoints, several processes."""
