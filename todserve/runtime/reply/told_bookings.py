"""Told bookings: what the replies of a dialogue have said is booked.

`Facts` asks it what is booked already. A belief state holds one booking of a service, the one that
was spoken of last; what was booked before it stands in the replies alone. Example: of "it is
booked: Cotto. The reference number is WUY6X2M2." the booking is of ``restaurant``, ``cotto``, under
``wuy6x2m2``.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

_REFERENCE = re.compile(r"\b[a-z2-7]{7}\d\b")

_NONE = ("", "")
NamesIn = Callable[[str], Iterable[tuple[str, str]]]
"""Returns what a lower-case text names of what can be booked: domain and name, lower case."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ToldBooking:
    """A booking that a reply has told.

    Attributes:
        code: its reference, lower case; "" of what is arranged without one, as a taxi is.
        domain: what service it is of; "" where nothing tells.
        name: what it is of, lower case; likewise.
    """

    code: str
    domain: str = ""
    name: str = ""


def references_in(text: str) -> tuple[str, ...]:
    """Return the references of bookings that a lower-case text tells."""
    return tuple(_REFERENCE.findall(text))


def told_bookings(
    said: Sequence[str], heard: Sequence[str], names_in: NamesIn
) -> tuple[ToldBooking, ...]:
    """Return the bookings that replies have told, in that order.

    A booking is of what its own reply names, else of what was named last before it.

    Args:
        said: the replies, oldest first, lower case.
        heard: the user's words before each of them, lower case.
        names_in: what a text names of what can be booked.
    """
    found: dict[str, ToldBooking] = {}
    for place, reply in enumerate(said):
        for code in references_in(reply):
            if code not in found:
                texts = _backwards(said[: place + 1], heard[: place + 1])
                domain, name = next(
                    (one for text in texts if (one := _longest(names_in(text)))), _NONE
                )
                found[code] = ToldBooking(code=code, domain=domain, name=name)
    return tuple(found.values())


def _backwards(said: Sequence[str], heard: Sequence[str]) -> Iterator[str]:
    for reply, words in zip(reversed(said), reversed(heard), strict=False):
        yield from (reply, words)


def _longest(named: Iterable[tuple[str, str]]) -> tuple[str, str] | None:
    """Return of several names in one text the longer one, with its domain."""
    return max(named, key=lambda one: len(one[1]), default=None)
