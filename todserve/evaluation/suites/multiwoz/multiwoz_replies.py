"""Replies of any system, brought to the placeholders the standardised evaluation counts.

The scores of BLEU, Inform and Success put every reply through it. Systems delexicalise each in
their own way: ``[value_name]``, ``[restaurant_name]`` and ``[name]`` all become ``NAME``. Example:
``"The [hotel_name] -s phone is [value_phone]."`` becomes ``"the NAME phone is PHONE."``

The spellings are those of the standard (Nekvinda and Dušek, 2021). A placeholder outside them
counts for nothing, however clear its meaning, since it did not in the published figures either.
"""

import re
from collections.abc import Mapping

_VENUES = "attraction hotel restaurant"

_SPELLINGS: Mapping[str, Mapping[str, str]] = {
    "NAME": {"name": f"- value {_VENUES} hospital police"},
    "TRAINID": {"id": "- value train", "trainid": "- train", "train": "-"},
    "ADDRESS": {"address": f"- value {_VENUES} hospital police"},
    "PHONE": {"phone": f"- value {_VENUES} hospital police taxi"},
    "POST": {"postcode": f"- value {_VENUES} hospital police"},
    "REFERENCE": {"reference": f"- value {_VENUES} train", "ref": "-"},
    "ID": {"id": "attraction hospital restaurant"},
    "AREA": {"area": f"- value {_VENUES}"},
    "DAY": {"day": "- value train", "bookday": "-"},
    "FOOD": {"food": "- value restaurant"},
    "TIME": {
        "time": "- value",
        "booktime": "-",
        "duration": "- value train",
        "arrive": "value train",
        "leave": "value train",
        "arriveby": "- taxi train",
        "leaveat": "- taxi train",
        "arrive by": "-",
        "leave at": "-",
    },
    "PLACE": {
        "destination": "- value taxi train",
        "departure": "- value taxi train",
        "place": "value",
    },
    "PRICE": {
        "price": "- value attraction train",
        "pricerange": f"- value {_VENUES}",
        "price range": "-",
        "entrancefee": "- attraction",
        "entrance fee": "-",
    },
    "COUNT": {
        "choice": f"- value {_VENUES} train",
        "count": "value",
        "stars": "- value hotel",
        "stay": "- value",
        "people": "- value",
        "bookstay": "-",
        "bookpeople": "-",
    },
    "TYPE": {"type": f"- value {_VENUES} taxi", "car": "- value taxi"},
    "INTERNET": {"internet": "- hotel"},
    "PARKING": {"parking": "- hotel"},
    "DEPARTMENT": {"department": "- value hospital"},
    "OPEN": {"openhours": "-"},
}
"""What counts as one -> slot -> the prefixes it may carry; ``-`` is none."""

PLACEHOLDERS: Mapping[str, str] = {
    name if prefix == "-" else f"{prefix}_{name}": counted
    for counted, names in _SPELLINGS.items()
    for name, prefixes in names.items()
    for prefix in prefixes.split()
}
"""Spelling inside the brackets -> what it counts as."""

_PLACEHOLDER = re.compile(r"\[([\w\s]+)\](?:es|s|-s|-es|)")
_SPLIT_OFF = re.compile(r"-s|-ly")


def counted_reply(text: str) -> str:
    """Return a reply in lower case with its placeholders as what they count as, in upper case."""

    def counted(match: re.Match[str]) -> str:
        return PLACEHOLDERS.get(match[1], "")

    # Inflections that a system's own tokenisation split off ("moderate -ly priced").
    return _SPLIT_OFF.sub("", _PLACEHOLDER.sub(counted, text.lower()))


def unknown_placeholders(text: str) -> tuple[str, ...]:
    """Return the placeholders of a reply that count for nothing, as they are written."""
    names = (match[1] for match in _PLACEHOLDER.finditer(text.lower()))
    return tuple(name for name in names if name not in PLACEHOLDERS)
