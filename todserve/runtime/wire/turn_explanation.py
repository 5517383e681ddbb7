"""TurnExplanation: why a turn was answered as it was, and its JSON.

``Pipeline.explain`` returns it to a client that asks to explain instead of to answer. It holds what
was found while the turn was answered, no gradients: the words that bear a value out, the conditions
of the look-up and its count, and where each value of the reply is from. Example: the slot
``{"domain": "restaurant", "slot": "pricerange", "value": "cheap", "written": "now", "source":
"utterance", "words": "cheap", ...}``.
"""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict

from todserve.runtime.wire.response import (
    IntentPrediction,
    ModelIdentity,
    Probability,
    ReadAs,
    RefusedPrediction,
)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class SlotExplanation(_Part):
    """A slot of the state, and what carried it there.

    Attributes:
        domain: its domain.
        slot: its slot.
        value: its value.
        confidence: the model's, in [0, 1]; null for a slot that was carried over without one.
        written: ``now`` where this turn set it, ``before`` where it was so already.
        source: what bears it out: ``utterance``, ``reply`` (the last one), ``earlier`` (said
            before that), ``state`` (another value of the state before), ``entity`` (what was
            under discussion), ``corrected`` (a person set it), or ``unchecked`` (this model's
            values of such slots are not looked for). Null where nothing that was sent shows it:
            the state said so.
        words: the shortest run of words there that bears the value out by itself, lower case, as
            they were read; null where it is not words that do.
    """

    domain: str
    slot: str
    value: str
    confidence: Probability | None = None
    written: Literal["now", "before"]
    source: str | None = None
    words: str | None = None


class Condition(_Part):
    """One thing that a look-up asked of an entity.

    Attributes:
        slot: the column.
        comparison: ``equal``, ``name`` (in any usual spelling), ``at_or_after``, ``at_or_before``,
            or ``arranged`` where the database makes an entity to order.
        value: what it was held against.
    """

    slot: str
    comparison: str
    value: str


class LookUpExplanation(_Part):
    """The look-up: what was asked, and how much answered it.

    Attributes:
        domain: the domain looked in; null where there was no look-up.
        conditions: all of which hold for what was found.
        without: slots of the domain's state that the database cannot be asked for, or that leave
            everything open.
        matches: how many entities; null where there was no look-up.
        first: the entity that the reply speaks of first.
    """

    domain: str | None = None
    conditions: tuple[Condition, ...] = ()
    without: tuple[str, ...] = ()
    matches: int | None = None
    first: Mapping[str, str] | None = None


class ActExplanation(_Part):
    """An act of the reply, and the value that the reply gives its slot.

    Attributes:
        domain: its domain.
        act: what is done.
        slot: what it is about; "" for nothing.
        source: ``generation``: the network wrote it, given the look-up's count; ``rule`` where it
            follows from the intent alone.
        value: the value of that slot in the reply; null where the reply gives none.
        origin: of the value, as of a `ValueExplanation`.
    """

    domain: str
    act: str
    slot: str = ""
    source: Literal["generation", "rule"]
    value: str | None = None
    origin: str | None = None


class ValueExplanation(_Part):
    """A value that the reply says.

    Attributes:
        slot: its slot.
        value: as the database or the state has it; null where there was none.
        origin: ``result`` (an entity that was found), ``shared`` (what all found have in common),
            ``count`` (how many were found), ``state``, ``reference`` (made from what is booked),
            ``kind`` (a word for what the domain has), or ``nowhere``.
        entity: the number of the entity among those found, from 0; null but for ``result``.
    """

    slot: str
    value: str | None
    origin: str
    entity: int | None = None


class ReplyExplanation(_Part):
    """The reply, and where it is from.

    Attributes:
        text: as it is sent.
        source: ``generation``, ``alternative`` or ``plain``, as of the answer.
        rules: what the first generation was refused or repaired for.
        values: of its placeholders, in order.
    """

    text: str
    source: str
    rules: tuple[str, ...] = ()
    values: tuple[ValueExplanation, ...] = ()


class TurnExplanation(_Part):
    """Why one turn was answered as it was.

    Attributes:
        intent: as of the answer; the network's own judgement, which no words are told for.
        read_as: how the utterance was read; null when it was read as it was typed.
        slots: every slot of the state after the turn.
        refused: values that were understood and did not enter the state.
        domain_reason: why the turn is about the domain that it is about.
        look_up: what was asked of the database.
        dialogue_act: the acts of the reply.
        response: the reply.
        model: which model answered.
    """

    intent: IntentPrediction | None = None
    read_as: ReadAs | None = None
    slots: tuple[SlotExplanation, ...] = ()
    refused: tuple[RefusedPrediction, ...] = ()
    domain_reason: str | None = None
    look_up: LookUpExplanation
    dialogue_act: tuple[ActExplanation, ...] = ()
    response: ReplyExplanation | None = None
    model: ModelIdentity
