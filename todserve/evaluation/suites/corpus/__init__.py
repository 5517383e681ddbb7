"""Any corpus at all: a checkpoint on the labels that its dialogues have."""
