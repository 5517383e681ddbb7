"""Serving: archives built and tried, TorchServe started, awaited, talked to and stopped."""
