"""Belief tracking: merges what the network understood into the state of the dialogue.

The pipeline calls it with the parsed generation, before it looks up the state that comes out.
Example: state ``hotel area north`` and update ``[hotel] stars 4 area none`` give ``hotel stars 4``.

A slot the model wrote carries the model's probability of its value, under a constraint the one
among the values it allowed; a slot carried over keeps the confidence the client sent, or none.
Slots of a WHOLE-state generation (PPTOD's form) are laid over the previous state instead of
replacing it: regenerated from nothing, slots vanish between turns. The price is that such a model
cannot withdraw a slot, only change it. The state of a TURN alone replaces what was known.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from todserve.runtime.decoding.parsed_generation import Reading
from todserve.runtime.language.dialogue import (
    DELETED,
    OUT_OF_SCOPE,
    BeliefState,
    Slots,
    apply_update,
    state_update,
)
from todserve.runtime.language.formats import ParsedBeliefState, ValueSpan
from todserve.runtime.language.prompts import BeliefTarget, Exchange
from todserve.runtime.language.schema import Schema
from todserve.runtime.language.tokenizer import UNKNOWN
from todserve.runtime.spelling.known_names import KnownNames
from todserve.runtime.tracking.active_domain import DomainDecision, decide
from todserve.runtime.tracking.domain_model import DomainModel
from todserve.runtime.tracking.grounds import Grounds, Spoken
from todserve.runtime.tracking.wish_parts import WishPart
from todserve.runtime.values.unreadable import UnreadableValue
from todserve.runtime.values.value_reader import ValueReader
from todserve.runtime.wire.response import NormalisedValue, WordChange

Confidence = Mapping[str, Mapping[str, float]]
"""domain -> slot -> probability in [0, 1]; a slot without one is absent."""

Meant = Mapping[str, Mapping[str, NormalisedValue]]
"""domain -> slot -> what its value means; a slot without a type is absent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """What a turn inherits from the one before and hands to the next.

    Attributes:
        state: the belief state.
        confidence: of its values, where it is known.
        meant: what its values were found to mean when they were said, where slots have types.
        domain: the active domain.
        corrected: slots that a person has set or taken back, and nobody has spoken of since.
    """

    state: BeliefState = field(default_factory=dict)
    confidence: Confidence = field(default_factory=dict)
    meant: Meant = field(default_factory=dict)
    domain: str | None = None
    corrected: Slots = field(default_factory=dict)


