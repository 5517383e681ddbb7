"""Utterance: one message of the bot with all that a channel can show.

The bot's responses are made of these, and the channels send them. Example:
``Utterance("Look.", {"image": "a.png"})`` is a text with a picture, and its ``event()`` is Rasa's
of it.

Source of the names: the event ``bot`` of Rasa 3, and what its channels send.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from todserve.bot.action_events import Event

SHOWN = ("buttons", "quick_replies", "elements", "image", "attachment", "custom")
"""What a message may have beside its text."""

_NOTHING: tuple[object, ...] = (None, "", [], (), {})


@dataclass(frozen=True, slots=True)
class Utterance:
    """One message of the bot: its text, buttons, image and other parts.

    Attributes:
        text: what is read; may be empty where something is shown.
        parts: of ``SHOWN``, what there is.
        response: the response of bot.yml that it was made of; None where none was.
    """

    text: str
    parts: Mapping[str, Any] = field(default_factory=dict)
    response: str | None = None

    def event(self) -> Event:
        """Return the message as Rasa's event ``bot``."""
        said = {} if self.response is None else {"utter_action": self.response}
        return {
            "event": "bot",
            "timestamp": None,
            "text": self.text or None,
            "data": {name: self.parts.get(name) for name in SHOWN},
            "metadata": said,
        }


def shown_parts(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a message is shown beside its text; what is empty is not there."""
    return {name: given[name] for name in SHOWN if given.get(name) not in _NOTHING}


def channel_messages(events: Iterable[Event]) -> tuple[dict[str, Any], ...]:
    """Return the bot's messages among events, each as ``text`` and what else it has."""
    return tuple(
        ({"text": one["text"]} if one.get("text") else {}) | shown_parts(one.get("data") or {})
        for one in events
        if one["event"] == "bot"
    )
