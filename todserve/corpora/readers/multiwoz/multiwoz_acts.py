"""MultiWOZ's annotated acts as dialogue acts, intents and active domains.

The MultiWOZ readers translate the publishers' acts with it. Example: the user acts
``{"Hotel-Inform": [["Stay", "3"]]}`` mean intent ``book_hotel`` in domain ``hotel``.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from todserve.corpora.readers.multiwoz.multiwoz_names import (
    BOOKING_SLOTS,
    DOMAINS,
    VENUES,
    act_slot,
)
from todserve.runtime.language.dialogue import GENERAL, DialogueAct

Annotation = Mapping[str, Sequence[Sequence[str]]]
"""``dialog_act`` of one turn: "Hotel-Inform" -> [[slot, value], ...]."""

_BOOKING = "booking"
# The wizard's Booking-Inform offers to book ("shall I book it?"): 1,053 of its 1,152 uses carry
# no slot. Trains have an act of their own for that, so venues use the same one.
_BOOKING_ACTS = {"inform": "offerbook"}
_FIXED_INTENTS = {
    "taxi": "book_taxi",
    "attraction": "find_attraction",
    "hospital": "find_hospital",
    "police": "police",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class UserMeaning:
    """What a user's acts say: None where they say nothing."""

    intent: str | None
    domain: str | None


def user_meaning(annotation: Annotation, previous: str | None) -> UserMeaning:
    """Return intent and domain of a user turn.

    The rule: the domain is that of the user's acts; of several, the first that is not the
    previous turn's (the user moves on). Filling a booking slot of a hotel, restaurant or train,
    or asking for the reference number, is ``book_X``, anything else about it ``find_X``. Only
    general acts are ``general``. No acts at all: not annotated, None.
    """
    named = [act.partition("-")[0].lower() for act in annotation]
    domains = [domain for domain in named if domain in DOMAINS]
    if not domains:
        return UserMeaning(intent=GENERAL if named else None, domain=None)
    domain = next((one for one in domains if one != previous), domains[0])
    if domain in _FIXED_INTENTS:
        return UserMeaning(intent=_FIXED_INTENTS[domain], domain=domain)
    slots = {
        act_slot(slot)
        for act, pairs in annotation.items()
        if act.lower().startswith(f"{domain}-")
        for slot, *_ in pairs
    }
    books = bool(slots & (BOOKING_SLOTS[domain] | {"reference"}))
    # "a train on friday" searches by day; only hotels and restaurants are booked for one.
    return UserMeaning(intent=f"{'book' if books else 'find'}_{domain}", domain=domain)


def system_acts(annotation: Annotation, venue: str | None) -> tuple[DialogueAct, ...]:
    """Return the acts of a system turn, each once, in annotation order.

    Args:
        annotation: its ``dialog_act``.
        venue: the hotel or restaurant domain the talk is about, which takes the place of
            MultiWOZ's ``Booking``; None leaves ``booking``.
    """
    acts: dict[DialogueAct, None] = {}
    for name, pairs in annotation.items():
        domain, _, act = name.lower().partition("-")
        for slot, *_ in pairs:
            if domain == _BOOKING:
                booked = booked_domain(pairs) or venue or _BOOKING
                one = DialogueAct(
                    domain=booked, act=_BOOKING_ACTS.get(act, act), slot=act_slot(slot)
                )
            else:
                one = DialogueAct(domain=domain, act=act, slot=act_slot(slot))
            acts[one] = None
    return tuple(acts)


def booked_domain(pairs: Iterable[Sequence[str]]) -> str | None:
    """Return the venue that a ``Booking-*`` act's slots give away, if they do."""
    slots = {pair[0].lower() for pair in pairs}
    # Nobody stays in a restaurant, and a room has no clock time.
    if "stay" in slots:
        return "hotel"
    return "restaurant" if "time" in slots else None


def venue_of(annotation: Annotation) -> str | None:
    """Return the first hotel or restaurant domain among the acts of a turn."""
    named = (act.partition("-")[0].lower() for act in annotation)
    return next((domain for domain in named if domain in VENUES), None)


def domain_of(acts: Iterable[DialogueAct]) -> str | None:
    """Return the first domain the acts of a system turn name, general ones aside."""
    return next((act.domain for act in acts if act.domain in DOMAINS), None)
