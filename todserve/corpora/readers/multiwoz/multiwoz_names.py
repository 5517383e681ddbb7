"""MultiWOZ's many spellings of slots, values and acts, and the one this project uses.

The MultiWOZ readers and the standardised evaluation look names up in it. Example: column
``hotel-book day`` is ``("hotel", "day")``; act ``Train-OfferBooked`` with slot ``Ticket`` is
``train / offerbooked / price``.
"""

import re

from todserve.runtime.language.dialogue import DONTCARE

DOMAINS = ("attraction", "hotel", "restaurant", "taxi", "train", "hospital", "police")
"""The domains kept; ``bus`` never occurs in a state and is ignored."""

VENUES = ("hotel", "restaurant")
"""The domains that MultiWOZ's ``Booking-*`` acts are about."""

BOOKING_SLOTS = {
    "hotel": frozenset({"day", "people", "stay"}),
    "restaurant": frozenset({"day", "people", "time"}),
    "train": frozenset({"people"}),
}
"""Slots that a user fills to book, not to search."""

_STATE_SLOTS = {
    "leaveat": "leave",
    "arriveby": "arrive",
    "book day": "day",
    "bookday": "day",
    "book people": "people",
    "bookpeople": "people",
    "book stay": "stay",
    "bookstay": "stay",
    "book time": "time",
    "booktime": "time",
}

_ACT_SLOTS = {
    "none": "",
    "addr": "address",
    "post": "postcode",
    "ref": "reference",
    "ticket": "price",
    "price": "pricerange",
    "depart": "departure",
    "dest": "destination",
    "open": "openhours",
}

_ABSENT = frozenset({"", "none", "not mentioned"})
_INDIFFERENT = frozenset({"do not care", "dont care", "don't care", "dontcare", "any"})
_YES_NO = {"true": "yes", "free": "yes", "false": "no"}
_TYPES = {
    "true": "hotel",
    "false": "guesthouse",
    "guest house": "guesthouse",
    "guest houses": "guesthouse",
    "night club": "nightclub",
    "mutliple sports": "multiple sports",
    "concert hall": "concerthall",
    "swimming pool": "swimmingpool",
}
_SHORT_CLOCK = re.compile(r"^\d:\d\d$")
_STUCK = re.compile(
    r"^((?:mon|tues|wednes|thurs|fri|satur|sun)day|cheap|moderate|expensive)"
    r"(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|cheap|moderate|expensive)$"
)


def state_slot(name: str) -> str:
    """Return the canonical slot of a tsv column's or metadata key's slot."""
    lowered = name.lower()
    return _STATE_SLOTS.get(lowered, lowered)


def act_slot(name: str) -> str:
    """Return the canonical slot of a dialogue act; "" for ``none``."""
    lowered = name.lower()
    return _ACT_SLOTS.get(lowered, lowered)


def state_value(slot: str, raw: str) -> tuple[str | None, str]:
    """Return the canonical value of a state slot and what was changed, "" if nothing.

    None means "not mentioned". Renamings that lose nothing (``do not care`` -> ``dontcare``)
    count as no change; a choice between several values does.
    """
    value = " ".join(raw.lower().split())
    change = ""
    if "|" in value:
        value = value.split("|")[0].strip()
        change = "value: first of several kept"
    elif (stuck := _STUCK.match(value)) is not None:
        value = stuck.group(1)
        change = "value: two written as one word, first kept"
    if value in _ABSENT:
        return None, change
    if value in _INDIFFERENT:
        return DONTCARE, change
    if slot in ("parking", "internet"):
        return _YES_NO.get(value, value), change
    if slot == "type":
        return _TYPES.get(value, value), change
    if slot in ("leave", "arrive", "time") and _SHORT_CLOCK.match(value):
        return f"0{value}", change
    return value, change
