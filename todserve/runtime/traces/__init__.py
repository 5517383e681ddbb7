"""Traces for OpenTelemetry: where the time of one turn went, from its client to the network."""
