"""Completion: what the user asked for, or the acts promised, is told even where the reply forgot.

Stands after the second engine call, before lexicalisation. A small model asked for a phone number
may well write "it is in the centre."; the number is in the database all the same. Example: "what is
their postcode?" with the reply ``it is a [value_food] restaurant.`` gets
``the postcode is [value_postcode].`` behind it, and the response says so in ``completed``.

Only what the look-up holds is added, and a booking's reference only where nothing is missing for
the booking.
"""

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from todserve.runtime.dialogue import BeliefState, DialogueAct
from todserve.runtime.formats import placeholders
from todserve.runtime.knowledge import DatabaseResult

_TOLD = ("phone", "address", "postcode", "reference", "price", "fee")
"""Slots that can be added, in the order they are told."""

_ASKED: Mapping[str, re.Pattern[str]] = {
    "phone": re.compile(r"\b(?:tele)?phone\b|\bcontact (?:number|info)"),
    "address": re.compile(r"\baddress(?:es)?\b"),
    "postcode": re.compile(r"\bpost ?-?codes?\b|\bpostal code\b|\bzip\b"),
    "reference": re.compile(r"\b(?:reference|confirmation)\b"),
    "price": re.compile(r"\b(?:price|fare|cost|how much)\b"),
    "fee": re.compile(r"\b(?:entrance|admission|entry)\b"),
}
"""How users ask for a slot."""

_DECLINED = re.compile(r"\b(?:don'?t|do not|no need|not need|without)\b[^.?!,;]*$")

_PROMISING = frozenset({"inform", "recommend", "book", "offerbooked"})
"""Acts that tell their slot; ``request`` asks for it."""

_BOOKED_WITH: Mapping[str, tuple[str, ...]] = {
    "restaurant": ("day", "time", "people"),
    "hotel": ("day", "stay", "people"),
    "train": ("people", "day", "departure", "destination"),
}
"""Slots without which there is no booking."""

_PHRASES: Mapping[str, str] = {
    "phone": "the phone number is [value_phone]",
    "address": "the address is [value_address]",
    "postcode": "the postcode is [value_postcode]",
    "reference": "the reference number is [value_reference]",
    "price": "the price is [value_price]",
    "fee": "the entrance fee is [value_fee]",
}

_FEW = 10
"""Matches of which one is named beside their count."""

_NAMED = frozenset({"restaurant", "hotel", "attraction"})
"""Domains whose entities have names; a phone number without one is of no use."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Completion:
    """A reply and what was added to it.

    Attributes:
        text: the delexicalised reply, added sentences included.
        added: slots of the added placeholders, in order.
    """

    text: str
    added: tuple[str, ...] = ()


def complete(
    delexicalised: str,
    *,
    utterance: str,
    acts: Sequence[DialogueAct],
    state: BeliefState,
    result: DatabaseResult | None,
    said: str,
) -> Completion:
    """Add what the user asked for, or what the acts promise, if the reply does not tell it.

    Args:
        delexicalised: the generated reply.
        utterance: what the user said, any case.
        acts: the generated acts of the reply; empty when they were not asked for.
        state: the belief state after the utterance.
        result: the look-up in the active domain; nothing is added without an entity.
        said: the system's earlier replies, lower case: a name in it need not be said again.
    """
    if result is None or not result.results:
        return Completion(text=delexicalised)
    domain, entity = result.domain, result.results[0]
    shown = set(placeholders(delexicalised))
    wanted = _asked(utterance.lower()) | {
        act.slot for act in acts if act.domain == domain and act.act in _PROMISING
    }
    added = [
        slot
        for slot in _TOLD
        if slot in wanted - shown and _known(slot, domain, entity, state.get(domain, {}))
    ]
    concrete = bool(added) or "reference" in shown
    few = "choice" in shown and result.matches <= _FEW
    name = (concrete or few) and domain in _NAMED and _unnamed(entity, shown, said)
    if not added and not name:
        return Completion(text=delexicalised)
    # A booking or an address is of one place; a count is of several.
    pointing = "this is" if concrete or result.matches == 1 else "one of them is"
    parts = [f"{pointing} [value_name]"] if name else []
    parts += [_PHRASES[slot] for slot in added]
    return Completion(
        text=f"{delexicalised} {_joined(parts)}.".strip(),
        added=(("name",) if name else ()) + tuple(added),
    )


def _asked(utterance: str) -> set[str]:
    return {
        slot
        for slot, pattern in _ASKED.items()
        if (match := pattern.search(utterance)) and not _DECLINED.search(utterance[: match.start()])
    }


def _unnamed(entity: Mapping[str, str], shown: AbstractSet[str], said: str) -> bool:
    name = entity.get("name", "").lower()
    return bool(name) and "name" not in shown and name not in said


def _known(slot: str, domain: str, entity: Mapping[str, str], slots: Mapping[str, str]) -> bool:
    if slot == "reference":
        needed = _BOOKED_WITH.get(domain)
        return needed is not None and all(slots.get(one) for one in needed)
    if slot == "price" and domain != "train":
        return False  # a restaurant has a price range, and people ask for that
    return bool(entity.get(slot))


def _joined(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
