"""Two-stage fallback: what was not understood is asked about before the bot gives up, as Rasa does.

The bot calls it in its turn, where bot.yml says ``fallback.two_stage``. First "did you mean X?";
after no the user is to say it differently; what is not understood then is asked about once more,
and after a second no, or two messages in a row that were not understood, the bot gives up.
"""

from dataclasses import replace
from enum import StrEnum

from todserve.bot.bot_config import BotConfig, TwoStage
from todserve.bot.bot_outcome import Outcome
from todserve.bot.user_message import Heard, agrees

TWO_STAGE = "action_two_stage_fallback"
"""What stories and trackers call it."""


class Stage(StrEnum):
    """What the bot waits for.

    ASKED: whether the likeliest intent was meant.
    REPHRASING: the same in other words.
    ASKED_AGAIN: whether it was meant, after it was said in other words.
    """

    ASKED = "asked"
    REPHRASING = "rephrasing"
    ASKED_AGAIN = "asked_again"


class Next(StrEnum):
    """What comes of a message."""

    ASK = "ask"
    REPHRASE = "rephrase"
    GIVE_UP = "give_up"


def after_doubt(stage: str | None) -> tuple[Next, Stage | None]:
    """Return what follows a message that was not understood, and what is waited for then."""
    if stage in (Stage.ASKED, Stage.ASKED_AGAIN):
        return Next.GIVE_UP, None
    return Next.ASK, Stage.ASKED if stage is None else Stage.ASKED_AGAIN


def after_no(stage: str | None) -> tuple[Next, Stage | None]:
    """Return what follows where something else was meant, and what is waited for then."""
    if stage == Stage.ASKED_AGAIN:
        return Next.GIVE_UP, None
    return Next.REPHRASE, Stage.REPHRASING


def denies(heard: Heard, past: Outcome, config: BotConfig) -> bool:
    """Say whether a message answers that something else was meant."""
    known = _settings(config)
    if known is None or past.stage is None:
        return False
    if heard.intent == known.denied:
        return True
    return past.stage != Stage.REPHRASING and agrees(heard, config) is False


def clarified(heard: Heard, past: Outcome, config: BotConfig) -> Heard:
    """Return a message as meant: yes to "did you mean X?" means X."""
    asked = past.stage in (Stage.ASKED, Stage.ASKED_AGAIN)
    if _settings(config) is None or not asked or past.suggested is None:
        return heard
    if agrees(heard, config) is not True:
        return heard
    return replace(heard, intent=past.suggested, confidence=None, changed={})


def _settings(config: BotConfig) -> TwoStage | None:
    return config.fallback.two_stage
