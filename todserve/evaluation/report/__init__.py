"""The HTML report of an evaluation, part by part."""
