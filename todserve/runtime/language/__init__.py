"""Text and its meaning: dialogues, schema, tasks, target texts, prompts, tokens."""
