"""Why a turn was answered as it was: the words, the look-up and the origin of what was said."""
