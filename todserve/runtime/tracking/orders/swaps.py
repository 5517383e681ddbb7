"""Swaps: orders by which two values change places.

Example: with a room from monday and a table on tuesday, "i mixed up the two days" moves the room to
tuesday and the table to monday; "the other way round" turns a journey.
"""

from dataclasses import dataclass

from todserve.runtime.language.dialogue import DELETED
from todserve.runtime.tracking.orders.order_sheet import Hearing, OrderSheet
from todserve.runtime.tracking.orders.order_words import OrderWords

_PAIR = 2


@dataclass(frozen=True, kw_only=True)
class Swaps:
    """Finds values that are to change places.

    Attributes:
        words: looks things up in what was said.
    """

    words: OrderWords

    def swapped(self, heard: Hearing, orders: OrderSheet) -> None:
        """Let values change places: of two services, or the ends of a way."""
        if not self.words.pointing.turning.search(heard.text):
            self._unasked(heard, orders)
            return
        slots = dict.fromkeys(slot for known in heard.state.values() for slot in known)
        for slot in slots:
            having = [one for one in heard.state if slot in heard.state[one]]
            if len(having) != _PAIR or not self.words.ways.names(slot, heard.text):
                continue
            one, other = having
            if heard.state[one][slot] != heard.state[other][slot] and not self.words.says_a_value(
                one, slot, heard.text
            ):
                orders.set(one, slot, heard.state[other][slot])
                orders.set(other, slot, heard.state[one][slot])
        known = heard.state.get(heard.domain or "", {})
        for first, last in self.words.pointing.pairs:
            ends = (known.get(first, ""), known.get(last, ""))
            # "I mixed up two things: it's thursday" says itself what was wrong.
            telling = self.words.values_in(heard.domain or "", heard.text) and not any(
                self.words.ways.names(slot, heard.text) for slot in (first, last)
            )
            if all(ends) and not (
                orders.update or telling or any(end in heard.text for end in ends)
            ):
                orders.set(heard.domain or "", first, ends[1])
                orders.set(heard.domain or "", last, ends[0])

    def _unasked(self, heard: Hearing, orders: OrderSheet) -> None:
        """Leave both ends of a way where nothing of either is said: "cancel that"."""
        if self.words.pointing.going_back.search(heard.text):
            return
        key = self.words.forms.comparison_key
        said = key(heard.text)
        for domain, new in heard.written.items():
            known = heard.state.get(domain, {})
            for pair in self.words.pointing.pairs:
                ends = [new.get(slot, "") for slot in pair]
                if all(slot in known for slot in pair) and not any(
                    end in ("", DELETED) or any(key(word) in said for word in end.split())
                    for end in ends
                ):
                    orders.kept |= {(domain, slot) for slot in pair}
