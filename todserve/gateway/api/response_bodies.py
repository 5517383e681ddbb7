"""The bodies that the API gives, as its OpenAPI document shows them.

The routes return these; `request_bodies` has what they take. Example:
``RasaReply(recipient_id="anna", text="Hello.")``.
"""

from inspect import cleandoc
from typing import Any, Literal, Optional

from pydantic import BaseModel, create_model

from todserve.runtime.wire.model_description import ModelDescription


class RasaReply(BaseModel):
    """One message of the bot; what it does not have is left out."""

    recipient_id: str
    text: str | None = None
    buttons: list[Any] | None = None
    image: Any = None
    attachment: Any = None
    custom: Any = None


class RasaTracker(BaseModel):
    """A conversation as Rasa's tracker tells it."""

    sender_id: str
    slots: dict[str, Any]
    latest_message: dict[str, Any]
    latest_event_time: float | None
    followup_action: str | None
    paused: bool
    events: list[dict[str, Any]] | None
    latest_input_channel: str | None
    active_loop: dict[str, Any]
    latest_action_name: str | None
    latest_action: dict[str, Any]


class RasaParsed(BaseModel):
    """A message as Rasa's parser would have read it."""

    text: str
    message_id: str | None
    intent: dict[str, Any]
    intent_ranking: list[dict[str, Any]]
    entities: list[dict[str, Any]]
    metadata: dict[str, Any]


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


class FormView(BaseModel):
    """A form that is under way; ``missing`` slots are asked for in their order."""

    name: str
    values: dict[str, str]
    missing: list[str]
    awaiting_confirmation: bool


class BotView(BaseModel):
    """What the bot made of the model's answer.

    Attributes:
        messages: what the user read, in order.
        shown: the same messages with all that a channel can show, in the keys of Rasa's channels.
        events: what happened, in Rasa's JSON.
        form: the form that was under way after the turn.
        handed_off: whether a person had taken over after the turn.
        fallback: whether the bot did not understand.
        error: the action that failed, and the type of its error.
    """

    messages: list[str]
    shown: list[dict[str, Any]]
    events: list[dict[str, Any]]
    form: FormView | None
    handed_off: bool
    fallback: bool
    error: str | None


class TurnView(BaseModel):
    """A turn; ``answer`` is the model endpoint's own, ``correction`` what stands beside it."""

    index: int
    user: str
    message_id: str
    answer: dict[str, Any]
    reply: str
    correction: dict[str, Any] | None
    created_at: str
    bot: BotView | None
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


class TurnMarked(BaseModel):
    """What a list shows of a turn; ``reasons`` say why somebody should look at it."""

    index: int
    verdict: Literal["right", "wrong"] | None
    corrected: bool
    reasons: list[str]


class DialogueListed(BaseModel):
    """A dialogue in a list; ``turns`` counts them.

    Attributes:
        domains: what it is about, as it comes up.
        intents: what the user wants, likewise.
        marks: of its first 100 turns.
    """

    dialogue_id: str
    created_at: str
    updated_at: str
    turns: int
    model: str
    last_user: str | None
    flags: list[str]
    domains: list[str]
    intents: list[str]
    marks: list[TurnMarked]


class DialoguePage(BaseModel):
    """Dialogues, the newest first; ``next`` is the ``before`` of the next page."""

    dialogues: list[DialogueListed]
    next: str | None


_MAYBE_TOLD: dict[str, Any] = {
    name: (Optional[field.annotation], None)  # noqa: UP045  (a type that is only known here)
    for name, field in ModelDescription.model_fields.items()
    if name != "name"
}
ModelView = create_model(
    "ModelView",
    __doc__="What a model's labels are; null where its archive cannot tell.\n\n"
    + cleandoc(ModelDescription.__doc__ or "").partition("\n\n")[2],
    name=(str, ...),
    **_MAYBE_TOLD,
)
"""A ``ModelDescription`` of which everything but the name may be missing."""


class QueuedTurnView(BaseModel):
    """A turn that is worth a look, and why."""

    dialogue_id: str
    index: int
    created_at: str
    user: str
    intent: str | None
    domain: str | None
    reasons: list[str]


class QueuePage(BaseModel):
    """Turns to look at, the ones most worth it first; ``waiting`` counts all that are left."""

    turns: list[QueuedTurnView]
    waiting: int
    next: str | None


class LabelledView(BaseModel):
    """What one person did; the name is empty where nobody knows who it was."""

    name: str
    right: int
    wrong: int
    corrected: int


class AgreedView(BaseModel):
    """How two people judge the turns that both judged; ``kappa`` is Cohen's."""

    a: str
    b: str
    turns: int
    agreed: int
    kappa: float | None


class AgreementView(BaseModel):
    """Who labelled how much, and how each two agree."""

    people: list[LabelledView]
    pairs: list[AgreedView]


class VersionView(BaseModel):
    """A model that answered, and whether the endpoint serves it now."""

    name: str
    turns: int
    served: bool
    checkpoint: str | None


class VersionsView(BaseModel):
    """Models to compare."""

    versions: list[VersionView]


class Proposal(BaseModel):
    """How a model reads an utterance: the endpoint's own answer."""

    answer: dict[str, Any]


class ExampleView(BaseModel):
    """A labelled utterance."""

    example_id: str
    text: str
    intent: str | None
    belief_state: dict[str, dict[str, str]] | None
    created_at: str


class ExamplePage(BaseModel):
    """Examples, the newest first; ``next`` is the ``before`` of the next page."""

    examples: list[ExampleView]
    next: str | None


class Difference(BaseModel):
    """What only one of two answers says of one aspect; ``refused``: there is no second one."""

    aspect: Literal["intent", "belief_state", "domain", "dialogue_act", "response", "refused"]
    a: list[str]
    b: list[str]


class ComparedTurn(BaseModel):
    """A turn with the remembered answer, another model's, and where they differ."""

    index: int
    user: str
    answer_a: dict[str, Any]
    answer_b: dict[str, Any] | None
    differences: list[Difference]


class Compared(BaseModel):
    """A dialogue as two models answer it."""

    turns: list[ComparedTurn]


class ReviewedTurn(BaseModel):
    """A turn that somebody stands for, what became of it, and what is missing or too much."""

    dialogue_id: str
    index: int
    user: str
    change: Literal["now right", "still wrong", "no longer right", "right as before"]
    differences: list[Difference]


class ReviewView(BaseModel):
    """What a model makes now of what people corrected or judged right."""

    turns: list[ReviewedTurn]


class Readiness(BaseModel):
    """Whether the gateway can answer right now, and what it is that cannot."""

    status: Literal["ready", "not_ready"]
    store: bool
    model: bool


class Alive(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"
