"""From corpora to training turns: read, screened, joined, augmented."""
