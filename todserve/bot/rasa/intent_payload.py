"""IntentPayload: a message that says an intent outright, as buttons and web chats of Rasa send it.

The gateway recognises it in what a person sent, before the model is asked. Example:
``IntentPayload.of('/inform{"cuisine": "thai"}')`` has the intent ``inform`` and one entity, and is
spoken as ``inform thai``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from todserve.corpora.readers.label_names import label
from todserve.runtime.errors import DataError
from todserve.runtime.untrusted.json_text import parse_json

# A mark or two left behind the JSON by whoever wrote a button's payload says nothing.
_PAYLOAD = re.compile(r"\s*/([^\s{}@]+)(?:@[0-9.]+)?\s*(?:(\{.*\})[^\w{}]{0,3})?\s*", re.DOTALL)
_MARKS = re.compile(r"[!-/:-@\[-`{-~]+")
_MOST_ENTITIES = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class IntentPayload:
    """The intent and the entities that a message such as ``/inform{"people": "4"}`` states.

    Attributes:
        name: of the intent, as it was sent.
        entities: entity -> its values, in order.
    """

    name: str
    entities: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, text: str) -> "IntentPayload | None":
        """Return what a message says; None where it is plain words.

        What begins like a payload and has no JSON object after the intent is plain words, too.
        """
        found = _PAYLOAD.fullmatch(text)
        if found is None or _MARKS.fullmatch(found[1]) or not label(found[1]):
            return None
        try:
            given = parse_json(found[2]) if found[2] else {}
        except DataError:
            return None
        if not isinstance(given, dict) or len(given) > _MOST_ENTITIES:
            return None
        entities = {str(name): tuple(_texts(value)) for name, value in given.items()}
        return cls(
            name=found[1], entities={name: values for name, values in entities.items() if values}
        )

    @property
    def intent(self) -> str:
        """The intent as the model would say it."""
        return label(self.name)

    @property
    def words(self) -> str:
        """What a person would have said: the model is asked and reminded with it."""
        values = [value for given in self.entities.values() for value in given]
        return " ".join([self.name.replace("_", " ").replace("/", " ").strip(), *values])


def _texts(value: object) -> list[str]:
    if isinstance(value, list):
        return [text for one in value for text in _texts(one)]
    if isinstance(value, bool):
        return [str(value).lower()]
    if isinstance(value, str | int | float):
        return [str(value)] if str(value).strip() else []
    return []


def spoken(text: str) -> str:
    """Return a message as words: a payload such as ``/greet`` as what a person would have said."""
    payload = IntentPayload.of(text)
    return text if payload is None else payload.words


def outright(payload: IntentPayload) -> dict[str, Any]:
    """Return what a payload says in an answer's JSON, in place of what a model would have."""
    return {
        "intent": {"name": payload.intent, "confidence": 1.0},
        "entities": {name: list(values) for name, values in payload.entities.items()},
    }