class Refusal(StrEnum):
    """Why a value does not enter the state."""

    NOT_SAID = "not said"
    """Nothing that was said or found bears it out."""
    DOUBTFUL = "doubtful"
    """Its confidence is below what is worth acting on; the reply asks for it."""
    CORRECTED = "corrected"
    """A person has corrected the slot, and the utterance says nothing new of it."""
    UNREADABLE = "unreadable"
    """It is none of its slot's type; the reply asks for it."""
    UNKNOWN = "unknown"
    """The user's own words for what the schema does not know; the reply says what it knows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RefusedValue:
    """A value that the model wrote and that does not enter the state; ``detail`` says more."""

    domain: str
    slot: str
    value: str
    reason: Refusal
    detail: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tracked:
    """The new belief state of a turn, and what was refused on the way.

    Attributes:
        memory: the new state, its confidences and the active domain.
        decision: why that domain.
        unparsed: pieces of the generation that were not understood or that the schema refuses.
        refused: values that were understood, and are not believed.
        unconstrained: of the slots the model wrote under a constraint, its probability of their
            values among everything it might have written.
        moment: from when days were counted; None where no slot has a type.
        renamed: values brought to the spelling of the name in the database that they mean.
    """

    memory: Memory
    decision: DomainDecision
    unparsed: tuple[str, ...]
    renamed: tuple[WordChange, ...] = ()
    refused: tuple[RefusedValue, ...] = ()
    moment: datetime | None = None
    unconstrained: Confidence = field(default_factory=dict)


def track(
    memory: Memory,
    reading: Reading,
    *,
    target: BeliefTarget,
    schema: Schema,
    intent: str | None,
    utterance: str,
    domain_model: DomainModel | None = None,
    names: KnownNames | None = None,
    grounds: Grounds | None = None,
    history: Sequence[Exchange] = (),
    act_from: float = 0.0,
    parts: Sequence[tuple[WishPart, Reading]] = (),
    values: ValueReader | None = None,
    now: datetime | None = None,
) -> Tracked:
    """Apply a belief-state generation to what was known.

    Args:
        memory: before the user's utterance.
        reading: the belief-state generation.
        target: whether it is the whole state, an update, or the state of this turn alone.
        schema: refuses slots and values it does not know, and spells the others its way.
        intent: the user's intent, if it was asked for.
        utterance: the user's words.
        domain_model: weighs the words for the active domain; None does without.
        names: of the database, for values that misspell one; None leaves values as written.
        grounds: looks for what bears a value out; None believes every one.
        history: what was said before, for ``grounds``.
        act_from: the least confidence of a value that enters the state.
        parts: parts of the utterance that each wish for another service, and their readings: of
            that service they know better than ``reading`` what its own words say.
        values: reads values of slots with a type; None where none has one.
        now: what time it is for the user; None for the server's clock.
    """
    moment = values.moment(now) if values is not None else None
    parsed: ParsedBeliefState = reading.parsed
    accepted = accepted_spans(reading, target, schema)
    taken = {span for span, _ in accepted}
    refused = [span for span in parsed.spans if span not in taken]
    unparsed = list(parsed.unparsed)
    unparsed += [f"[{span.domain}] {span.slot} {span.value}" for span in refused]
    written: dict[str, dict[str, str]] = {}
    before = {} if target is BeliefTarget.TURN else memory.state
    confidence = {domain: dict(slots) for domain, slots in memory.confidence.items()}
    unconstrained: dict[str, dict[str, float]] = {}
    renamed: list[WordChange] = []
    spoken = Spoken.of(utterance, history, memory.state, moment)
    said = f"{spoken.reply} {spoken.utterance}"
    doubted: list[RefusedValue] = []
    corrected = {domain: set(slots) for domain, slots in memory.corrected.items()}
    heard = [(reading, span, value) for span, value in accepted]
    if grounds is not None:
        heard = _with_parts(heard, parts, grounds, target, schema)
    for read, span, accepted_value in heard:
        value = accepted_value
        if names is not None:
            value = names.meant(span.domain, span.slot, accepted_value)
        if grounds is not None:
            value = grounds.venues.whole(span.domain, span.slot, value)
            known = memory.state.get(span.domain, {}).get(span.slot, "")
            value = grounds.ways.in_the_evening(span.domain, span.slot, value, said, known)
        if grounds is not None and span.slot in corrected.get(span.domain, ()):
            if not grounds.said_anew(span.domain, span.slot, accepted_value, utterance):
                if value != memory.state.get(span.domain, {}).get(span.slot, DELETED):
                    doubted.append(_refused(span, value, Refusal.CORRECTED))
                continue
            corrected[span.domain].discard(span.slot)
        if value != memory.state.get(span.domain, {}).get(span.slot):
            # A misspelt name is borne out by what was typed, not by the name that is meant.
            reason = _refusal(span, accepted_value, read, spoken, grounds, act_from)
            if reason is not None:
                doubted.append(_refused(span, value, reason))
                continue
            unreadable = _unreadable(span, value, values, moment)
            if unreadable is not None:
                doubted.append(unreadable)
                continue
        if value != accepted_value:
            renamed.append(WordChange(typed=accepted_value, read=value))
        written.setdefault(span.domain, {})[span.slot] = value
        probability = read.probability_among_allowed(span.start, span.end)
        confidence.setdefault(span.domain, {})[span.slot] = probability
        if read.constrained:
            own = read.probability(span.start, span.end)
            unconstrained.setdefault(span.domain, {})[span.slot] = own
    unknown = set[tuple[str, str]]()
    if grounds is not None and grounds.ways.checked:
        unknown = _unknown(written, doubted, utterance, memory, grounds)
        written = _without(written, unknown)
    if grounds is not None:
        venue = grounds.venues.overlooked(utterance, spoken.reply, memory.state, written)
        if venue is not None:
            written.setdefault(venue.domain, {})[venue.slot] = venue.name
            corrected.get(venue.domain, set()).discard(venue.slot)
        orders = grounds.orders.of(
            utterance,
            state=memory.state,
            domain=memory.domain,
            written=written,
            reply=spoken.reply,
            parted=bool(parts),
            unsaid=[(one.domain, one.slot) for one in doubted if one.reason is Refusal.NOT_SAID],
        )
        for domain, slot in orders.slots:
            # The words say so, so no probability does, and whoever corrected it is overruled.
            confidence.get(domain, {}).pop(slot, None)
            corrected.get(domain, set()).discard(slot)
        written = _of_schema(_without(orders.over(written), unknown), written, schema)
        for domain, slot in grounds.outlived.of(utterance, memory.state, written).items():
            written = {**written, domain: {**written[domain], slot: DELETED}}
    state = apply_update(before, written)
    update = state_update(before, state)
    kind = None
    if grounds is not None and not update:
        kind = grounds.orders.service_of(utterance.lower(), memory.state)
    decision = decide(memory.domain, update, intent, utterance, schema, domain_model, kind)
    return Tracked(
        memory=Memory(
            state=state,
            confidence=_only(confidence, state),
            meant=_meant(memory, state, spoken, values, moment),
            domain=decision.active,
            corrected={
                domain: tuple(sorted(slots)) for domain, slots in corrected.items() if slots
            },
        ),
        decision=decision,
        unparsed=tuple(unparsed),
        renamed=tuple(dict.fromkeys(renamed)),
        refused=tuple(doubted),
        moment=moment,
        unconstrained=_only(unconstrained, state),
    )


def _with_parts(
    heard: Sequence[tuple[Reading, ValueSpan, str]],
    parts: Sequence[tuple[WishPart, Reading]],
    grounds: Grounds,
    target: BeliefTarget,
    schema: Schema,
) -> list[tuple[Reading, ValueSpan, str]]:
    """Lay what a service's own part of the utterance says over what all of it made heard."""
    named = {part.domain for part, _ in parts}
    of_parts = {
        (span.domain, span.slot): (reading, span, value)
        for part, reading in parts
        for span, value in accepted_spans(reading, target, schema)
        if (span.domain == part.domain if part.domain else span.domain not in named)
        and value != DELETED
        and grounds.grounded(span.domain, span.slot, value, Spoken.of(part.text, (), {}))
    }
    unnamed = {domain for domain, _ in of_parts} - named
    whole = [
        one
        for one in heard
        if (one[1].domain, one[1].slot) not in of_parts
        # What names no service was read by itself as wishing for another one.
        and (not unnamed or one[1].domain in named | unnamed)
        and not _of_another_part(one[1], one[2], [part for part, _ in parts], grounds)
    ]
    return [*whole, *of_parts.values()]


