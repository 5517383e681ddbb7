"""TorchServe as a process: its settings, Java, ports, start, readiness and stop."""
