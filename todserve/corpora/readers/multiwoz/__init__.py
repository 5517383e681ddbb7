"""MultiWOZ 2.1, in both of its layouts."""
