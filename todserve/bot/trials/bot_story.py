"""A story that a bot is held against: what is said, and what the bot is to do.

The readers of stories make these, and a trial of a bot compares what it does with them. Example:
``StoryTurn(user="hi", intent="greet", done=("utter_hi",))``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from todserve.corpora.readers.rasa.rasa_types import RasaEntity

UNTOLD = "?"
"""Stands for a form of which a story says nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StoryTurn:
    """One message of the user, and what the story says the bot does then.

    Attributes:
        user: the words; None where the story tells the intent alone.
        intent: of the message; None where the story does not tell.
        entities: of the message.
        slots: slot -> value of what is set by the message itself.
        state: the belief state after it, where the story tells it whole.
        done: what the bot does, by name and in order, without its forms.
        effects: (action or form, slot -> value) of what is set after each of them.
        form: the form under way after the turn; None for none.
        where: file and line.
    """

    user: str | None
    intent: str | None
    entities: tuple[RasaEntity, ...] = ()
    slots: Mapping[str, str | None] = field(default_factory=dict)
    state: Mapping[str, Mapping[str, str]] | None = None
    done: tuple[str, ...] = ()
    effects: tuple[tuple[str, Mapping[str, str | None]], ...] = ()
    form: str | None = UNTOLD
    where: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class BotStory:
    """One story that a bot is held to: messages, and what must follow each.

    Attributes:
        name: its name.
        after: the action that its first message answers; None for the start of a dialogue.
        turns: what happens.
        where: file and line.
    """

    name: str
    turns: tuple[StoryTurn, ...]
    after: str | None = None
    where: str = ""
