"""Frames: holidays are looked for, compared and booked."""
