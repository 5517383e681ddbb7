"""From labelled dialogues to a checkpoint folder."""
