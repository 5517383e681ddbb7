"""TurnResponse: the answer to one request, and its JSON.

The pipeline returns it, servers encode it and clients decode it. A part whose task was not asked
for is null; nothing else is left out, so a client finds every key every time. Example:
``encode(response)["belief_state"]["train"]["day"]`` is ``{"value": "friday", "confidence": 0.98}``.

A confidence is the model's probability of the tokens that say it, at the temperature that the
checkpoint's ``calibration.json`` gives the task. Without that file the temperature is 1 and the
confidence uncalibrated: 0.9 need not mean right nine times of ten. Where decoding is constrained
it is the probability among what the constraint allowed, and ``unconstrained``, a key that only such
answers have, tells the model's own beside it: low where the model wanted to say something else.
"""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Probability = Annotated[float, AfterValidator(lambda given: round(given, 6))]
"""From 0 to 1; further digits would only make answers long."""


class _Part(BaseModel):
    # A client reads what it knows and ignores what a newer server adds.
    model_config = ConfigDict(frozen=True, extra="ignore")


class IntentPrediction(_Part):
    """The user's intent, e.g. ``find_train``; confidence in [0, 1] or null."""

    name: str
    confidence: Probability | None = None

    def __str__(self) -> str:
        return self.name


class NormalisedValue(_Part):
    """What a value means, in a form that a program can use; of slots with a type alone.

    Attributes:
        type: ``date``, ``time``, ``number``, ``amount``, ``phone``, ``email`` or ``address``.
        value: a date as ISO 8601 has it, a time as HH:MM, a number or an amount in figures, a phone
            number as E.164 has it, an address in one line.
        currency: the code of an amount's, where it is known; else not in the JSON.
        parts: of an address: ``unit``, ``number``, ``street``, ``district``, ``city``,
            ``postcode``, those that were said; else not in the JSON.
    """

    type: str
    value: str
    currency: str | None = Field(None, exclude_if=lambda given: given is None)
    parts: Mapping[str, str] = Field({}, exclude_if=lambda given: not given)

    def __str__(self) -> str:
        return f"{self.value} {self.currency}" if self.currency else self.value


class SlotPrediction(_Part):
    """A slot's value: what was said, and what that means.

    Attributes:
        value: the words.
        confidence: in [0, 1], null if carried over from a state without one.
        normalised: what they mean, of a slot with a type; else not in the JSON.
    """

    value: str
    confidence: Probability | None = None
    normalised: NormalisedValue | None = Field(None, exclude_if=lambda given: given is None)

    def __str__(self) -> str:
        return self.value


class RefusedPrediction(_Part):
    """A value that the model wrote and that does not enter the state, and why.

    Attributes:
        domain: its domain.
        slot: its slot.
        value: what the model wrote.
        reason: ``not said`` where nothing that was said or found bears it out; ``doubtful`` where
            its confidence is below what is worth acting on, so that the reply asks for it;
            ``unreadable`` where it is none of its slot's type, likewise; ``unknown`` where the
            value is what the user wishes and the schema does not know, so that the reply says what
            it knows.
        detail: why it cannot be read; of every other reason not in the JSON.
    """

    domain: str
    slot: str
    value: str
    reason: str
    detail: str = Field("", exclude_if=lambda given: not given)


class ActiveDomain(_Part):
    """The domain the turn is about, whether it just changed, and why it is this one."""

    active: str | None
    switched: bool
    reason: str


class DatabaseMatches(_Part):
    """Entities of ``domain`` that satisfy the belief state.

    ``matches`` counts all of them and is null when no look-up applied; ``results`` holds the
    first ``top_k``, column -> text.
    """

    domain: str | None
    matches: int | None
    results: tuple[Mapping[str, str], ...] = ()


class ActPrediction(_Part):
    """One act of the system's reply; slot is "" for acts without one."""

    domain: str
    act: str
    slot: str = ""

    def __str__(self) -> str:
        return "-".join(part for part in (self.domain, self.act, self.slot) if part)


