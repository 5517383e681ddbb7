"""Belief tracking: the previous state and a generation become the new state.

Stands between the parsed generation and the look-up on the way of a request.
Example: state ``hotel area north`` and update ``[hotel] stars 4 area none`` give ``hotel stars 4``.

A slot the model wrote carries the model's probability of its value, under a constraint the one
among the values it allowed; a slot carried over keeps the confidence the client sent, or none.
Slots of a WHOLE-state generation (PPTOD's form) are laid over the previous state instead of
replacing it: regenerated from nothing, slots vanish between turns. The price is that such a model
cannot withdraw a slot, only change it. The state of a TURN alone replaces what was known.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from todserve.runtime.dialogue import DELETED, BeliefState, apply_update, state_update
from todserve.runtime.domain import DomainDecision, decide
from todserve.runtime.domain_model import DomainModel
from todserve.runtime.formats import ParsedBeliefState, ValueSpan
from todserve.runtime.names import KnownNames
from todserve.runtime.prompts import BeliefTarget
from todserve.runtime.reading import Reading
from todserve.runtime.response import WordChange
from todserve.runtime.schema import Schema
from todserve.runtime.tokenization import UNKNOWN

Confidence = Mapping[str, Mapping[str, float]]
"""domain -> slot -> probability in [0, 1]; a slot without one is absent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """What a turn inherits from the one before and hands to the next."""

    state: BeliefState = field(default_factory=dict)
    confidence: Confidence = field(default_factory=dict)
    domain: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Tracked:
    """A turn after tracking.

    Attributes:
        memory: the new state, its confidences and the active domain.
        decision: why that domain.
        unparsed: pieces of the generation that were not understood or that the schema refuses.
        unconstrained: of the slots the model wrote under a constraint, its probability of their
            values among everything it might have written.
        renamed: values brought to the spelling of the name in the database that they mean.
    """

    memory: Memory
    decision: DomainDecision
    unparsed: tuple[str, ...]
    renamed: tuple[WordChange, ...] = ()
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
    """
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
    for span, accepted_value in accepted:
        value = accepted_value
        if names is not None:
            value = names.meant(span.domain, span.slot, accepted_value)
        if value != accepted_value:
            renamed.append(WordChange(typed=accepted_value, read=value))
        written.setdefault(span.domain, {})[span.slot] = value
        probability = reading.probability_among_allowed(span.start, span.end)
        confidence.setdefault(span.domain, {})[span.slot] = probability
        if reading.constrained:
            own = reading.probability(span.start, span.end)
            unconstrained.setdefault(span.domain, {})[span.slot] = own
    state = apply_update(before, written)
    update = state_update(before, state)
    decision = decide(memory.domain, update, intent, utterance, schema, domain_model)
    return Tracked(
        memory=Memory(
            state=state,
            confidence=_only(confidence, state),
            domain=decision.active,
        ),
        decision=decision,
        unparsed=tuple(unparsed),
        renamed=tuple(dict.fromkeys(renamed)),
        unconstrained=_only(unconstrained, state),
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
