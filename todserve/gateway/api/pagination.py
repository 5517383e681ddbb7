"""Pagination: the cursor that tells where the next page of a list begins.

Every route that lists something takes such a cursor and returns the next. Example:
``1764000000000000-4f2a`` is a time and the id at it.
"""

import re
from collections.abc import Sequence

PAGE = 100
"""Most entries of one page."""

Place = tuple[int, str]
"""When an entry came to be, in microseconds since 1970, and its id."""

_CURSOR = re.compile(r"([0-9]{1,18})-([0-9a-f]{1,64})")

CURSOR = f"^{_CURSOR.pattern}$"
"""What a cursor looks like."""


def following(places: Sequence[Place], limit: int) -> str | None:
    """Return the cursor after a page of ``limit`` entries; None where the page is not full."""
    if len(places) < limit:
        return None
    created_at, identifier = places[-1]
    return f"{created_at}-{identifier}"


def place_of(given: str | None) -> Place | None:
    """Return the place of a cursor; None where the list begins."""
    match = _CURSOR.fullmatch(given or "")
    return None if match is None else (int(match[1]), match[2])


_QUEUE_CURSOR = re.compile(r"([0-9]{1,9})-([0-9]{1,18})-([0-9a-f]{1,64})-([0-9]{1,9})")

QUEUE_CURSOR = f"^{_QUEUE_CURSOR.pattern}$"
"""What a cursor of the queue looks like."""


def queue_cursor(place: tuple[int, int, str, int]) -> str:
    """Return the cursor after a turn of the queue: worth, when it was said, dialogue, index."""
    return "-".join(map(str, place))


def queue_place(given: str | None) -> tuple[int, int, str, int] | None:
    """Return the place of a cursor of the queue; None where it begins."""
    match = _QUEUE_CURSOR.fullmatch(given or "")
    return None if match is None else (int(match[1]), int(match[2]), match[3], int(match[4]))
