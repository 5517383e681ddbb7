"""WaysThere: orders that tell the ends and the times of a journey.

Example: of "a table at cotto and a cab from there" the cab's departure is cotto; "and back on
sunday" leaves the time of the way there.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from todserve.runtime.language.dialogue import DELETED, DONTCARE
from todserve.runtime.tracking.orders.order_sheet import Hearing, OrderSheet
from todserve.runtime.tracking.orders.order_words import OrderWords
from todserve.runtime.tracking.pointing_words import alternatives, any_of

_TWO = 2


@dataclass(frozen=True, kw_only=True)
class WaysThere:
    """Finds what is said of journeys.

    Attributes:
        words: looks things up in what was said.
    """

    words: OrderWords

    def returning(self, heard: Hearing, orders: OrderSheet) -> None:
        """Leave the times of the way there where the way back is spoken of."""
        if heard.domain is None or not self.words.pointing.going_back.search(heard.text):
            return
        known, new = heard.state.get(heard.domain, {}), heard.written.get(heard.domain, {})
        for first, last in self.words.pointing.pairs:
            if new.get(first) != known.get(last) or new.get(last) != known.get(first):
                continue
            for slot in self.words.pointing.of_way:
                value = new.get(slot, known.get(slot))
                if value is not None and value not in self.words.forms.times_in(heard.text):
                    if slot in known:
                        orders.set(heard.domain, slot, DELETED)
                    else:
                        orders.kept.add((heard.domain, slot))

    def one_time(
        self, heard: Hearing, domain: str, slot: str, value: str, orders: OrderSheet
    ) -> None:
        """Keep out a time of a way that was heard as the other one's, which is put right."""
        if slot in self.words.pointing.of_way:
            new = heard.written.get(domain, {})
            orders.kept |= {
                (domain, one)
                for one in self.words.pointing.of_way
                if one != slot and new.get(one) == value
            }

    def not_the_other(self, heard: Hearing, orders: OrderSheet) -> None:
        """Take back the time that is denied where another is said: "arrive by 9, not leave"."""
        for domain, slots in orders.over(heard.written).items():
            for slot in self.words.pointing.of_way:
                new = slots.get(slot, DELETED)
                known = heard.state.get(domain, {}).get(slot)
                others = {one for one in self.words.pointing.of_way if one != slot}
                if (
                    known is not None
                    and new in (DELETED, known)
                    and any(slots.get(one, DELETED) != DELETED for one in others)
                    and self.words.pointing.excludes(slot, heard.text)
                ):
                    orders.set(domain, slot, DELETED)

    def two_ends(self, heard: Hearing, orders: OrderSheet) -> None:
        """Part the ends of a way that the network wrote as one, or as more than was said."""
        leads = self.words.pointing.ends
        for domain, slots in heard.written.items():
            for pair in self.words.pointing.pairs:
                one, other = (slots.get(slot, "") for slot in pair)
                for slot in pair:
                    said = (
                        leads[slot].search(heard.text)
                        if slots.get(slot) and slot in leads
                        else None
                    )
                    if said is not None and self._is_more_than(slots[slot], said[1]):
                        orders.set(domain, slot, said[1])
                if not one or one != other:
                    continue
                ends = [slot for slot in pair if slot in leads]
                told = [slot for slot in ends if self._says_end(slot, one, heard.text)]
                if len(told) == 1 and len(ends) == _TWO:
                    # "A taxi home from there" tells where it begins, and goes elsewhere.
                    orders.kept |= {(domain, slot) for slot in ends if slot not in told}
                for slot in pair:
                    said = leads[slot].search(heard.text) if slot in leads else None
                    if said is not None and said[1] != one:
                        if self.words.pointing.is_no_place(said[1]):
                            orders.kept.add((domain, slot))  # "from there"
                            continue
                        free = not self.words.schema.values(domain, slot)
                        orders.set(domain, slot, said[1] if free else DELETED)

    def there(self, heard: Hearing, orders: OrderSheet) -> None:
        """Name the end of a way that is the venue which the same words name for another service."""
        for domain, slots in heard.written.items():
            for slot in (slot for pair in self.words.pointing.pairs for slot in pair):
                points = self._pointing_ends.get(slot)
                if (
                    points is None
                    or not self.words.schema.has(domain, slot)
                    or not points.search(heard.text)
                ):
                    continue
                names = {
                    value
                    for one, known in orders.over(heard.written).items()
                    for name, value in known.items()
                    if one != domain and name in self.words.name_slots.get(one, ())
                    if value not in (DELETED, DONTCARE)
                } - {value for end, value in slots.items() if end != slot}
                if len(names) == 1:
                    orders.set(domain, slot, names.pop())

    def _says_end(self, slot: str, value: str, text: str) -> bool:
        """Say whether a place is said as one end of a way: "from there"."""
        said = self.words.pointing.ends[slot].search(text)
        key = self.words.forms.comparison_key
        return said is not None and key(value) in key(said[1])

    def _is_more_than(self, value: str, said: str) -> bool:
        """Say whether a value is a venue's name and more: "cotto museum" for "cotto"."""
        key = self.words.forms.comparison_key
        return key(said) != key(value) and key(said) in key(value) and self._is_name(said)

    def _is_name(self, text: str) -> bool:
        key = self.words.forms.comparison_key(text)
        slots = {slot for known in self.words.name_slots.values() for slot in known}
        return any((slot, key) in self.words.homes for slot in slots)

    @cached_property
    def _pointing_ends(self) -> Mapping[str, re.Pattern[str]]:
        """Slot of a pair -> what finds that it is the venue which was just named: "from there"."""
        pointing = self.words.pointing
        there = alternatives(pointing.there)
        return {
            slot: any_of([rf"{alternatives(leads)}\s+{there}"])
            for slot, leads in pointing.leading.items()
        }
