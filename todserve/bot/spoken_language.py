"""The language that a dialogue is held in, where a bot speaks several.

The bot asks it before it says anything. Example: with ``languages: [ko]`` "예약해 주세요" is
answered so.
"""

import unicodedata
from collections.abc import Mapping
from typing import Any

from todserve.bot.bot_config import BotConfig
from todserve.bot.bot_phrases import Language
from todserve.bot.user_message import Heard

LANGUAGE_SLOT = "language"
"""The slot that settles it, whoever sets it: a button, a rule or an action."""

_OWN_LETTERS: Mapping[Language, str] = {Language.KO: "HANGUL"}
"""Languages that are known by their letters, as Unicode names them."""


def spoken_language(config: BotConfig, heard: Heard, memory: Mapping[str, Any]) -> Language:
    """Return what language the bot speaks to a message.

    That is what the slot ``language`` says, else what the client sent as ``language`` beside the
    message, else that of its letters, else that of bot.yml.

    Args:
        config: the bot.
        heard: the message.
        memory: what the bot remembers.
    """
    spoken = (config.language, *config.languages)
    if len(spoken) == 1:
        return config.language
    named = (one for state in heard.state.values() for one in (state.get(LANGUAGE_SLOT),))
    told = (memory.get(LANGUAGE_SLOT), *named, heard.metadata.get(LANGUAGE_SLOT))
    for one in told:
        for language in spoken:
            # A browser's de-AT is German, too.
            if isinstance(one, str) and one.casefold().split("-")[0] == language:
                return language
    for language in spoken:
        letters = _OWN_LETTERS.get(language)
        if letters is not None and any(
            unicodedata.name(letter, "").startswith(letters) for letter in heard.user
        ):
            return language
    return config.language
