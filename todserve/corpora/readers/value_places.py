"""Value places: finds where the values of a state stand in an utterance.

The writers of Rasa's and of Schema-Guided files call it to mark entities. Only what is said word
for word is marked; a value that two slots share, or that answers a question ("yes"), could be
either and is not. Example: ``grounded("a train to Ely", {"train": {"destination": "ely"}})`` marks
characters 11 to 14.
"""

import re
from dataclasses import dataclass

from todserve.runtime.language.dialogue import DELETED, DONTCARE, BeliefState

_SAYS_NOTHING = frozenset({"", "yes", "no", "true", "false", DONTCARE, DELETED})


@dataclass(frozen=True, kw_only=True, slots=True)
class Grounding:
    """A value in an utterance: characters ``start`` up to, not including, ``end``."""

    domain: str
    slot: str
    value: str
    start: int
    end: int


def grounded(text: str, update: BeliefState) -> tuple[Grounding, ...]:
    """Return where the values of ``update`` stand in ``text``, in order, without overlaps.

    Longer values go first; of several occurrences the first is taken.
    """
    owners: dict[str, list[tuple[str, str, str]]] = {}
    for domain, slots in update.items():
        for slot, value in slots.items():
            if value.lower() not in _SAYS_NOTHING:
                owners.setdefault(value.lower(), []).append((domain, slot, value))
    found: list[Grounding] = []
    for value in sorted(owners, key=lambda one: (-len(one), one)):
        if len(owners[value]) > 1:
            continue
        ((domain, slot, written),) = owners[value]
        for match in re.finditer(_words(value), text, re.IGNORECASE):
            if all(match.end() <= one.start or one.end <= match.start() for one in found):
                start, end = match.span()
                found.append(
                    Grounding(domain=domain, slot=slot, value=written, start=start, end=end)
                )
                break
    return tuple(sorted(found, key=lambda one: one.start))


def _words(value: str) -> str:
    # Letters of one alphabet end a word of another: "3" in Korean "3명" is a whole number.
    before = r"(?<![A-Za-z0-9])" if value[0].isascii() else r"(?<!\w)"
    after = r"(?![A-Za-z0-9])" if value[-1].isascii() else r"(?!\w)"
    return f"{before}{re.escape(value)}{after}"
