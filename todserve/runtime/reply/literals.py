"""Literals: finds the values and names that a reply says in plain words, not by a placeholder.

The rules and the repairs ask it what a reply claims, to hold that against the look-up. Example: in
"there are no cheap guesthouses" the literals of the domain hotel are ``pricerange cheap`` and
``type guesthouse``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from todserve.runtime.knowledge.domain_table import Comparison
from todserve.runtime.knowledge.knowledge_base import KnowledgeBase
from todserve.runtime.language.dialogue import DELETED, DONTCARE
from todserve.runtime.language.phrases import PhraseIndex
from todserve.runtime.language.schema import Schema
from todserve.runtime.language.word_forms import WordForms

_NO_VALUE = frozenset({DONTCARE, DELETED, ""})
_MOST_VALUES = 150  # a slot with more is no closed set, and its words may mean anything
_PLACEHOLDER = re.compile(r"\[[^\]]*\]")
_PLACES = frozenset({"departure", "destination"})  # one word for both: which, only its side tells
_SHORTEST_NAME = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Literal:
    """A value said in words: characters ``start`` to ``end`` of the text."""

    slot: str
    value: str
    start: int
    end: int


@dataclass(kw_only=True)
class Literals:
    """Finds the values of a checkpoint; a domain's are collected when it is first asked for."""

    knowledge: KnowledgeBase
    schema: Schema
    _indexes: dict[str, tuple[PhraseIndex, Mapping[tuple[str, str], str]]] = field(
        default_factory=dict, repr=False
    )
    _names: tuple[PhraseIndex, Mapping[str, str]] | None = field(default=None, repr=False)

    @property
    def _forms(self) -> WordForms:
        return self.knowledge.forms

    def values(self, domain: str, text: str) -> tuple[Literal, ...]:
        """Return the closed values of ``domain`` that a lower-case text says."""
        if domain not in self._indexes:
            self._indexes[domain] = self._collected(domain)
        index, known = self._indexes[domain]
        bare = _blanked(text)
        found: list[Literal] = []
        for span in index.find(self._forms.words_of(bare)):
            value = known.get((span.slot, self._forms.comparison_key(bare[span.start : span.end])))
            if value is not None and (not found or span.start >= found[-1].end):
                found.append(Literal(slot=span.slot, value=value, start=span.start, end=span.end))
        return tuple(found)

    def asked(self, domain: str, text: str, name: str) -> tuple[Literal, ...]:
        """Return the values that a question says: not the service's own name, nor a part of a name.

        Args:
            domain: whose values.
            text: the user's words, lower case.
            name: of the entity at hand, lower case.
        """
        bare = text.replace(self._forms.without_article(name), " ") if name else text
        return tuple(one for one in self.values(domain, bare) if one.value != domain)

    def names(self, text: str) -> tuple[str, ...]:
        """Return the names of entities, of whatever domain, that a lower-case text says."""
        if self._names is None:
            self._names = self._all_names()
        index, known = self._names
        bare = _blanked(text)
        said = (bare[span.start : span.end] for span in index.find(self._forms.words_of(bare)))
        return tuple(known.get(self._forms.comparison_key(one), one) for one in said)

    def _collected(self, domain: str) -> tuple[PhraseIndex, dict[tuple[str, str], str]]:
        table = self.knowledge.tables.get(domain)
        compared = {} if table is None else table.comparisons
        flags = {*_NO_VALUE, *self._forms.answers, *self._forms.flags}
        index = PhraseIndex(self._forms)
        known: dict[tuple[str, str], str] = {}
        slots = dict.fromkeys([*self.schema.slots(domain), *compared])
        for slot in slots:
            if slot in _PLACES or compared.get(slot, Comparison.EQUAL) is not Comparison.EQUAL:
                continue
            values = {
                value
                for value in (
                    *self.schema.values(domain, slot),
                    *(self.knowledge.values(domain, slot) if slot in compared else ()),
                )
                if value not in flags and not value.isdigit()
            }
            if len(values) <= _MOST_VALUES:
                index.add(slot, sorted(values))
                known |= {
                    (slot, self._forms.comparison_key(value)): value for value in sorted(values)
                }
        return index, known

    def _all_names(self) -> tuple[PhraseIndex, dict[str, str]]:
        index = PhraseIndex(self._forms)
        known: dict[str, str] = {}
        for domain in self.knowledge.domains:
            names = self.knowledge.values(domain, "name")
            long = [one for one in names if " " in one or len(one) >= _SHORTEST_NAME]
            index.add("name", long)
            known |= {self._forms.comparison_key(one): one for one in long}
        return index, known


def _blanked(text: str) -> str:
    """Return a text with its placeholders blanked, every other character at its place."""
    return _PLACEHOLDER.sub(lambda match: "|" * len(match[0]), text)
