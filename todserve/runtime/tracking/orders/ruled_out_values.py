"""RuledOutValues: orders that say which value is not wished.

Example: of "anywhere but the centre" the centre does not come in, and goes where it was; of "no
chips", "not a museum" and "without fish" neither the word nor what it is a way of saying comes in.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from todserve.runtime.language.dialogue import DELETED, DONTCARE
from todserve.runtime.tracking.orders.order_sheet import Hearing, OrderSheet
from todserve.runtime.tracking.orders.order_words import OrderWords

_ASKS = re.compile(r"[^,;.!?]*\?")


@dataclass(frozen=True, kw_only=True)
class RuledOutValues:
    """Finds values that are not wished.

    Attributes:
        words: looks things up in what was said.
    """

    words: OrderWords

    def ruled_out(self, heard: Hearing, orders: OrderSheet) -> None:
        """Keep out what is ruled out, and take it back where it was wished."""
        text = heard.text
        leaves_open = self.words.pointing.excluding.search(text) is not None
        for domain, slots in heard.written.items():
            for slot, value in slots.items():
                # "Anything but trinity" speaks of one, and is indifferent to nothing.
                one = leaves_open and value == DONTCARE and not self.words.ways.names(slot, text)
                if not one and not self._is_excluded(heard, domain, slot, value):
                    continue
                if heard.state.get(domain, {}).get(slot) == value:
                    orders.set(domain, slot, DELETED)
                else:
                    orders.kept.add((domain, slot))
        about = heard.about or ""
        for slot, value in heard.state.get(about, {}).items():
            if slot in heard.written.get(about, {}) or not self.words.is_compared(about, slot):
                continue
            # "Isn't the museum free?" takes nothing back.
            if self._is_excluded(heard, about, slot, value) and not any(
                _ASKS.match(text, at) for at in self._said(about, slot, value, text)
            ):
                orders.set(about, slot, DELETED)

    def _is_excluded(self, heard: Hearing, domain: str, slot: str, value: str) -> bool:
        """Say whether a value is ruled out wherever the words say it."""
        pointing, text = self.words.pointing, heard.text
        if slot in self.words.name_slots.get(domain, ()):
            # "Not the acorn" rules out the Acorn Guest House.
            short = self.words.forms.without_kinds(value)
            return pointing.excludes(value, text) or (
                short not in ("", value) and pointing.excludes(short, text)
            )
        known = heard.state.get(domain, {}).get(slot, value)
        # "No, south" and "no italian" after chinese say what is right.
        of_kind = known == value and slot not in pointing.heard and not value.isdigit()
        before = pointing.excluding_kind_end if of_kind else pointing.excluding_end
        said = [*self._said(domain, slot, value, text)]
        return bool(said) and all(before.search(text[:at]) for at in said)

    def _said(self, domain: str, slot: str, value: str, text: str) -> Iterator[int]:
        """Yield where a text says a value, in whatever way, and not inside a name."""
        names = self.words.names_in(text)
        for at in self._all_said(domain, slot, value, text):
            if not any(name.start <= at < name.end for name in names):
                yield at

    def _all_said(self, domain: str, slot: str, value: str, text: str) -> Iterator[int]:
        for match in re.finditer(rf"(?<!\w){re.escape(value)}(?!\w)", text):
            yield match.start()
        for span in self.words.closed[domain].find(self.words.forms.words_of(text)):
            if span.slot == f"{slot}={value}":
                yield span.start
        for name in (slot, f"{domain}.{slot}"):
            pattern = self.words.ways.patterns.get((name, value))
            if pattern is not None:
                yield from (match.start() for match in pattern.finditer(text))
