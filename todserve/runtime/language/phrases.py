"""Phrases: finds known values in a text, however their spelling varies.

Delexicalisation, the speller's modules and the tracker search texts with it. An index maps the
first word of every known value to the values that begin so; a text is walked once. Example: an
index of ``"christ's college"`` finds ``"christ college"`` and ``"Christ s College"`` alike.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from todserve.runtime.language.word_forms import Word, WordForms


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of text that is a value of a slot."""

    start: int
    end: int
    slot: str


@dataclass
class PhraseIndex:
    """Known values by their first word; the longest value is tried first."""

    forms: WordForms
    _by_first: dict[str, list[tuple[tuple[str, ...], str]]] = field(default_factory=dict)

    def add(self, slot: str, values: Iterable[str]) -> None:
        """Add every spelling of ``values``; the first slot to claim a spelling keeps it."""
        for value in values:
            for sequence in self.forms.spellings(value):
                if len(sequence) == 1 and sequence[0] in self.forms.too_common and " " in value:
                    continue
                known = self._by_first.setdefault(sequence[0], [])
                if all(sequence != other for other, _ in known):
                    known.append((sequence, slot))
                    known.sort(key=lambda one: -len(one[0]))

    def find(self, words: Sequence[Word]) -> Iterator[Span]:
        """Yield the longest known value at every word, overlaps included."""
        keys = tuple([word.key for word in words])
        for position, key in enumerate(keys):
            for sequence, slot in self._by_first.get(key, ()):
                after = position + len(sequence)
                if keys[position:after] == sequence:
                    yield Span(words[position].start, words[after - 1].end, slot)
                    break
