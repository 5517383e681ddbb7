"""Booking references: a code made from what is booked, the same for the same booking.

Lexicalisation writes it where a reply has ``[value_reference]``. Nothing is booked by the look-up
itself, so a reference is made from what the booking is of: the same booking has the same reference,
in every later reply too. Example:
``booking_reference("hotel", state, row, ("day", "stay", "people"))`` is ``xzlhe344``.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence

from todserve.runtime.language.dialogue import BeliefState

_NAMED_BY = ("name", "id", "car")


def booking_reference(
    domain: str,
    state: BeliefState,
    row: Mapping[str, str] | None = None,
    slots: Sequence[str] | None = None,
) -> str:
    """Return eight letters and digits that stand for a booking of ``domain``.

    Args:
        domain: what is booked.
        state: the belief state.
        row: the entity that is booked.
        slots: what makes the booking this one: wishes that come later do not change it. None
            takes the whole state of the domain.
    """
    known = dict(state.get(domain, {}))
    if slots is None:
        booking: list[object] = [domain, known]
    else:
        wanted = {one: known[one] for slot in slots for one in slot.split("|") if one in known}
        name = next((row[slot] for slot in _NAMED_BY if row and row.get(slot)), "")
        booking = [domain, wanted, name]
    digest = hashlib.sha256(json.dumps(booking, sort_keys=True).encode()).digest()
    # The last character is a digit, so that no reference can be mistaken for a word.
    return base64.b32encode(digest)[:7].decode().lower() + str(digest[-1] % 10)
