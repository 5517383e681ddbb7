"""MultiWOZ by its standardised evaluation: Inform, Success, BLEU, joint goal accuracy."""
