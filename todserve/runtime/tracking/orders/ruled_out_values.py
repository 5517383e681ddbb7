"""RuledOutValues: orders that say which value is not wished.

Example: of "anywhere but the centre" the centre does not come in, and goes where it was.
"""

from dataclasses import dataclass

from todserve.runtime.language.dialogue import DELETED, DONTCARE
from todserve.runtime.tracking.orders.order_sheet import Hearing, OrderSheet
from todserve.runtime.tracking.orders.order_words import OrderWords


@dataclass(frozen=True, kw_only=True)
class RuledOutValues:
    """Finds values that are not wished.

    Attributes:
        words: looks things up in what was said.
    """

    words: OrderWords

    def ruled_out(self, heard: Hearing, orders: OrderSheet) -> None:
        """Keep out what is ruled out, and take it back where it was wished."""
        leaves_open = self.words.pointing.excluding.search(heard.text) is not None
        for domain, slots in heard.written.items():
            for slot, value in slots.items():
                # "Anything but trinity" speaks of one, and is indifferent to nothing.
                one = (
                    leaves_open
                    and value == DONTCARE
                    and not self.words.ways.names(slot, heard.text)
                )
                if not one and not self._is_excluded(domain, slot, value, heard.text):
                    continue
                if heard.state.get(domain, {}).get(slot) == value:
                    orders.set(domain, slot, DELETED)
                else:
                    orders.kept.add((domain, slot))

    def _is_excluded(self, domain: str, slot: str, value: str, text: str) -> bool:
        excludes = self.words.pointing.excludes
        if slot not in self.words.name_slots.get(domain, ()):
            return excludes(value, text)
        # "Not the acorn" rules out the Acorn Guest House.
        short = self.words.forms.without_kinds(value)
        return excludes(value, text) or (short not in ("", value) and excludes(short, text))
