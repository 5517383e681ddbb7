"""How many workers and threads serve this machine best: tried, measured, written down."""