def _of_another_part(
    span: ValueSpan, value: str, parts: Sequence[WishPart], grounds: Grounds
) -> bool:
    """Say whether a closed value was said in the part of another service, and not in its own."""
    if span.domain not in [part.domain for part in parts] or not grounds.narrows(span):
        return False
    says = {
        part.domain in ("", span.domain)
        for part in parts
        if grounds.grounded(span.domain, span.slot, value, Spoken.of(part.text, (), {}))
    }
    return says == {False}


def _unknown(
    written: Mapping[str, Mapping[str, str]],
    doubted: list[RefusedValue],
    utterance: str,
    memory: Memory,
    grounds: Grounds,
) -> set[tuple[str, str]]:
    """Refuse what the user wishes and the schema does not know.

    Returns:
        (domain, slot) of which nothing that was written counts.
    """
    unsaid = [(one.domain, one.slot) for one in doubted if one.reason is Refusal.NOT_SAID]
    places = set[tuple[str, str]]()
    for wish in grounds.unknown.of(
        utterance, domain=memory.domain, state=memory.state, written=written, unsaid=unsaid
    ):
        place = (wish.domain, wish.slot)
        doubted[:] = [one for one in doubted if (one.domain, one.slot) != place]
        doubted.append(
            RefusedValue(
                domain=wish.domain, slot=wish.slot, value=wish.value, reason=Refusal.UNKNOWN
            )
        )
        # The other end of an unknown way is only what the user says it is: nothing is swapped.
        slots = written.get(wish.domain, {})
        places |= {place} | {
            (wish.domain, slot)
            for slot in grounds.ways.pointing.paired(wish.slot)
            if slots.get(slot, "") not in utterance.lower()
        }
    return places


def _without(
    written: Mapping[str, Mapping[str, str]], places: Collection[tuple[str, str]]
) -> dict[str, dict[str, str]]:
    return {
        domain: left
        for domain, slots in written.items()
        if (left := {one: of for one, of in slots.items() if (domain, one) not in places})
    }


