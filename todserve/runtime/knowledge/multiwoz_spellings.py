"""MultiWOZ's own ways of saying what its database and schema know.

Stands inside delexicalisation; the one place where it knows a corpus. Another corpus's values pass
through untouched. Example: ``centre`` is also said "city center", and ``acorn guest house``
"the acorn".
"""

import re
from collections.abc import Iterable, Iterator, Mapping

_SPELLINGS: Mapping[str, Mapping[str, str]] = {
    "area": {
        "centre": "center|city centre|city center|town centre|town center|centre of town|"
        "center of town|centre of the city|centre area|downtown|centrally",
        "north": "northern part of town|northern part|northern|northside|north end",
        "south": "southern part of town|southern part|southern|southside|south end",
        "east": "eastern part of town|eastern part|eastside|east end",
        "west": "western part of town|western part|westside|west end",
    },
    "pricerange": {
        "moderate": "moderately priced|moderate priced|moderately|moderate price range|mid priced",
        "cheap": "cheaper|cheaply priced|inexpensive|low priced",
        "expensive": "high end|pricey|expensively priced",
    },
    "type": {
        "architecture": "architectural",
        "boat": "boating|punting",
        "church": "churches|church",
        "cinema": "movie theatre|movie theater",
        "concerthall": "concert hall",
        "guesthouse": "guest house",
        "nightclub": "night club",
        "swimmingpool": "swimming pool|pool",
        "theatre": "theater",
    },
    "fee": {"free": "free admission|no entrance fee|free of charge|free entry|free entrance"},
    "place": {
        "london liverpool street": "liverpool street",
        "london kings cross": "kings cross",
        "stansted airport": "stansted",
        "birmingham new street": "birmingham",
    },
    "name": {"addenbrookes hospital": "addenbrookes"},
}
"""slot -> a value of the database or schema -> how else MultiWOZ's replies say it."""

_SHORT_NAMES = re.compile(
    r"^restaurant |( guest ?house| hotel| bed and breakfast| b and b| restaurant| college| "
    r"nightclub| (?:restaurant |coffee )?bar| and astroturf pitch| house| lodge| cinema"
    r"| police station)$"
)
"""What MultiWOZ's replies leave off a venue's name, as long as a telling word remains."""

_TOO_COMMON = frozenset(
    {"place", "junction", "city", "centre", "cambridge", "arts", "museum", "gallery", "bridge"}
    | {"worth", "india", "stop", "green", "park", "pool", "autumn", "golden", "king", "queen"}
    | {"university", "royal"}
)
_DISTRICTS = (" city centre", " chesterton", " cherry hinton", " fen ditton")


def all_spellings(slot: str, values: Iterable[str]) -> set[str]:
    """Return ``values`` and what else a reply may say for one of them."""
    found = set(values)
    for value, more in _SPELLINGS.get(slot, {}).items():
        if value in found:
            found.update(more.split("|"))
    if slot == "name":
        found.update(short for value in tuple(found) for short in _short_names(value))
    if slot == "address":
        found.update(part for value in tuple(found) for part in _address_parts(value))
    return found


def _short_names(name: str) -> Iterator[str]:
    short = _SHORT_NAMES.sub("", name)
    telling = [word for word in short.split() if word not in _TOO_COMMON and len(word) > 3]
    if short != name and telling:
        yield short


def _address_parts(address: str) -> Iterator[str]:
    for part in address.split(","):
        if len(part.split()) > 1:
            yield part.strip()
    for district in _DISTRICTS:
        if address.endswith(district):
            yield address.removesuffix(district)
