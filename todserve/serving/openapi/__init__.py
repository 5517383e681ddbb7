"""The endpoint as an OpenAPI document."""
