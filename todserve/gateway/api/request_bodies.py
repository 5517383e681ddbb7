"""The bodies that the API takes, as its OpenAPI document shows them.

The routes read requests into these; `response_bodies` has what they return. Example:
``Say(user="a train to ely", message_id="1")``.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from todserve.gateway.gateway_settings import MODEL_NAME
from todserve.runtime.errors import RequestError
from todserve.runtime.language.control_text import plain_reply, plain_value
from todserve.runtime.wire.limits import DEFAULT_LIMITS
from todserve.runtime.wire.request import told_moment

# PostgreSQL cannot store the character NUL, and the model refuses a text of spaces alone.
_NO_NUL = r"^[^\x00]*$"
_SOME_TEXT = r"^[^\x00]*[^\s\x00][^\x00]*$"

EXPECTED = {
    _NO_NUL: "got the character NUL; expected a text without it",
    _SOME_TEXT: "got a text of spaces alone, or the character NUL; expected a text to read",
}
"""Pattern -> what a refusal says in its place."""


def _text(longest: int, pattern: str) -> StringConstraints:
    return StringConstraints(min_length=1, max_length=longest, pattern=pattern)


def _plain(text: str) -> str:
    # Written out, one letter may be many.
    return plain_value(text)[: 2 * len(text)]


Utterance = Annotated[str, _text(DEFAULT_LIMITS.max_characters, _SOME_TEXT)]
Key = Annotated[str, _text(128, _NO_NUL)]
SearchText = Annotated[str, _text(200, _SOME_TEXT)]
PersonId = Annotated[str, _text(256, _NO_NUL)]
Reply = Annotated[Utterance, AfterValidator(plain_reply)]
Name = Annotated[str, _text(DEFAULT_LIMITS.max_name_characters, _SOME_TEXT), AfterValidator(_plain)]
Value = Annotated[
    str, _text(DEFAULT_LIMITS.max_value_characters, _SOME_TEXT), AfterValidator(_plain)
]
"""What is stored and learnt from, without the network's own brackets."""
ModelName = Annotated[str, StringConstraints(pattern=MODEL_NAME)]
SlotName = Annotated[
    str,
    StringConstraints(max_length=DEFAULT_LIMITS.max_name_characters, pattern=_NO_NUL),
    AfterValidator(_plain),
]


_DOMAINS = 50


def _named(value: Mapping[str, Any], **more: int) -> dict[str, Any]:
    """Return the schema of an object under names; pydantic's own leaves other keys open."""
    longest = DEFAULT_LIMITS.max_name_characters
    name = {"type": "string", "minLength": 1, "maxLength": longest, "pattern": _SOME_TEXT}
    return {"type": "object", "propertyNames": name, "additionalProperties": value, **more}


_VALUE = {
    "type": "string",
    "minLength": 1,
    "maxLength": DEFAULT_LIMITS.max_value_characters,
    "pattern": _SOME_TEXT,
}
State = Annotated[
    dict[Name, dict[Name, Value]],
    Field(max_length=_DOMAINS),
    WithJsonSchema(_named(_named(_VALUE), maxProperties=_DOMAINS)),
]
"""domain -> slot -> value."""


def _with_its_zone(text: str) -> str:
    try:
        told_moment(text)
    except RequestError as error:
        raise ValueError(str(error)) from None
    return text


Moment = Annotated[
    str,
    Field(max_length=40),
    AfterValidator(_with_its_zone),
    WithJsonSchema({"type": "string", "format": "date-time", "maxLength": 40}),
]
"""Date and time as ISO 8601 has them."""


