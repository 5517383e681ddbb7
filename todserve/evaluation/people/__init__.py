"""What people type, and what must be understood of it: steps written by hand, never trained on."""
