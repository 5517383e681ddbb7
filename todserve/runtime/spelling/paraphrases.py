"""Paraphrases: replaces words that the network does not know by plain ones that it does.

`UtteranceReader` calls it after the speller, before the network sees the utterance. The words are
data: ``plainly``, ``counted`` and ``spans`` of ``ways_of_saying.json``. Example:
``one week at somewhere swanky`` is read as ``7 nights at somewhere expensive``,
``me, my wife and the twins`` as ``4 people`` and ``friday to monday`` as ``3 nights from friday``.

Nothing is touched that is a part of a name or a value of this checkpoint: "pizza hut" stays.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from todserve.runtime.knowledge.knowledge_base import KnowledgeBase
from todserve.runtime.language.schema import Schema
from todserve.runtime.language.word_forms import WordForms
from todserve.runtime.spelling.company import Company
from todserve.runtime.spelling.speller import Spelled
from todserve.runtime.tracking.pointing_words import alternatives, any_of
from todserve.runtime.tracking.ways_of_saying import Spans, WaysOfSaying
from todserve.runtime.wire.response import WordChange

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_SHORT = 3
_BOTH = 2

Piece = tuple[int, int, str]
"""Where a phrase begins and ends, and what it is read as."""


class WholeNames:
    """Names and values of a checkpoint, which no phrase may tear apart.

    Args:
        names: in any spelling.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names = frozenset(pair for name in names for pair in _pairs(name))

    @classmethod
    def of(cls, schema: Schema, knowledge: KnowledgeBase) -> "WholeNames":
        """Return those of a checkpoint."""
        names = [
            value
            for domain in knowledge.domains
            for column in knowledge.tables[domain].comparisons  # no opening hours, no addresses
            for value in knowledge.values(domain, column)
        ]
        names += [
            one for service in schema.services for slot in service.slots for one in slot.values
        ]
        return cls(names)

    def tears(self, utterance: str, start: int, end: int) -> bool:
        """Say whether a phrase and the word beside it stand side by side in a name."""
        before = _WORD.findall(utterance[:start].lower())[-1:]
        after = _WORD.findall(utterance[end:].lower())[:1]
        inside = _WORD.findall(utterance[start:end].lower())
        words = [*before, *inside[:1]], [*inside[-1:], *after]
        return any(len(pair) == _BOTH and tuple(pair) in self._names for pair in words)


def replaced(utterance: str, pieces: Iterable[Piece], whole: WholeNames | None = None) -> Spelled:
    """Return an utterance with pieces of it read otherwise; of two that overlap, the first."""
    text, read_to = "", 0
    changes: list[WordChange] = []
    for start, end, plain in sorted(pieces, key=lambda one: (one[0], -one[1])):
        if start < read_to or (whole is not None and whole.tears(utterance, start, end)):
            continue
        text += utterance[read_to:start] + plain
        read_to = end
        changes.append(WordChange(typed=utterance[start:end], read=plain))
    return Spelled(text=text + utterance[read_to:], changes=tuple(changes))


class Paraphrases:
    """Reads known phrases as plain words.

    Args:
        ways: the phrases.
        forms: how the language writes numbers and times.
        whole: what they may not tear apart.
    """

    def __init__(self, ways: WaysOfSaying, forms: WordForms, whole: WholeNames) -> None:
        numbers = forms.numbers
        self._plainly = {
            plain: any_of(phrases) for plain, phrases in ways.plainly.items() if phrases
        }
        self._counted_as = ways.counted_as
        self._company = Company(ways, numbers) if ways.counted_as else None
        self._nights = _Nights(ways.spans, numbers) if ways.spans.read_as else None
        self._steps = any_of(ways.clock_steps)
        self._units = tuple(ways.pointing.counting.values())
        self._forms = forms
        self._whole = whole

    @classmethod
    def of(
        cls, ways: WaysOfSaying, knowledge: KnowledgeBase, whole: WholeNames
    ) -> "Paraphrases | None":
        """Return the paraphrases of a checkpoint; None where it has none."""
        if not ways.plainly and not ways.counted_as and not ways.spans.read_as:
            return None
        return cls(ways, knowledge.forms, whole)

    def read(self, utterance: str) -> Spelled:
        """Return the utterance in plain words."""
        return replaced(utterance, self._found(utterance), self._whole)

    def _found(self, utterance: str) -> Iterator[Piece]:
        for plain, pattern in self._plainly.items():
            for match in pattern.finditer(utterance):
                yield *match.span(), plain
        if self._company is not None:
            for start, end, people in self._company.found(utterance):
                yield start, end, self._counted_as.replace("{n}", str(people))
        if self._steps.search(utterance):
            yield from self._clocks(utterance)
        if self._nights is not None:
            yield from self._nights.found(utterance)

    def _clocks(self, utterance: str) -> Iterator[Piece]:
        """Yield times in words that networks seldom saw: "ten to nine" is 8:50."""
        times, forms = self._forms.times, self._forms
        for match in times.told.finditer(utterance.lower()):
            step = match["step"]
            if step is not None and self._steps.fullmatch(step) and not self._counts(match):
                written = times.in_figures(match, forms.numbers, forms.clock_time)
                if written:
                    yield *match.span(), written

    def _counts(self, match: re.Match[str]) -> bool:
        """Say whether what is said so is a number of things: "ten to twelve people"."""
        return any(unit.match(match.string, match.end()) for unit in self._units)


class _Nights:
    """Counts the nights between two days of the week: "friday to monday"."""

    def __init__(self, spans: Spans, numbers: Mapping[str, str]) -> None:
        self._days = [re.compile(phrase, re.IGNORECASE) for phrase in spans.days.values()]
        self._names = tuple(spans.days)
        day, on = alternatives(spans.days.values()), rf"(?:{alternatives(spans.on)}\s+){{0,2}}"
        gone = rf"(?:{alternatives(spans.linking)}\s+){{0,2}}{alternatives(spans.leaving)}"
        joined = rf"(?:\s*{alternatives(spans.joined)}|\s*,?\s*{gone})\s*{on}"
        self._span = re.compile(
            rf"(?<!\w)(?:{alternatives(spans.before)}\s+{on})?(?P<first>{day}){joined}"
            rf"(?P<last>{day})(?!\w)",
            re.IGNORECASE,
        )
        self._read_as = spans.read_as
        number = alternatives((r"\d{1,2}", *numbers))
        self._counted = any_of(rf"{number}\s+{phrase}" for phrase in spans.counted)

    def found(self, utterance: str) -> Iterator[Piece]:
        """Yield every stretch of days, where their number is not said as well."""
        if self._counted.search(utterance):
            return
        for match in self._span.finditer(utterance):
            first, last = self._at(match["first"]), self._at(match["last"])
            nights = (last - first) % len(self._days)
            if nights:
                written = self._read_as.replace("{n}", str(nights))
                yield *match.span(), written.replace("{day}", self._names[first])

    def _at(self, day: str) -> int:
        return next(at for at, one in enumerate(self._days) if one.fullmatch(day))


def _pairs(name: str) -> Iterator[tuple[str, str]]:
    """Yield the telling pairs of words: two of three letters at most, "for the", tell nothing."""
    words = _WORD.findall(name.lower())
    for one, other in zip(words, words[1:], strict=False):
        if not (one.isascii() and other.isascii() and max(len(one), len(other)) <= _SHORT):
            yield one, other
