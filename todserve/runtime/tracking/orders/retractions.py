"""Retractions: orders that take something back, or say that it stays.

Example: with a day and a time in the state, "drop the time, keep the day" takes the time back and
leaves the day, though the network may have taken both.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from todserve.runtime.language.dialogue import DELETED, DONTCARE
from todserve.runtime.tracking.orders.order_sheet import Hearing, OrderSheet
from todserve.runtime.tracking.orders.order_words import OrderWords
from todserve.runtime.tracking.pointing_words import alternatives


@dataclass(frozen=True, kw_only=True)
class Retractions:
    """Finds what is taken back and what is kept.

    Attributes:
        words: looks things up in what was said.
    """

    words: OrderWords

    def taken_back(self, heard: Hearing, orders: OrderSheet) -> None:
        """Take back the slots that are named, and keep what is said to stay."""
        pointing = self.words.pointing
        if not (pointing.dropping.search(heard.text) or pointing.keeping.search(heard.text)):
            return
        rest = False
        before: list[str] = []
        named: set[tuple[str, str]] = set()
        for clause in self.words.phrases.split(heard.text):
            about = self.words.service_of(clause, heard.state) or heard.domain
            if about is None:
                continue
            dropping = pointing.dropping.search(clause)
            # The first word of "leave the day open" is none of a slot's.
            verb = re.match(r"\w+", dropping[0]) if dropping else None
            telling = clause.replace(verb[0], "", 1) if verb else clause
            slots = [
                slot for slot in heard.state.get(about, {}) if self.words.ways.names(slot, telling)
            ]
            if dropping:
                if not slots and pointing.pronouns.search(clause):
                    slots = before  # "i'm not sure about the time, leave it out"
                for slot in slots:
                    if not self.words.says_a_value(about, slot, heard.text):
                        orders.set(about, slot, DELETED)
                        named.add((about, slot))
            elif pointing.keeping.search(clause):
                orders.kept |= {(about, slot) for slot in slots}
                rest = rest or pointing.resting.search(clause) is not None
            before = slots
        if rest or (named and orders.kept):
            # What was named is taken back and nothing else.
            orders.kept |= {
                (about, slot)
                for about, slots in heard.state.items()
                for slot in slots
                if not self.words.says_a_value(about, slot, heard.text)
            }
        orders.kept -= named
        # Of what is said anew nothing is kept: "i could stay for 1 night".
        orders.kept = {
            (about, slot)
            for about, slot in orders.kept
            if (value := heard.written.get(about, {}).get(slot, DELETED)) == DELETED
            or value not in heard.text
        }

    def gone(self, heard: Hearing, orders: OrderSheet) -> None:
        """Take back the whole of a service of which the network took back a part."""
        text, pointing = heard.text, self.words.pointing
        if pointing.another_one.search(text):
            return
        for domain, slots in heard.written.items():
            known = heard.state.get(domain, {})
            anew = any(value != DELETED and value in text for value in slots.values())
            if DELETED not in slots.values() or anew:
                continue
            at_hand = domain == heard.domain and pointing.going.search(text)
            named = any(self.words.ways.names(slot, text) for slot in known)
            if self._whole[domain].search(text) or (at_hand and not named):
                for slot in known:
                    orders.set(domain, slot, DELETED)

    def unfounded(self, heard: Hearing, orders: OrderSheet) -> None:
        """Keep what the network changed though no word of the user's speaks of it.

        That is what it took back where nothing is taken back, and what it left open, or took back,
        where the indifference is to something else: "whatever, we eat everything".
        """
        careless = self.words.ways.carelessness.search(heard.text) is not None
        rest = self.words.ways.carelessness.sub(" ", heard.text)
        rest = self.words.ways.indifference.sub(" ", rest) if careless else rest
        ways = self._taking_back[1:] if careless else self._taking_back
        if any(one.search(rest) for one in ways):
            return
        asked = heard.reply if careless else ""
        orders.kept |= {
            (domain, slot)
            for domain, slots in heard.written.items()
            for slot, value in slots.items()
            if value == DELETED
            or (careless and value == DONTCARE and slot in heard.state.get(domain, {}))
            if slot not in self.words.name_slots.get(domain, ())
            and not self.words.ways.names(slot, f"{heard.text} {asked}")
        }

    @cached_property
    def _whole(self) -> Mapping[str, re.Pattern[str]]:
        """Service -> what finds that it is dropped by its name or kind: "skip the museum"."""
        words, pointing = self.words, self.words.pointing
        dropped = alternatives((*pointing.dropped, *pointing.needless))
        goes_on = alternatives((*words.ways.parting, *words.ways.joining))
        determiner, polite = alternatives(pointing.determiners), alternatives(pointing.polite)
        return {
            domain: re.compile(
                rf"(?<!\w){dropped}\s+(?:(?:{determiner}\s+)?{noun.pattern}|"
                rf"{words.kinds[domain].pattern})(?:\s+{polite})?(?=\s*(?:[,.;!?]|$|{goes_on}\b))"
            )
            for domain, noun in words.nouns.items()
        }

    @cached_property
    def _taking_back(self) -> tuple[re.Pattern[str], ...]:
        """Finds what may take something back, in however roundabout a way."""
        ways = self.words.ways
        pointing = ways.pointing
        return (
            ways.indifference,
            ways.withdrawal,
            pointing.dropping,
            pointing.another_one,
            pointing.turning,
            self.words.denial,
        )
