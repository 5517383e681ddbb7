"""Confidences: what they claim, what comes true, and the temperatures that make them honest."""
