"""Ranks: picks the entity that users ask for by its place in an order: the last, next, cheaper one.

`Facts` puts the entity that a user asks for first with it, so that a reply to "and the last train?"
is filled from the last train, not from whichever comes first in the look-up. The words are data,
``ranks`` of a language's file: ``{"later": {"slot": "leave", "side": "above", "said": "later"}}``.
"""

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import cached_property

from pydantic import BaseModel, ConfigDict

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_CLOCK = re.compile(r"\d\d:\d\d")
_Row = Mapping[str, str]


class Side(StrEnum):
    """Where the wanted entity stands: at an end, or next to the one that was spoken of."""

    LEAST = "least"
    GREATEST = "greatest"
    BELOW = "below"
    ABOVE = "above"

    @property
    def is_relative(self) -> bool:
        """Whether it needs an entity that was spoken of."""
        return self in (Side.BELOW, Side.ABOVE)


class Rank(BaseModel):
    """A way of asking for an entity by its place in an order.

    Attributes:
        slot: the column that orders them.
        side: which is meant.
        said: a regular expression of the words.
        order: the values from least to greatest; empty for times and numbers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    slot: str
    side: Side
    said: str
    order: tuple[str, ...] = ()

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What finds the words."""
        return re.compile(self.said)

    def place(self, row: _Row) -> float | None:
        """Return where an entity stands in the order; None where that is not known."""
        value = row.get(self.slot, "")
        if self.order:
            return self.order.index(value) if value in self.order else None
        if _CLOCK.fullmatch(value):
            return int(value[:2]) * 60 + int(value[3:])
        number = _NUMBER.search(value)
        return float(number[0]) if number else None

    def chosen(self, rows: Sequence[_Row], at_hand: _Row) -> _Row | None:
        """Return the entity that is meant; None where there is none.

        Args:
            rows: all that were found.
            at_hand: the one that was spoken of.
        """
        placed = [(place, row) for row in rows if (place := self.place(row)) is not None]
        here = self.place(at_hand)
        if self.side is Side.BELOW:
            placed = [one for one in placed if here is not None and one[0] < here]
        elif self.side is Side.ABOVE:
            placed = [one for one in placed if here is not None and one[0] > here]
        if not placed:
            return None
        # Of those before it the last is next to it, as the last of all is.
        last = self.side in (Side.GREATEST, Side.BELOW)
        return (max if last else min)(placed, key=lambda one: one[0])[1]
