"""Postal addresses: street and number, perhaps postcode and town, in one line and in parts.

Example: ``hauptstr. 5 10115 berlin`` is ``Hauptstraße 5, 10115 Berlin``. It is read by its form
alone: whether there is such a house, no rule tells.
"""

import re
from collections.abc import Mapping

from todserve.runtime.values.unreadable import UnreadableValue
from todserve.runtime.values.value_words import AddressWords

_PARTS = ("unit", "number", "street", "district", "city", "postcode")
_LONGEST = 160


def read_address(text: str, words: AddressWords) -> tuple[str, Mapping[str, str]]:
    """Return a lower-case address in one line, and its parts.

    Raises:
        UnreadableValue: street and number are not both there.
    """
    written = " ".join(text.split()).strip(" .,;")
    if len(written) > _LONGEST:
        raise UnreadableValue("it is too long")
    for abbreviated, meant in words.spelled:
        written = re.sub(abbreviated, meant, written)
    match = next(filter(None, (one.fullmatch(written) for one in words.patterns)), None)
    if match is None:
        raise UnreadableValue("it has no street and number that can be told apart")
    said = match.groupdict(default="")
    said["city"] = said.get("city") or said.get("town", "")
    parts = {
        name: said[name].strip().upper() if name == "postcode" else _titled(said[name], words)
        for name in _PARTS
        if said.get(name, "").strip()
    }
    line = re.sub(r"\{(\w+)\}", lambda name: f"{parts.get(name[1], '')} ", words.line)
    line = re.sub(r"\s+", " ", line)
    return re.sub(r"(?: ?, ?)+", ", ", line).strip(" ,"), parts


def _titled(text: str, words: AddressWords) -> str:
    given = text.split()
    return " ".join(
        word if place and word in words.small else word[:1].upper() + word[1:]
        for place, word in enumerate(given)
    )
