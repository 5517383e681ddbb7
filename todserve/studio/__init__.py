"""The studio: one page to talk to the served bot, see what it understood, and correct it."""