class ResponsePrediction(_Part):
    """The system's reply, how it was made, and what was refused on the way.

    Attributes:
        text: for people.
        delexicalised: with placeholders, as the model wrote it, with all repairs and additions.
        unfilled: slots of placeholders nothing could fill.
        completed: slots told by added sentences, see ``reply.completion``.
        rules: what the model's first reply was refused or repaired for, see ``reply.rules``.
        source: ``generation`` for the first reply, ``alternative`` for another one that was
            generated in its place, ``plain`` for a sentence made of the look-up.
    """

    text: str
    delexicalised: str
    unfilled: tuple[str, ...] = ()
    completed: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    source: str = "generation"


class WordChange(_Part):
    """A word as it was typed and as it was read; several words where they were run together."""

    typed: str
    read: str


class ReadAs(_Part):
    """How an utterance was read whose words were misspelt, see ``speller`` and ``names``.

    Attributes:
        text: the utterance as the network read it.
        changes: what was read otherwise than typed, in the order of the utterance; then names of
            the state that were brought to the database's spelling.
    """

    text: str
    changes: tuple[WordChange, ...]


class UnconstrainedConfidence(_Part):
    """The model's own confidences of a turn that was decoded under a constraint, in [0, 1].

    Attributes:
        intent: null when not asked for.
        belief_state: domain -> slot -> confidence, of the slots that this turn wrote.
    """

    intent: Probability | None = None
    belief_state: Mapping[str, Mapping[str, Probability]] = {}


class ModelIdentity(_Part):
    """Which model answered; ``checkpoint`` is the sha256 of its weights."""

    name: str
    version: str
    checkpoint: str


class TurnResponse(_Part):
    """What a client is sent for one turn.

    Attributes:
        intent: null when not asked for, or when the generation named none.
        belief_state: domain -> slot -> value; null when not asked for, ``{}`` when empty.
        domain: the active domain.
        database: the look-up for the active domain.
        dialogue_act: the acts of the reply, in the model's order.
        response: the reply.
        consistent: whether acts and reply agree (they are generated independently); null when
            it cannot be told.
        unparsed: task -> pieces of its generation that could not be understood.
        read_as: how the utterance was read; null when it was read as it was typed.
        refused: values that were understood, and are not believed.
        model: which model answered.
        timing_ms: stage -> milliseconds; ``total`` is the whole turn inside the worker.
        unconstrained: the confidences without the constraint; None where there was none, and
            then not in the JSON.
        now: from when "tomorrow" was meant, where the schema gives a slot a type; else it is not in
            the JSON.
        corrected: domain -> slots that the request named as corrected and nobody has spoken of
            anew; send it back with the state. Without any it is not in the JSON.
    """

    intent: IntentPrediction | None = None
    belief_state: Mapping[str, Mapping[str, SlotPrediction]] | None = None
    domain: ActiveDomain | None = None
    database: DatabaseMatches | None = None
    dialogue_act: tuple[ActPrediction, ...] | None = None
    response: ResponsePrediction | None = None
    consistent: bool | None = None
    unparsed: Mapping[str, tuple[str, ...]] = {}
    read_as: ReadAs | None = None
    refused: tuple[RefusedPrediction, ...] = ()
    model: ModelIdentity
    timing_ms: Mapping[str, float] = {}
    unconstrained: UnconstrainedConfidence | None = None
    now: datetime | None = Field(None, exclude_if=lambda given: given is None)
    corrected: Mapping[str, tuple[str, ...]] = {}


def encode(response: TurnResponse) -> dict[str, object]:
    """Return the response as plain JSON types; two keys are there only where they say something."""
    plain = response.model_dump(mode="json")
    if response.unconstrained is None:
        del plain["unconstrained"]
    if not response.corrected:
        del plain["corrected"]
    return plain


def decode(body: bytes | str | Mapping[str, object]) -> TurnResponse:
    """Return the response a server sent.

    Raises:
        pydantic.ValidationError: it is not a turn response.
    """
    if isinstance(body, bytes | str):
        return TurnResponse.model_validate_json(body)
    return TurnResponse.model_validate(body)


def encode_error(message: str, *, code: int = HTTPStatus.BAD_REQUEST) -> dict[str, object]:
    """Return the body of a refused request, in the shape of TorchServe's own errors.

    The code stands in the body too, since TorchServe loses an item's status over gRPC.
    """
    return {"code": int(code), "type": "RequestError", "message": message}
