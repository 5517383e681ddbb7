"""Versions of the model on trial: who falls to a canary, what a shadow makes of the same turns."""
