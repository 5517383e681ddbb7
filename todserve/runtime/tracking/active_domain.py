"""The active domain: decides which service a turn is about.

Belief tracking calls it after it has merged the state; the look-up then counts entities of that
domain, and they fill the reply. Example: after a restaurant turn, the update
``{"train": {"day": "monday"}}`` to "and a train on monday" switches to ``train``; "thanks" does
not.

A domain is held until something speaks for another one: regenerated every turn, it flips there
and back. What may switch is, in this order: a new slot of another domain that the user's words
or the intent bear out; the intent, where the words agree; the words alone, where the domain model
is nearly certain. A checkpoint without that model decides by the other evidence.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from todserve.runtime.language.dialogue import BeliefState
from todserve.runtime.language.schema import Schema
from todserve.runtime.tracking.domain_evidence import Evidence
from todserve.runtime.tracking.domain_model import DomainModel

# Probabilities of the domain model, chosen on one half of MultiWOZ's dev split; the other half
# confirms them, and neighbouring values do as well.
_POSSIBLE = 0.05  # below, a new slot is taken for a slip of the generation
_AGREES = 0.3  # from here, the words bear out an intent
_CERTAIN = 0.8  # from here, the words need nothing else


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
    model: DomainModel | None = None,
    kind: str | None = None,
) -> DomainDecision:
    """Decide what the turn is about.

    Args:
        previous: the active domain of the turn before.
        update: what the utterance changed in the belief state; withdrawn slots speak for nothing.
        intent: the turn's intent, when it was predicted.
        utterance: what the user said, lower case.
        schema: knows slots and intents.
        model: weighs the words; None decides without.
        kind: the service of the state of which the words name a kind: "is the museum free?"
    """
    seen = Evidence.of(previous, update, intent, utterance, schema, model)
    if previous is None:
        return _first(seen, intent)
    begun = _begun(previous, seen)
    if begun is not None:
        return _switched(begun, f"new {begun} {_listed(seen.changed[begun])}")
    if not seen.changed:
        if kind is not None and kind != previous and kind in seen.named:
            return _switched(kind, f"the user says a kind of {kind}")
        asked = _asked(previous, seen, schema)
        if asked is not None:
            return _switched(asked, f"the intent is {intent}")
        if intent is None and (spoken := _spoken(previous, seen)) is not None:
            # Without an intent "i also need a taxi" changes no slot and still begins something.
            return _switched(spoken, f"the user says {spoken}")
    best = seen.likeliest
    if best not in (None, previous) and previous in seen.likely and seen.likely[best] >= _CERTAIN:
        return _switched(best, f"the words speak for {best} ({seen.likely[best]:.2f})")
    return DomainDecision(active=previous, switched=False, reason=_why_held(previous, seen, intent))


def _first(seen: Evidence, intent: str | None) -> DomainDecision:
    """Decide when nothing is active yet: the strongest evidence there is."""
    both = [domain for domain in seen.grounded if domain in seen.named]
    for candidates in (both, seen.grounded, seen.changed):
        best = _likeliest_of(candidates, seen)
        if best is not None:
            return _switched(best, f"new {best} {_listed(seen.changed[best])}")
    only = seen.spoken[0] if len(seen.spoken) == 1 else None
    if only is not None and only not in seen.named and _at_least(seen, only, _AGREES):
        # No slot bears the intent out, and the user's own word says that it is wrong.
        return _switched(only, f"the user says {only}")
    if (best := _likeliest_of(seen.named, seen)) is not None:
        return _switched(best, f"the intent is {intent}")
    if len(seen.spoken) == 1 and (best := _likeliest_of(seen.spoken, seen)) is not None:
        return _switched(best, f"the user says {best}")
    best = seen.likeliest
    if best is not None and seen.likely[best] >= _CERTAIN:
        return _switched(best, f"the words speak for {best} ({seen.likely[best]:.2f})")
    return DomainDecision(active=None, switched=False, reason="nothing names a domain yet")


def _likeliest_of(candidates: Iterable[str], seen: Evidence) -> str | None:
    possible = [domain for domain in candidates if _at_least(seen, domain, _POSSIBLE)]
    return max(possible, key=lambda domain: seen.probability(domain) or 0.0, default=None)


def _begun(previous: str, seen: Evidence) -> str | None:
    """Return the other domain whose new slots count."""
    others = [
        domain
        for domain in seen.changed
        if domain != previous
        and (domain in seen.grounded or domain in seen.named or domain in seen.spoken)
        and _at_least(seen, domain, _POSSIBLE)
    ]
    if previous in seen.changed and others:
        # Both went on and something new began: the intent decides, then the user's own words.
        wanted = [domain for domain in others if domain in seen.named]
        if not wanted and previous not in seen.named and previous not in seen.grounded:
            wanted = [domain for domain in others if domain in seen.grounded]
        if not wanted and previous not in seen.spoken:
            # "Book the restaurant for 2": the user's own word says which of the two.
            wanted = [one for one in others if one in seen.grounded and one in seen.spoken]
        others = wanted

    def strength(domain: str) -> tuple[bool, bool, bool, float]:
        said, asked = domain in seen.grounded, domain in seen.named
        return said and asked, said, asked, seen.probability(domain) or 0.0

    return max(others, key=strength, default=None)


def _asked(previous: str, seen: Evidence, schema: Schema) -> str | None:
    """Return the domain that the intent alone begins.

    Without a slot, an intent of another domain is wrong more often than right ("can i have the
    phone number?" asks for the venue at hand), so the words must agree: they name the domain, or
    the model finds it likely. A domain without slots, like the police, has only its intent.
    """
    if previous in seen.named:
        return None
    for domain in seen.named:
        known = seen.probability(domain) is not None
        if not _at_least(seen, domain, _POSSIBLE):
            continue
        if domain in seen.spoken or not schema.slots(domain):
            return domain
        if known and _at_least(seen, domain, _AGREES):
            return domain
    return None


def _spoken(previous: str, seen: Evidence) -> str | None:
    """Return the one domain the user names, if it is another and the words agree."""
    if len(seen.spoken) != 1 or seen.spoken[0] == previous:
        return None
    return seen.spoken[0] if _at_least(seen, seen.spoken[0], _AGREES) else None


def _at_least(seen: Evidence, domain: str, threshold: float) -> bool:
    """Say whether the model gives ``domain`` so much, or cannot tell."""
    probability = seen.probability(domain)
    return probability is None or probability >= threshold


def _why_held(previous: str, seen: Evidence, intent: str | None) -> str:
    if previous in seen.changed:
        return f"new {previous} {_listed(seen.changed[previous])}"
    other = next(iter(seen.changed), None)
    if other is not None and not _at_least(seen, other, _POSSIBLE):
        return f"the words speak against {other} ({seen.likely[other]:.2f})"
    if other is not None:
        return f"nothing said names {other}" + (f", and the intent is {intent}" if intent else "")
    if seen.named and previous not in seen.named:
        return f"the intent is {intent}, but nothing said bears it out"
    return "nothing names another domain"


def _switched(domain: str, reason: str) -> DomainDecision:
    return DomainDecision(active=domain, switched=True, reason=reason)


def _listed(slots: Mapping[str, str]) -> str:
    return ", ".join(f"{slot} {value}" for slot, value in slots.items())
