"""Paging: where the next page of a list begins.

Beside the way of a message. Example: ``1764000000000000-4f2a`` is a time and the id at it.
"""

import re

_CURSOR = re.compile(r"([0-9]{1,18})-([0-9a-f]{1,64})")

CURSOR = f"^{_CURSOR.pattern}$"
"""What a cursor looks like."""


def cursor(created_at: int, identifier: str) -> str:
    """Return the cursor that goes on after an entry."""
    return f"{created_at}-{identifier}"


def place_of(given: str | None) -> tuple[int, str] | None:
    """Return the time and id of a cursor; None where the list begins."""
    match = _CURSOR.fullmatch(given or "")
    return None if match is None else (int(match[1]), match[2])
