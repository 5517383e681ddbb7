"""A Rasa project converted: its bot.yml, and its examples and stories as dialogues."""
