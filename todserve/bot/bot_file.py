"""The file of a bot: reads and checks a bot.yml.

``tod bot`` and the gateway call it before a bot is made. Example:
``load_bot(Path("bot.yml")).forms["book_restaurant"]``.
"""

from pathlib import Path

from pydantic import ValidationError

from todserve.bot.bot_config import BotConfig
from todserve.runtime.errors import ConfigError, first_problem
from todserve.runtime.untrusted.yaml_mapping import load_mapping


def load_bot(path: Path) -> BotConfig:
    """Return the bot that a file describes; a module's file is looked for beside it.

    Raises:
        ConfigError: no file, not YAML, or something that bot.yml does not take.
    """
    try:
        config = BotConfig.model_validate(load_mapping(path, example="language: en"))
    except ConfigError as error:
        place = "" if str(error).startswith(str(path)) else f"{path}: "
        raise ConfigError(f"{place}{error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        hint = ""
        if isinstance(first["input"], bool) and first["type"] == "string_type":
            hint = "; YAML takes yes, no, on and off for true and false: put them in quotes"
        raise ConfigError(f"{path}: {first_problem(error)}{hint}") from None
    module = config.actions.module
    if module is None or not module.endswith(".py"):
        return config
    found = str((path.parent / module).resolve())
    return config.model_copy(
        update={"actions": config.actions.model_copy(update={"module": found})}
    )
