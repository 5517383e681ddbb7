"""Whom a turn is measured against: each peer starts a real server and says how it is asked."""