class _Given(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Begin(_Given):
    """Begin a dialogue; ``model`` names one of the endpoint's, ``tod/1.0`` one version of it."""

    user_id: PersonId | None = None
    model: ModelName | None = None


class Say(_Given):
    """Say something; the same ``message_id`` again gives the stored turn again.

    Attributes:
        user: what is said.
        message_id: the client's key for it.
        now: what time it is for whoever says it, with its distance from UTC: what "tomorrow" is
            meant from, where the model's schema gives slots types.
    """

    user: Utterance
    message_id: Key
    now: Moment | None = None


def _check_slots(state: Mapping[str, Mapping[str, str]] | None) -> None:
    if sum(map(len, (state or {}).values())) > DEFAULT_LIMITS.max_slots:
        raise ValueError(f"belief_state: more than {DEFAULT_LIMITS.max_slots} slots")


class Act(_Given):
    """One act of the system."""

    domain: Name
    act: Name
    slot: SlotName = ""


class Correct(_Given):
    """What was right instead; what is left out stays as it is, and null means the same.

    Attributes:
        intent: the user's intent.
        belief_state: the whole state after the turn, domain -> slot -> value.
        dialogue_act: all acts of the reply.
        response: the reply with placeholders.
        verdict: somebody's judgement of the turn.
        rerun: ask the model again for the later turns.
    """

    intent: Name | None = None
    belief_state: State | None = None
    dialogue_act: list[Act] | None = Field(None, max_length=50)
    response: Reply | None = None
    verdict: Literal["right", "wrong"] | None = None
    rerun: bool = False

    @model_validator(mode="after")
    def _bounded(self) -> "Correct":
        _check_slots(self.belief_state)
        return self

    def content(self) -> dict[str, Any]:
        """Return what is to be stored: the keys that were given."""
        return self.model_dump(exclude={"rerun"}, exclude_none=True)


class Annotate(_Given):
    """Label an utterance that nobody said here; at least one label must be there.

    Attributes:
        text: the utterance.
        intent: the user's intent.
        belief_state: the state after it, domain -> slot -> value.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": ["intent"], "properties": {"intent": {"type": "string"}}},
                {"required": ["belief_state"], "properties": {"belief_state": {"type": "object"}}},
            ]
        }
    )

    text: Utterance
    intent: Name | None = None
    belief_state: State | None = None

    @model_validator(mode="after")
    def _labelled(self) -> "Annotate":
        if self.intent is None and self.belief_state is None:
            raise ValueError("neither intent nor belief_state is there; label one at least")
        _check_slots(self.belief_state)
        return self


class Propose(_Given):
    """Ask how a model reads an utterance that nobody said here."""

    text: Utterance
    model: ModelName | None = None


class Compare(_Given):
    """Ask another model, ``tod`` or one version of it as ``tod/2.0``."""

    model: ModelName


def _as_sender(given: object) -> object:
    if given is None:
        return DEFAULT_SENDER
    if isinstance(given, int | float) and not isinstance(given, bool):
        # Larger ones lose digits on their way through other programs' JSON.
        return str(given) if abs(given) <= _LARGEST else given
    return given


DEFAULT_SENDER = "default"
_LARGEST = 1e15
_NUMBER = {"type": "number", "minimum": -_LARGEST, "maximum": _LARGEST}
Sender = Annotated[
    PersonId,
    BeforeValidator(_as_sender),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "minLength": 1, "maxLength": 256, "pattern": _NO_NUL},
                _NUMBER,
                {"type": "null"},
            ]
        }
    ),
]
"""Whom a message is from; Rasa takes a number for its digits, and nobody for ``default``."""


def _of_json(value: dict[str, Any]) -> dict[str, Any]:
    """Refuse what Python reads and JSON has not: an action server would not be told of it."""
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        raise ValueError("got NaN or Infinity; expected numbers of JSON") from None
    return value


class RasaMessage(BaseModel):
    """A message as Rasa's REST channel takes it; further keys are ignored, as Rasa does."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    sender: Sender = DEFAULT_SENDER
    message: Utterance
    metadata: Annotated[dict[str, Any], AfterValidator(_of_json)] | None = None


class RasaParse(BaseModel):
    """A message that is only to be read, as Rasa's HTTP API takes it."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    text: Utterance
    message_id: Key | None = None
