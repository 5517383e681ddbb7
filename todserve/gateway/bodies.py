"""The bodies that the API takes and gives, as its OpenAPI document shows them.

At both ends of the way of a message. Example: ``Say(user="a train to ely", message_id="1")``.
"""

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from todserve.gateway.settings import MODEL_NAME
from todserve.runtime.limits import DEFAULT_LIMITS

# PostgreSQL cannot store the character NUL, and the model refuses a text of spaces alone.
_NO_NUL = r"^[^\x00]*$"
_SOME_TEXT = r"^[^\x00]*[^\s\x00][^\x00]*$"


def _text(longest: int, pattern: str) -> StringConstraints:
    return StringConstraints(min_length=1, max_length=longest, pattern=pattern)


Utterance = Annotated[str, _text(DEFAULT_LIMITS.max_characters, _SOME_TEXT)]
Key = Annotated[str, _text(128, _NO_NUL)]
PersonId = Annotated[str, _text(256, _NO_NUL)]
Name = Annotated[str, _text(DEFAULT_LIMITS.max_name_characters, _SOME_TEXT)]
Value = Annotated[str, _text(DEFAULT_LIMITS.max_value_characters, _SOME_TEXT)]
SlotName = Annotated[
    str, StringConstraints(max_length=DEFAULT_LIMITS.max_name_characters, pattern=_NO_NUL)
]


class _Given(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Begin(_Given):
    """Begin a dialogue; ``model`` names one of the endpoint's, ``tod/1.0`` one version of it."""

    user_id: PersonId | None = None
    model: Annotated[str, StringConstraints(pattern=MODEL_NAME)] | None = None


class Say(_Given):
    """Say something; the same ``message_id`` again gives the stored turn again."""

    user: Utterance
    message_id: Key


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
    belief_state: dict[Name, dict[Name, Value]] | None = Field(None, max_length=50)
    dialogue_act: list[Act] | None = Field(None, max_length=50)
    response: Utterance | None = None
    verdict: Literal["right", "wrong"] | None = None
    rerun: bool = False

    @model_validator(mode="after")
    def _bounded(self) -> "Correct":
        slots = sum(map(len, (self.belief_state or {}).values()))
        if slots > DEFAULT_LIMITS.max_slots:
            raise ValueError(f"belief_state: more than {DEFAULT_LIMITS.max_slots} slots")
        return self

    def content(self) -> dict[str, Any]:
        """Return what is to be stored: the keys that were given."""
        return self.model_dump(exclude={"rerun"}, exclude_none=True)


class RasaMessage(BaseModel):
    """A message as Rasa's REST channel takes it; further keys are ignored, as Rasa does."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    sender: PersonId = "default"
    message: Utterance
    metadata: dict[str, Any] | None = None


class RasaReply(BaseModel):
    """One message of the bot."""

    recipient_id: str
    text: str


class Begun(BaseModel):
    """A dialogue that has begun."""

    dialogue_id: str
    created_at: str
    model: str


class ModelNamed(BaseModel):
    """Which model answered."""

    name: str
    version: str
    checkpoint: str


class TurnView(BaseModel):
    """A turn; ``answer`` is the model endpoint's own, ``correction`` what stands beside it."""

    index: int
    user: str
    message_id: str
    answer: dict[str, Any]
    reply: str
    correction: dict[str, Any] | None
    created_at: str
    model: ModelNamed
    timing_ms: dict[str, float]


class TurnsView(BaseModel):
    """A dialogue's turns."""

    turns: list[TurnView]


class DialogueView(TurnsView):
    """A dialogue with all its turns."""

    dialogue_id: str
    user_id: str | None
    created_at: str


class DialogueListed(BaseModel):
    """A dialogue in a list; ``turns`` counts them."""

    dialogue_id: str
    created_at: str
    updated_at: str
    turns: int
    model: str
    last_user: str | None
    flags: list[str]


class DialoguePage(BaseModel):
    """Dialogues, the newest first; ``next`` is the ``before`` of the next page."""

    dialogues: list[DialogueListed]
    next: str | None


class Readiness(BaseModel):
    """Whether the gateway can answer right now, and what it is that cannot."""

    status: Literal["ready", "not_ready"]
    store: bool
    model: bool


class Alive(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"
