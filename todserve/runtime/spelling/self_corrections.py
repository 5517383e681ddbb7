"""SelfCorrections: drops the value that somebody takes back, or leaves behind, in the same breath.

`UtteranceReader` calls it after the paraphrases. The words are data: ``instead``, ``lead`` and
``past`` of ``ways_of_saying.json``. Example: "a swimming pool in the east, wait, north" is read as
"a swimming pool in the north", and "last time we stayed in the north, now we want the centre" as
"now we want the centre".

Dropped is only a closed value, or a number, that words of correction follow at once and behind
them another value of the same slot, and what was so in the past where such a value comes later.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from todserve.runtime.knowledge.domain_table import Comparison
from todserve.runtime.knowledge.knowledge_base import KnowledgeBase
from todserve.runtime.language.phrases import PhraseIndex
from todserve.runtime.language.schema import Schema
from todserve.runtime.language.word_forms import WordForms
from todserve.runtime.spelling.paraphrases import Piece
from todserve.runtime.tracking.pointing_words import alternatives, any_of
from todserve.runtime.tracking.ways_of_saying import WaysOfSaying

_NUMBERS = "number"
_MOST_LEADING = 3
_MARKS = r"[.!?;,]\s+|\s+(?:-|–|—)\s+"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Value:
    slot: str
    start: int
    end: int


class SelfCorrections:
    """Finds values that are put right in the same utterance.

    Args:
        ways: the words of correction.
        values: slot -> its closed values.
        forms: how the language writes numbers, and values otherwise.
    """

    def __init__(
        self, ways: WaysOfSaying, values: Iterable[tuple[str, Iterable[str]]], forms: WordForms
    ) -> None:
        self._forms = forms
        self._index = PhraseIndex(forms)
        number = rf"\d{{1,2}}(?:[:.]\d\d)?(?:\s?[ap]m)?|{'|'.join(forms.numbers) or '(?!)'}"
        self._number = re.compile(rf"(?<![\w:.])(?:{number})(?!\w|[:.]\d)", re.IGNORECASE)
        for slot, known in values:
            self._index.add(slot, known)
        self._past = any_of(ways.past)
        self._between = re.compile(
            rf"{_MARKS}|\s+{alternatives((*ways.parting, *ways.adding))}\s+", re.IGNORECASE
        )
        lead, instead = ("|".join(words) or r"(?!)" for words in (ways.lead, ways.instead))
        # "3 people, no, 4 people": the noun behind the value may stand between.
        self._mark = re.compile(
            rf"(?:\s+(?P<noun>\w+))?\s*(?:[,;.…–-]+\s*)?(?<!\w)(?:{instead})"
            rf"(?!\w)[\s,;.…–-]*(?:(?:{lead})\s+){{0,{_MOST_LEADING}}}$",
            re.IGNORECASE,
        )

    @classmethod
    def of(
        cls, ways: WaysOfSaying, schema: Schema, knowledge: KnowledgeBase
    ) -> "SelfCorrections | None":
        """Return those of a checkpoint; None where it has no words of correction."""
        return cls(ways, _closed(schema, knowledge), knowledge.forms) if ways.instead else None

    def found(self, utterance: str) -> Iterator[Piece]:
        """Yield each value that is taken back, with all that leads to the one that is meant."""
        values = self._values(utterance)
        yield from self._left_behind(utterance, values)
        for one, other in zip(values, values[1:], strict=False):
            if one.slot != other.slot:
                continue
            between = self._mark.fullmatch(utterance[one.end : other.start])
            if between is None:
                continue
            noun = between["noun"]
            if noun is None or utterance[other.end :].lstrip().startswith(noun):
                yield one.start, other.start, ""

    def _left_behind(self, utterance: str, values: list[_Value]) -> Iterator[Piece]:
        """Yield each clause of the past of which a value is another one later."""
        if not self._past.search(utterance):
            return
        start = 0
        for mark in (*self._between.finditer(utterance), None):
            end = len(utterance) if mark is None else mark.end()
            if self._past.search(utterance[start:end]):
                old = {one.slot for one in values if start <= one.start < end}
                new = {one.slot for one in values if one.start >= end}
                if (old & new) - {_NUMBERS}:
                    yield start, end, ""
            start = end

    def _values(self, utterance: str) -> list[_Value]:
        lower = utterance.lower()
        found = [
            _Value(slot=span.slot, start=span.start, end=span.end)
            for span in self._index.find(self._forms.words_of(lower))
        ]
        found += [
            _Value(slot=_NUMBERS, start=match.start(), end=match.end())
            for match in self._number.finditer(lower)
        ]
        found.sort(key=lambda one: one.start)
        apart: list[_Value] = []
        for one in found:
            if not apart or one.start >= apart[-1].end:
                apart.append(one)
        return apart


def _closed(schema: Schema, knowledge: KnowledgeBase) -> list[tuple[str, list[str]]]:
    """Return every slot's closed values; slots that share all of them count as one."""
    known: dict[str, set[str]] = {}
    for service in schema.services:
        table = knowledge.tables.get(service.name)
        compared = {} if table is None else table.comparisons
        for slot in service.slots:
            values = known.setdefault(slot.name, set())
            values.update(slot.values)
            if compared.get(slot.name) is Comparison.EQUAL:
                values.update(knowledge.values(service.name, slot.name))
    return [
        (
            slot,
            sorted(one for one in values if one not in schema.forms.answers and not one.isdigit()),
        )
        for slot, values in known.items()
    ]
