"""A first bot: what `tod bot new` asks, and the bot.yml that it writes of the answers."""
