"""The active domain of a turn: how it is decided, and how often that is right."""
