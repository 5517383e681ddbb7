"""Indifference: slots of which somebody says that any value will do, though the model wrote none.

Stands inside the tracker, after the model's own slots. Example: "What area?" answered by "surprise
me" gives ``area: dontcare``; so does "the price doesn't matter" without any question.

Overlooked, the bot would ask the same again. A slot is meant if the words beside the indifference
name it, else if the last question of the reply names one or several; a slot that is known, or that
the same words say a value of, is left alone, and so are slots answered by yes or no.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from todserve.runtime.knowledge.domain_table import Comparison
from todserve.runtime.knowledge.knowledge_base import KnowledgeBase
from todserve.runtime.language.dialogue import BeliefState
from todserve.runtime.language.schema import Schema
from todserve.runtime.tracking.ways_of_saying import WaysOfSaying

_CLAUSE = re.compile(r"[.!?;:,\n]+")
_SENTENCE = re.compile(r"[^.!?\n]*\?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Indifference:
    """Finds slots that somebody does not care about.

    Attributes:
        schema: knows slots and their values.
        ways: how indifference is said, and how slots are named.
        knowledge: knows which slots narrow a search for a place.
    """

    schema: Schema
    ways: WaysOfSaying
    knowledge: KnowledgeBase

    def overlooked(
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
        if any(other != domain for other in written):
            return ()
        known = {**state.get(domain, {}), **written.get(domain, {})}
        open_slots = [slot for slot in self._narrowing(domain) if slot not in known]
        meant = tuple(self._meant(utterance, reply, open_slots))
        return tuple(slot for slot in meant if not self._has_value(domain, slot, utterance))

    def _narrowing(self, domain: str) -> Iterator[str]:
        table = self.knowledge.tables.get(domain)
        if table is None or Comparison.NAME not in table.comparisons.values():
            return  # a journey has its ends and its day; of them nobody is indifferent
        answers = self.schema.forms.answers
        for slot in self.schema.slots(domain):
            values = self.schema.values(domain, slot)
            if table.comparisons.get(slot) is Comparison.EQUAL and answers.isdisjoint(values):
                yield slot

    def _meant(self, utterance: str, reply: str, slots: Iterable[str]) -> Iterator[str]:
        clauses = [
            clause
            for clause in _CLAUSE.split(utterance)
            if self.ways.carelessness.search(clause) is not None
        ]
        if not clauses:
            return
        named = [slot for slot in slots if any(self.ways.names(slot, one) for one in clauses)]
        if named:
            yield from named
            return
        questions = _SENTENCE.findall(reply)
        if questions:
            yield from (slot for slot in slots if self.ways.names(slot, questions[-1]))

    def _has_value(self, domain: str, slot: str, utterance: str) -> bool:
        return any(
            re.search(rf"(?<!\w){re.escape(value)}(?!\w)", utterance)
            or self.ways.says(domain, slot, value, utterance)
            for value in self.schema.values(domain, slot)
        )
