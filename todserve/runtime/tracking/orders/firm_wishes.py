"""FirmWishes: things that a place must have, which networks take for a no or for no matter.

`PlainOrders` calls it; what it finds overrules the network. The words are data: ``wished`` of
``ways_of_saying.json``. Example: "the price is all the same, it just has to have parking" gives
``parking: yes``, and so does "we can't do without parking", whose "can't" and "without" deny
nothing.

Only slots that a yes or a no answers are heard so, and only where no other word of the same part
of the sentence denies: "it doesn't have to have parking" wishes for nothing.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from todserve.runtime.language.schema import Schema
from todserve.runtime.tracking.orders.order_sheet import Written
from todserve.runtime.tracking.pointing_words import alternatives, any_of
from todserve.runtime.tracking.ways_of_saying import WaysOfSaying

_MARKS = r"[.!?;:,\n]+(?:\s+|$)|[,;\n]|\s+(?:-|–|—)\s+"


@dataclass(frozen=True, kw_only=True)
class FirmWishes:
    """Finds slots whose yes is insisted on.

    Attributes:
        schema: knows slots and their values.
        ways: how one insists, and how slots are named.
    """

    schema: Schema
    ways: WaysOfSaying

    def of(self, utterance: str, domain: str) -> Iterator[tuple[str, str]]:
        """Yield (slot, its yes) for what a lower-case utterance insists on."""
        if not self._wished.search(utterance):
            return
        slots = self._answered(domain)
        firm = False
        for clause in self._clauses.split(utterance):
            named = [slot for slot in slots if self.ways.names(slot, clause)]
            wish = self._wished.search(clause)
            if wish is not None:
                firm = self._denial.search(clause[: wish.start()]) is None
            elif named and (self._denial.search(clause) or self.ways.indifference.search(clause)):
                firm = False
            if firm:
                yield from ((slot, self._yes) for slot in named)

    def undenied(self, utterance: str, written: Written) -> Iterator[tuple[str, str, str]]:
        """Yield (domain, slot, its yes) of a no that belongs to other words of the sentence.

        "With parking, not in the centre" denies no parking.
        """
        clauses = self._clauses.split(utterance)
        for domain, slots in written.items():
            for slot in self._answered(domain):
                named = [one for one in clauses if self.ways.names(slot, one)]
                if slots.get(slot) in (None, self._yes) or not named or "?" in utterance:
                    continue
                denied = any(
                    self._denial.search(one)
                    or self.ways.indifference.search(one)
                    or self.ways.withdrawal.search(one)
                    or self.ways.says(domain, slot, slots[slot], one)
                    for one in named
                )
                if not denied:
                    yield domain, slot, self._yes

    def _answered(self, domain: str) -> list[str]:
        """Return the slots of a service that a yes answers."""
        return [
            slot
            for slot in self.schema.slots(domain)
            if self._yes and self._yes in self.schema.values(domain, slot)
        ]

    @cached_property
    def _yes(self) -> str:
        return self.ways.wished_as

    @cached_property
    def _wished(self) -> re.Pattern[str]:
        return any_of(self.ways.wished)

    @cached_property
    def _denial(self) -> re.Pattern[str]:
        return any_of(self.ways.denying)

    @cached_property
    def _clauses(self) -> re.Pattern[str]:
        """Parts a text where it goes on to say something else."""
        words = alternatives((*self.ways.parting, *self.ways.joining))
        return re.compile(rf"{_MARKS}|\s+{words}\s+")
