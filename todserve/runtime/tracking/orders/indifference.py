"""Indifference: slots of which somebody says that any value will do.

`PlainOrders` calls it; what it finds overrules the network. Example: "What area?" answered by
"surprise me" gives ``area: dontcare``; so does "the price doesn't matter" without any question,
whatever was wished before.

Overlooked, the bot would ask the same again. A slot is meant if the words beside the indifference
name it, else if the last question of the reply names one or several. What was only asked is left
alone where it is known, where the same words say a value of it, and where a yes or a no answers it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from todserve.runtime.knowledge.domain_table import Comparison, DomainTable
from todserve.runtime.knowledge.knowledge_base import KnowledgeBase
from todserve.runtime.language.dialogue import DONTCARE, BeliefState
from todserve.runtime.language.phrases import PhraseIndex
from todserve.runtime.language.schema import Schema
from todserve.runtime.tracking.pointing_words import alternatives
from todserve.runtime.tracking.ways_of_saying import WaysOfSaying

_MARKS = r"[.!?;:,\n]+(?:\s+|$)|[,;\n]|\s+(?:-|–|—)\s+"
_SENTENCE = re.compile(r"[^.!?\n]*\?")


@dataclass(frozen=True, kw_only=True)
class Indifference:
    """Finds slots that somebody does not care about.

    Attributes:
        schema: knows slots and their values.
        ways: how indifference is said, and how slots are named.
        knowledge: knows which slots narrow a search.
        closed: domain -> its closed values, by ``slot=value``.
    """

    schema: Schema
    ways: WaysOfSaying
    knowledge: KnowledgeBase
    closed: Mapping[str, PhraseIndex]

    def of(
        self,
        utterance: str,
        reply: str,
        domain: str,
        state: BeliefState,
        written: Mapping[str, Mapping[str, str]],
    ) -> tuple[str, ...]:
        """Return the slots of ``domain`` that the words leave open; empty without any.

        Args:
            utterance: the user's words, lower case.
            reply: the last reply, lower case.
            domain: the domain that is spoken of.
            state: the belief state before the utterance.
            written: domain -> slot -> value, what the model wrote.
        """
        if not self.ways.carelessness.search(utterance):
            return ()
        table = self.knowledge.tables.get(domain)
        if table is None or Comparison.NAME not in table.comparisons.values():
            return ()  # a journey has its ends and its day; of them nobody is indifferent
        careless = [
            clause
            for clause in self._clauses.split(utterance)
            if self.ways.carelessness.search(clause)
        ]
        new = written.get(domain, {})
        named = [
            slot
            for slot in self._narrowing(domain, table)
            if any(self.ways.names(slot, clause) for clause in careless)
        ]
        if named:
            return tuple(
                slot
                for slot in named
                if new.get(slot, "\n") not in utterance
                and state.get(domain, {}).get(slot) != DONTCARE
                and not any(self._says_a_value(domain, slot, clause) for clause in careless)
            )
        return tuple(self._asked(utterance, reply, domain, table, {**state.get(domain, {}), **new}))

    def _narrowing(self, domain: str, table: DomainTable) -> Iterator[str]:
        """Yield the slots that a search compares with one value."""
        for slot in self.schema.slots(domain):
            if table.comparisons.get(slot) is Comparison.EQUAL:
                yield slot

    def _asked(
        self,
        utterance: str,
        reply: str,
        domain: str,
        table: DomainTable,
        known: Mapping[str, str],
    ) -> Iterator[str]:
        """Yield what the last question of the reply asks for and nobody has answered."""
        questions = _SENTENCE.findall(reply)
        if not questions:
            return
        answers = self.schema.forms.answers
        for slot in self._narrowing(domain, table):
            values = self.schema.values(domain, slot)
            if slot in known or not answers.isdisjoint(values):
                continue
            if self.ways.names(slot, questions[-1]) and not self._has(
                domain, slot, values, utterance
            ):
                yield slot

    def _says_a_value(self, domain: str, slot: str, clause: str) -> bool:
        found = self.closed[domain].find(self.schema.forms.words_of(clause))
        return any(span.slot.partition("=")[0] == slot for span in found)

    def _has(self, domain: str, slot: str, values: Sequence[str], utterance: str) -> bool:
        return any(
            re.search(rf"(?<!\w){re.escape(value)}(?!\w)", utterance)
            or self.ways.says(domain, slot, value, utterance)
            for value in values
        )

    @cached_property
    def _clauses(self) -> re.Pattern[str]:
        """Parts a text where it goes on to say something else."""
        return re.compile(rf"{_MARKS}|\s+{alternatives(self.ways.parting)}\s+")
