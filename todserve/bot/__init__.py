"""The bot: what is said and done with the model's answer; templates, forms, actions."""
