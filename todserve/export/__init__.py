"""Exports: a checkpoint's network in the forms other engines run, and how true each is to it."""