def _of_schema(
    ordered: BeliefState, written: BeliefState, schema: Schema
) -> dict[str, dict[str, str]]:
    """Return what is ordered without the values that a slot cannot have.

    A state with one of them would be refused when the client sends it back. In its place comes what
    the network wrote: "broxbourne" where a train was to leave "from there", from a restaurant.
    """

    def known(domain: str, slot: str, value: str) -> bool:
        return value == DELETED or schema.normalise_value(domain, slot, value) is not None

    kept: dict[str, dict[str, str]] = {}
    for domain, slots in ordered.items():
        for slot, value in slots.items():
            own = written.get(domain, {}).get(slot)
            if known(domain, slot, value):
                kept.setdefault(domain, {})[slot] = value
            elif own is not None:
                kept.setdefault(domain, {})[slot] = own
    return kept


def _refused(span: ValueSpan, value: str, reason: Refusal) -> RefusedValue:
    return RefusedValue(domain=span.domain, slot=span.slot, value=value, reason=reason)


def _unreadable(
    span: ValueSpan, value: str, values: ValueReader | None, moment: datetime | None
) -> RefusedValue | None:
    """Return the refusal of a value that is none of its slot's type; None where it is one."""
    if values is None or moment is None:
        return None
    try:
        values.read(span.domain, span.slot, value, moment)
    except UnreadableValue as error:
        return replace(_refused(span, value, Refusal.UNREADABLE), detail=str(error))
    return None


def _meant(
    memory: Memory,
    state: BeliefState,
    spoken: Spoken,
    values: ValueReader | None,
    moment: datetime | None,
) -> Meant:
    """Return what the values of a state mean.

    What was said before keeps the meaning that it had then: "tomorrow" moves only when it is said
    again.
    """
    if values is None or moment is None:
        return {}
    found: dict[str, dict[str, NormalisedValue]] = {}
    for domain, slot in values.schema.types:
        value = state.get(domain, {}).get(slot)
        if value is None:
            continue
        known = memory.meant.get(domain, {}).get(slot)
        same = value == memory.state.get(domain, {}).get(slot)
        if known is None or not same or value in spoken.utterance:
            try:
                known = values.read(domain, slot, value, moment)
            except UnreadableValue:  # a client's own, which is left as it is
                known = None
        if known is not None:
            found.setdefault(domain, {})[slot] = known
    return found


def _refusal(
    span: ValueSpan,
    value: str,
    reading: Reading,
    spoken: Spoken,
    grounds: Grounds | None,
    act_from: float,
) -> Refusal | None:
    """Return why a new value is not believed; None where it is."""
    if grounds is not None and not grounds.grounded(span.domain, span.slot, value, spoken):
        return Refusal.NOT_SAID
    doubtful = reading.probability_among_allowed(span.start, span.end) < act_from
    return Refusal.DOUBTFUL if doubtful and value != DELETED else None


def left_alone(memory: Memory) -> Tracked:
    """Return what an utterance that lies outside every service leaves behind: all as it was."""
    return Tracked(
        memory=memory,
        decision=DomainDecision(
            active=memory.domain, switched=False, reason=f"the intent is {OUT_OF_SCOPE}"
        ),
        unparsed=(),
    )


def accepted_spans(
    reading: Reading, target: BeliefTarget, schema: Schema
) -> list[tuple[ValueSpan, str]]:
    """Return the spans of a belief-state generation that count, and the values they write.

    A later span of the same slot overrules an earlier one.
    """
    parsed: ParsedBeliefState = reading.parsed
    found = [
        (span, None if _cut_off(span, reading) else _accepted(span, target, schema))
        for span in parsed.spans
    ]
    return [(span, value) for span, value in found if value is not None]


def _cut_off(span: ValueSpan, reading: Reading) -> bool:
    # The length cap may have come in the middle of the last value.
    return not reading.generation.finished and span.end == len(reading.text.rstrip())


def _accepted(span: ValueSpan, target: BeliefTarget, schema: Schema) -> str | None:
    if target is BeliefTarget.UPDATE and span.value == DELETED:
        return DELETED
    if UNKNOWN in span.value:
        return None  # the vocabulary cannot say the value, so this is not what the user said
    return schema.normalise_value(span.domain, span.slot, span.value)


def _only(confidence: Confidence, state: BeliefState) -> dict[str, dict[str, float]]:
    kept = {
        domain: {
            slot: probability
            for slot, probability in slots.items()
            if slot in state.get(domain, {})
        }
        for domain, slots in confidence.items()
    }
    return {domain: slots for domain, slots in kept.items() if slots}
