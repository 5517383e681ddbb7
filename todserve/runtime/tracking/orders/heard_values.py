"""HeardValues: values that the words say for certain, though the network did not hear them.

Example: "14 nights" is a stay, for the unit stands behind the number; "a broken leg" asks for a
department which the network never writes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from todserve.runtime.tracking.orders.order_sheet import Hearing, OrderSheet
from todserve.runtime.tracking.orders.order_words import OrderWords
from todserve.runtime.tracking.pointing_words import any_of


@dataclass(frozen=True, kw_only=True)
class HeardValues:
    """Finds values that nobody could miss.

    Attributes:
        words: looks things up in what was said.
    """

    words: OrderWords

    def sure(self, utterance: str) -> dict[str, dict[str, str]]:
        """Return the values that phrases say for certain: domain -> slot -> value."""
        found: dict[str, dict[str, str]] = {}
        if not self._any_sure.search(utterance):
            return found
        for (domain, slot), by_value in self._sure.items():
            for value, pattern in by_value.items():
                if pattern.search(utterance):
                    found.setdefault(domain, {}).setdefault(slot, value)
        return found

    def should_be(self, text: str, domain: str) -> dict[str, str]:
        """Return what a text says that something of a service should be: "it needs to be cheap"."""
        found: dict[str, str] = {}
        ways = self.words.ways
        if any(one.search(text) for name, one in self.words.nouns.items() if name != domain):
            return found  # "hotel should be west" is not said of the restaurant at hand
        for match in ways.shoulds.finditer(text):
            clause = self.words.phrases.split(text[match.end() :])[0]
            if self.words.denies(clause):
                continue
            for slot, value in self.words.values_in(domain, clause):
                far = ways.ruling_out.search(clause.partition(value)[0])
                if self.words.is_compared(domain, slot) and not far:
                    found.setdefault(slot, value)
        return found

    def wanted(self, heard: Hearing, orders: OrderSheet) -> None:
        """Hear what the thing at hand should be, where the network heard nothing at all."""
        domain = heard.domain
        if domain is None or heard.written:
            return
        for slot, value in self.should_be(heard.text, domain).items():
            if heard.state.get(domain, {}).get(slot) != value:
                orders.set(domain, slot, value)

    def answered(self, heard: Hearing, orders: OrderSheet) -> None:
        """Hear a value that is all that is said, where the network heard nothing: "cheap"."""
        domain, polite = heard.domain, self.words.pointing.polite
        if domain is None or "?" in heard.text or heard.written or domain not in self.words.closed:
            return
        text = any_of(polite).sub("", heard.text).strip(" .,!") if polite else heard.text
        for slot, value in self.words.values_in(domain, text):
            alone = self.words.forms.comparison_key(text) == self.words.forms.comparison_key(value)
            if alone and self.words.is_compared(domain, slot):
                orders.set(domain, slot, value)

    def counted(self, heard: Hearing, orders: OrderSheet) -> None:
        """Hear a number with its unit, where one service alone may be counted so."""
        services = heard.written if heard.about is None else (heard.about,)
        for slot, pattern in self.words.pointing.counting.items():
            having = [one for one in services if self.words.schema.has(one, slot)]
            if len(having) != 1:
                continue
            (domain,) = having
            if slot in heard.written.get(domain, {}) or slot in self.words.knowledge.columns(
                domain
            ):
                continue  # "is it a 4 star hotel?" wishes for nothing
            words = self.words.forms.words_of(heard.text)
            found = [
                one.key for one in words if one.key.isdigit() and pattern.match(heard.text, one.end)
            ]
            if len(found) != 1:
                continue
            value = self.words.schema.normalise_value(domain, slot, found[0])
            if value is not None and heard.state.get(domain, {}).get(slot) != value:
                orders.set(domain, slot, value)

    def misheard(self, heard: Hearing, orders: OrderSheet) -> None:
        """Put a number right that the network heard as one which nobody said: "ok then 20"."""
        forms = self.words.forms
        said = [word for word in forms.words_of(heard.text) if word.key.isdigit()]
        units = self.words.pointing.counting.values()
        if len(said) != 1 or any(unit.match(heard.text, said[0].end) for unit in units):
            return
        if self.words.ways.clocks.search(heard.text[: said[0].start]):
            return
        for domain, slot in heard.unsaid:
            values = self.words.schema.values(domain, slot)
            if said[0].key in values and all(one.isdigit() for one in values):
                orders.set(domain, slot, said[0].key)

    def located(self, heard: Hearing, orders: OrderSheet) -> None:
        """Hear a value that is said as where or when it should be: "guesthouses in the east"."""
        domain = heard.about
        if domain is None or domain not in heard.written:
            return
        known = {**heard.state.get(domain, {}), **heard.written.get(domain, {})}
        for slot in self.words.pointing.heard:
            if slot in known or not self.words.schema.has(domain, slot):
                continue
            said = {
                value
                for found, value in self.words.values_in(domain, heard.text)
                if found == slot and self.words.pointing.locates(value, heard.text)
            }
            if len(said) == 1 and not self.words.denies(heard.text):
                orders.set(domain, slot, said.pop())

    @cached_property
    def _any_sure(self) -> re.Pattern[str]:
        """Finds any of them at once: most utterances hold none."""
        by_value = self.words.ways.sure.values()
        return any_of(phrase for one in by_value for known in one.values() for phrase in known)

    @cached_property
    def _sure(self) -> Mapping[tuple[str, str], Mapping[str, re.Pattern[str]]]:
        found = {}
        for place, by_value in self.words.ways.sure.items():
            domain, _, slot = place.partition(".")
            if self.words.schema.has(domain, slot):
                found[domain, slot] = {value: any_of(known) for value, known in by_value.items()}
        return found
