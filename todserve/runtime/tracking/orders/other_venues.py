"""OtherVenues: orders about the venue at hand: another one, none, or one of another service.

Example: "not that one, what else?" leaves the wishes as they are, and the venue goes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from todserve.runtime.language.dialogue import DELETED, DONTCARE
from todserve.runtime.tracking.orders.order_sheet import Hearing, OrderSheet, Written
from todserve.runtime.tracking.orders.order_words import OrderWords
from todserve.runtime.tracking.pointing_words import alternatives, any_of


@dataclass(frozen=True, kw_only=True)
class OtherVenues:
    """Finds what is said of venues.

    Attributes:
        words: looks things up in what was said.
    """

    words: OrderWords

    def another(self, heard: Hearing, orders: OrderSheet) -> None:
        """Leave the wishes as they are where another venue is asked for."""
        domain = heard.domain or ""
        known = heard.state.get(domain, {})
        if not known or heard.about != domain:
            return
        if not self.words.pointing.another_one.search(heard.text):
            return
        new = heard.written.get(domain, {})
        for slot in known:
            if slot in self.words.name_slots.get(domain, ()):
                if new.get(slot, known[slot]) in (known[slot], DONTCARE):
                    orders.set(domain, slot, DELETED)
            elif new.get(slot) in (DELETED, DONTCARE) and not self.words.ways.names(
                slot, heard.text
            ):
                orders.kept.add((domain, slot))
        for slot in self.words.name_slots.get(domain, ()):
            # "Not that one either" names nothing: the network took what was just offered.
            short = self.words.forms.without_kinds(new.get(slot, ""))
            if slot not in known and short not in heard.text:
                orders.kept.add((domain, slot))

    def said_again(self, heard: Hearing, orders: OrderSheet) -> None:
        """Keep a venue that is named in full: "another room at the acorn guest house"."""
        for domain, slots in heard.state.items():
            for slot in self.words.name_slots.get(domain, ()):
                name = self.words.forms.without_article(slots.get(slot, ""))
                at = heard.text.find(name) if name else -1
                if at < 0 or self.words.ways.ruling_out.search(heard.text[:at]):
                    continue
                if heard.written.get(domain, {}).get(slot) == DELETED:
                    orders.kept.add((domain, slot))
                if orders.update.get(domain, {}).get(slot) == DELETED:
                    del orders.update[domain][slot]

    def there(self, heard: Hearing, orders: OrderSheet) -> None:
        """Name the venue that the same words speak of: "a cab to cotto and a table there"."""
        for domain, slots in heard.written.items():
            points = self._had_there[domain]
            for slot in self.words.name_slots.get(domain, ()):
                if slot in {**heard.state.get(domain, {}), **slots} or not points.search(
                    heard.text
                ):
                    continue
                keys = {
                    (slot, self.words.forms.comparison_key(value))
                    for other, known in heard.written.items()
                    if other != domain
                    for value in known.values()
                }
                here = [
                    name
                    for name in self.words.knowledge.values(domain, slot)
                    if (slot, self.words.forms.comparison_key(name)) in keys
                ]
                if len(here) == 1:
                    orders.set(domain, slot, here[0])

    def unknown(self, heard: Hearing, orders: OrderSheet) -> None:
        """Leave a venue that is known for none of a name that nothing has: "dave can't come"."""
        for domain, slots in heard.written.items():
            for slot in self.words.name_slots.get(domain, ()):
                value, known = slots.get(slot, ""), heard.state.get(domain, {}).get(slot, "")
                if value in ("", DELETED, DONTCARE) or self._is_known(domain, slot, value):
                    continue
                elsewhere = orders.update.keys() - {domain}
                if elsewhere or (known and self._is_known(domain, slot, known)):
                    orders.kept.add((domain, slot))

    def of_the_name(self, heard: Hearing, orders: OrderSheet) -> None:
        """Take a wish that is nothing but a venue's name for the name: "kohinoor" is no food."""
        key = self.words.forms.comparison_key
        for domain, slots in heard.written.items():
            known = {**heard.state.get(domain, {}), **slots}
            own = self.words.name_slots.get(domain, ())
            for slot, value in slots.items():
                if not own or slot in own or not self.words.is_compared(domain, slot):
                    continue
                if self._home(own[0], value) == domain and not self._is_wish(domain, slot, value):
                    orders.set(domain, own[0], value)
                    orders.kept.add((domain, slot))
            names = {key(known[slot]) for slot in own if slot in known}
            names -= {key(DELETED), key(DONTCARE)}
            orders.kept |= {
                (domain, slot)
                for slot, value in slots.items()
                if slot not in own and self.words.is_compared(domain, slot) and key(value) in names
            }

    def misplaced(self, written: Written) -> dict[tuple[str, str], tuple[str, str]]:
        """Return names that are of another service: (domain, slot) -> (its domain, name)."""
        found: dict[tuple[str, str], tuple[str, str]] = {}
        for domain, slots in written.items():
            for slot in self.words.name_slots.get(domain, ()):
                value = slots.get(slot, "")
                home = self._home(slot, value)
                if home is not None and home != domain and home not in written:
                    found[domain, slot] = (home, value)
        return found

    def brought_home(self, heard: Hearing, orders: OrderSheet) -> None:
        """Give a name to the one service that has it."""
        for (domain, slot), (home, value) in self.misplaced(heard.written).items():
            orders.set(home, slot, value)
            orders.kept.add((domain, slot))

    def homes_of(self, written: Written) -> tuple[str, ...]:
        """Return the services of names that the network gave to another one."""
        return tuple(home for home, _ in self.misplaced(written).values())

    def _home(self, slot: str, value: str) -> str | None:
        """Return the one service whose database has exactly this name."""
        homes = (
            self.words.homes.get((slot, self.words.forms.comparison_key(value)), ())
            if value
            else ()
        )
        return homes[0] if len(homes) == 1 else None

    def _is_wish(self, domain: str, slot: str, value: str) -> bool:
        """Say whether any venue has a value, so that it is no name alone."""
        values = self.words.knowledge.values(domain, slot)
        return any(self.words.forms.same(value, one) for one in values)

    @cached_property
    def _had_there(self) -> Mapping[str, re.Pattern[str]]:
        """Service -> what finds that something of it is wished for at a place just named."""
        pointing, place = self.words.pointing, alternatives(self.words.pointing.in_place)
        words = {
            domain: (*pointing.nouns.get(domain, ()), *pointing.sides.get(domain, ()))
            for domain in self.words.schema.domains
        }
        return {domain: any_of([rf"{alternatives(had)} {place}"]) for domain, had in words.items()}

    def _is_known(self, domain: str, slot: str, name: str) -> bool:
        return bool(self.words.knowledge.query(domain, {slot: name}, limit=1).matches)
