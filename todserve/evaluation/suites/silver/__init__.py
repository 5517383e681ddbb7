"""The labels of MultiWOZ's train split, which an annotator made: how good they are."""
