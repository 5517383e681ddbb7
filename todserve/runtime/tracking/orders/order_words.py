"""OrderWords: what every kind of order looks up in a text: services, closed values, names, denials.

The words are data, ``ways_of_saying.json``. Example: of "the hotel in the east" it tells that the
service is ``hotel`` and that a value of its is ``area: east``.
"""

import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

from todserve.runtime.knowledge.domain_table import Comparison
from todserve.runtime.knowledge.knowledge_base import KnowledgeBase
from todserve.runtime.language.phrases import PhraseIndex, Span
from todserve.runtime.language.schema import Schema
from todserve.runtime.language.word_forms import WordForms
from todserve.runtime.tracking.pointing_words import PointingWords, alternatives, any_of
from todserve.runtime.tracking.ways_of_saying import WaysOfSaying

_MARKS = r"[,.;:!?]+\s+|[,;]|\s+(?:-|–|—)\s+"


@dataclass(frozen=True, kw_only=True)
class OrderWords:
    """Looks things up in lower-case texts.

    Attributes:
        schema: services and slots.
        ways: the words.
        knowledge: knows which slots a look-up asks for, and the names of venues.
    """

    schema: Schema
    ways: WaysOfSaying
    knowledge: KnowledgeBase

    @property
    def forms(self) -> WordForms:
        """How the language writes words, numbers and times."""
        return self.schema.forms

    @property
    def pointing(self) -> PointingWords:
        """The words that point at what was said before."""
        return self.ways.pointing

    def service_of(self, clause: str, known: Collection[str]) -> str | None:
        """Return the one of some services that a part of a sentence names, or else its kind."""
        for words in (self.nouns, self.kinds):
            named = [one for one, found in words.items() if one in known and found.search(clause)]
            if named:
                return named[0] if len(named) == 1 else None
        return None

    def values_in(self, domain: str, text: str) -> list[tuple[str, str]]:
        """Return the closed values of a service that a text says: (slot, value)."""
        found: list[tuple[str, str]] = []
        for span in self.closed[domain].find(self.forms.words_of(text)):
            slot, _, value = span.slot.partition("=")
            found.append((slot, value))
        return found

    def names_in(self, text: str) -> list[Span]:
        """Return the names of venues that a text says."""
        return [*self._names.find(self.forms.words_of(text))]

    def says_a_value(self, domain: str, slot: str, text: str) -> bool:
        """Say whether a text says a closed value of a slot."""
        return any(found == slot for found, _ in self.values_in(domain, text))

    def denies(self, clause: str) -> bool:
        """Say whether a part of a sentence denies anything."""
        return self.denial.search(clause) is not None

    def is_compared(self, domain: str, slot: str) -> bool:
        """Say whether a look-up asks for exactly the value of a slot."""
        table = self.knowledge.tables.get(domain)
        return table is not None and table.comparisons.get(slot) is Comparison.EQUAL

    @cached_property
    def phrases(self) -> re.Pattern[str]:
        """Parts a text where it goes on at all."""
        words = "|".join((*self.ways.parting, *self.ways.joining)) or r"(?!)"
        return re.compile(rf"{_MARKS}|\s+(?:{words})\s+")

    @cached_property
    def denial(self) -> re.Pattern[str]:
        """Finds what denies."""
        return any_of(self.ways.denying)

    @cached_property
    def nouns(self) -> Mapping[str, re.Pattern[str]]:
        """Service -> what finds a word that speaks of it."""
        return self.pointing.services(self.schema.domains)

    @cached_property
    def kinds(self) -> Mapping[str, re.Pattern[str]]:
        """Service -> what finds one of its kinds that was spoken of: "the chinese"."""
        values = {
            domain: {
                value
                for slot in self.schema.slots(domain)
                if self.is_compared(domain, slot)
                for value in (
                    *self.schema.values(domain, slot),
                    *self.knowledge.values(domain, slot),
                )
                if not value.isdigit()
            }
            for domain in self.schema.domains
        }
        often = Counter(value for known in values.values() for value in known)
        determiner = alternatives(self.pointing.determiners)
        return {
            domain: any_of(
                rf"{determiner} {re.escape(value)}s?"
                for value in sorted(known)
                if often[value] == 1
            )
            for domain, known in values.items()
        }

    @cached_property
    def closed(self) -> Mapping[str, PhraseIndex]:
        """Domain -> its closed values that are words; those of a pair of slots are of neither."""
        # Nobody is indifferent to where he goes, and a place is either end of a way.
        of_ways = {slot for pair in self.pointing.pairs for slot in pair}
        found: dict[str, PhraseIndex] = {}
        for domain in self.schema.domains:
            index = found[domain] = PhraseIndex(self.forms)
            for slot in self.schema.slots(domain):
                words = [one for one in self.schema.values(domain, slot) if not one.isdigit()]
                for value in words if slot not in of_ways else ():
                    if value not in (*self.forms.answers, domain):
                        index.add(f"{slot}={value}", [value])
        return found

    @cached_property
    def name_slots(self) -> Mapping[str, tuple[str, ...]]:
        """Domain -> its slots that hold names of its database."""
        return {
            domain: tuple(
                column
                for column, how in table.comparisons.items()
                if how is Comparison.NAME and self.schema.has(domain, column)
            )
            for domain, table in self.knowledge.tables.items()
        }

    @cached_property
    def _names(self) -> PhraseIndex:
        index = PhraseIndex(self.forms)
        for domain, slots in self.name_slots.items():
            for slot in slots:
                for name in self.knowledge.values(domain, slot):
                    index.add(name, [name])
        return index

    @cached_property
    def homes(self) -> Mapping[tuple[str, str], tuple[str, ...]]:
        """(slot, key of a name) -> the domains that have it."""
        found: dict[tuple[str, str], tuple[str, ...]] = {}
        for domain, slots in self.name_slots.items():
            for slot in slots:
                for name in self.knowledge.values(domain, slot):
                    place = (slot, self.forms.comparison_key(name))
                    if domain not in found.get(place, ()):
                        found[place] = (*found.get(place, ()), domain)
        return found
