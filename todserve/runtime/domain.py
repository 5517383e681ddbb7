"""The active domain: what a turn is about.

Stands between the belief merge and the look-up: the active domain says which entities are counted
and fill the reply. Example: after a restaurant turn, the update ``{"train": {"day": "monday"}}``
to "and a train on monday" switches to ``train``; "thanks" does not.

A domain is held until something speaks for another one. Regenerating it every turn flips there and
back: of 979 switches in PPTOD's published predictions 25 do.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from todserve.runtime.dialogue import DELETED, BeliefState
from todserve.runtime.phrases import spellings, words_of
from todserve.runtime.schema import Schema

_ALSO_SAID: Mapping[str, tuple[str, ...]] = {
    "internet": ("wifi", "wi-fi"),
    "pricerange": ("price",),
    "leave": ("leaving", "depart"),
    "arrive": ("arriving",),
    "food": ("cuisine",),
}
"""How users name a slot whose value they do not say ("wifi" for internet: yes)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DomainDecision:
    """The domain of a turn.

    Attributes:
        active: the domain; None as long as nothing has named one.
        switched: whether it differs from the previous turn's, a first domain included.
        reason: one sentence for whoever reads the response.
    """

    active: str | None
    switched: bool
    reason: str


def decide(
    previous: str | None,
    update: BeliefState,
    intent: str | None,
    utterance: str,
    schema: Schema,
) -> DomainDecision:
    """Decide what the turn is about.

    Args:
        previous: the active domain of the turn before.
        update: what the utterance changed in the belief state; withdrawn slots speak for nothing.
        intent: the turn's intent, when it was predicted.
        utterance: what the user said, lower case.
        schema: knows slots and intents.
    """
    changed = {
        domain: valid
        for domain, slots in update.items()
        if (valid := _valid(domain, slots, schema))
    }
    named = schema.intent_domains(intent)
    grounded = [domain for domain, slots in changed.items() if _grounded(slots, utterance)]
    others = [domain for domain in changed if domain != previous]
    said = [domain for domain in grounded if domain != previous]
    if previous in changed and others:
        # Both went on and something new began: the intent decides, then the user's own words.
        wanted = [domain for domain in others if domain in named]
        if not wanted and previous not in named and previous not in grounded:
            wanted = said
        others = wanted
    elif others and not said and previous is not None and previous in named:
        return _held(previous, f"nothing said names {others[0]}, and the intent is {intent}")
    if others:
        best = next((one for one in others if one in named and one in said), None)
        best = best or next(iter([*[one for one in others if one in said], *others]))
        return _switched(previous, best, f"new {best} {_listed(changed[best])}")
    if named and not changed and previous not in named:
        return _switched(previous, named[0], f"the intent is {intent}")
    spoken = _named_domains(utterance, schema)
    if not changed and len(spoken) == 1 and (previous is None or intent is None):
        # Without an intent "i also need a taxi" changes no slot and still begins something.
        return _switched(previous, spoken[0], f"the user says {spoken[0]}")
    if previous is None:
        return DomainDecision(active=None, switched=False, reason="nothing names a domain yet")
    if previous in changed:
        return _held(previous, f"new {previous} {_listed(changed[previous])}")
    return _held(previous, "nothing names another domain")


def _named_domains(utterance: str, schema: Schema) -> list[str]:
    said = [word.key for word in words_of(utterance.lower())]
    return [
        domain
        for domain in schema.domains
        if any(_contains(said, sequence) for sequence in spellings(domain))
    ]


def _held(domain: str, reason: str) -> DomainDecision:
    return DomainDecision(active=domain, switched=False, reason=reason)


def _switched(previous: str | None, domain: str, reason: str) -> DomainDecision:
    return DomainDecision(active=domain, switched=domain != previous, reason=reason)


def _listed(slots: Mapping[str, str]) -> str:
    return ", ".join(f"{slot} {value}" for slot, value in slots.items())


def _valid(domain: str, slots: Mapping[str, str], schema: Schema) -> dict[str, str]:
    return {
        slot: value
        for slot, value in slots.items()
        if value != DELETED and schema.normalise_value(domain, slot, value) is not None
    }


def _grounded(slots: Mapping[str, str], utterance: str) -> bool:
    said = [word.key for word in words_of(utterance.lower())]
    return any(
        _contains(said, sequence)
        for slot, value in slots.items()
        for phrase in (value, slot, *_ALSO_SAID.get(slot, ()))
        for sequence in spellings(phrase)
    )


def _contains(words: list[str], sequence: tuple[str, ...]) -> bool:
    length = len(sequence)
    return any(tuple(words[at : at + length]) == sequence for at in range(len(words) - length + 1))
