"""Stories that a bot is held against, turn by turn: read, told again and compared."""
