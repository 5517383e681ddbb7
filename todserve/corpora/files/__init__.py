"""Files of dialogues: fetched, unpacked, and read with the line of every value."""
