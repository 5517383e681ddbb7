"""TwoServices: orders that say which of two services a value is of.

Example: "hotel south, restaurant north" gives each its area, "make both saturday" gives each the
same day.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from todserve.runtime.language.dialogue import DELETED
from todserve.runtime.tracking.orders.order_sheet import Hearing, OrderSheet
from todserve.runtime.tracking.orders.order_words import OrderWords

_PAIR = 2


@dataclass(frozen=True, kw_only=True)
class TwoServices:
    """Finds values that are of one of two services, or of both.

    Attributes:
        words: looks things up in what was said.
    """

    words: OrderWords

    def both(self, heard: Hearing, orders: OrderSheet) -> None:
        """Give each service that is spoken of the one value that is said of both."""
        if not self.words.pointing.both_of.search(heard.text):
            return
        known = dict.fromkeys((*heard.state, *heard.written, *self._named(heard)))
        words = self.words.forms.words_of(heard.text)
        for slot, unit in self.words.pointing.counting.items():
            counted = {
                one.key for one in words if unit.match(heard.text, one.end) and one.key.isdigit()
            }
            self._to_all(slot, counted, known, orders)
        text, having = heard.text, [*heard.state.values()]
        if known.keys() - heard.state.keys():
            # A wish that begins says more of one than of both: "a cheap room and a table".
            text = " ".join(self._of_both(self.words.phrases.split(text)))
            having += [dict.fromkeys(self.words.schema.slots(one), "") for one in known]
        for slot in dict.fromkeys(slot for slots in having for slot in slots):
            said = {
                value
                for domain in known
                for found, value in self.words.values_in(domain, text)
                if found == slot
            }
            self._to_all(slot, said, known, orders)

    def _named(self, heard: Hearing) -> tuple[str, ...]:
        """Return the services that words name which begin with both of them."""
        if heard.state or self.words.denies(heard.text):
            return ()
        return tuple(one for one, noun in self.words.nouns.items() if noun.search(heard.text))

    def _of_both(self, parts: Iterable[str]) -> Iterator[str]:
        """Yield the parts that speak of both, with those that go on from there."""
        going_on = False
        for part in parts:
            both = self.words.pointing.both_of.search(part) is not None
            named = any(noun.search(part) for noun in self.words.nouns.values())
            going_on = both or (going_on and not named)
            if going_on:
                yield part

    def addressed(self, heard: Hearing, orders: OrderSheet, *, parted: bool) -> None:
        """Give each of two services the values that are said in its own part of the sentence.

        Where the network read each part by itself (``parted``), only what is put right.
        """
        known = {*heard.state, *heard.written}
        if len(known) < _PAIR:
            return
        parts = [
            (self.words.service_of(part, known), part)
            for part in self.words.phrases.split(heard.text)
        ]
        said = [(about, part) for about, part in parts if about is not None]
        begun = len([one for one in heard.written if one not in heard.state]) >= _PAIR
        for about, part in said:
            if self.words.ways.ruling_out.search(part) or self.words.denies(part):
                continue
            for slot, value in self.words.values_in(about, self.words.nouns[about].sub("|", part)):
                old = {**heard.state.get(about, {}), **heard.written.get(about, {})}.get(slot)
                if value in (old, heard.state.get(about, {}).get(slot)):
                    continue
                # Put right is what was there; new is only what two services begin with.
                is_right = slot in heard.state.get(about, {}) and len({*heard.state}) >= _PAIR
                if is_right or (not parted and begun and about in heard.written and old is None):
                    orders.set(about, slot, value)
                    if is_right:  # what is put right is not taken back
                        taken = heard.written.get(about, {})
                        names = self.words.name_slots.get(about, ())
                        orders.kept |= {(about, one) for one in names if taken.get(one) == DELETED}
        self._not_of_the_other(heard, parts, orders)
        for about, part in said:
            if self.words.pointing.keeping.search(part) and not self.words.values_in(about, part):
                # "hotel should be west, the restaurant is fine": what is said is of the hotel.
                of_others = " ".join(one for name, one in said if name != about)
                orders.kept |= {
                    (about, slot)
                    for slot, value in heard.written.get(about, {}).items()
                    if slot in heard.state.get(about, {})
                    and (value == DELETED or value in of_others)
                }

    def _not_of_the_other(
        self, heard: Hearing, parts: Sequence[tuple[str | None, str]], orders: OrderSheet
    ) -> None:
        """Keep what a service has, where only another's part says the new value.

        "The museum in the centre and the chinese an expensive one": the chinese one moves nowhere.
        """
        for about, known in heard.state.items():
            own = [part for name, part in parts if name == about]
            if not any(self.words.values_in(about, part) for part in own):
                continue
            elsewhere = {
                one
                for name, part in parts
                if name not in (None, about)
                for one in self.words.values_in(about, part)
            }
            here = {
                one
                for name, part in parts
                if name in (None, about)
                for one in self.words.values_in(about, part)
            }
            orders.kept |= {
                (about, slot)
                for slot, value in heard.written.get(about, {}).items()
                if slot in known and (slot, value) in elsewhere - here
            }

    def _to_all(
        self, slot: str, values: set[str], known: Iterable[str], orders: OrderSheet
    ) -> None:
        having = [domain for domain in known if self.words.schema.has(domain, slot)]
        if len(values) == 1 and len(having) >= _PAIR:
            for domain in having:
                orders.set(domain, slot, next(iter(values)))
