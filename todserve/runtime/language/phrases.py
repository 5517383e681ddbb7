"""Phrases: finds known values in a text, however their spelling varies.

Stands inside delexicalisation. An index maps the first word of every known value to the values
that begin so; a text is walked once. Example: an index of ``"christ's college"`` finds
``"christ college"`` and ``"Christ s College"`` alike.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

# Letters and digits of any script: a name in Hangul must not be compared by nothing at all.
_WORD = re.compile(r"[^\W_]+(?:\s?'\s?s\b|\ss\b)?")
_POSSESSIVE = re.compile(r"(?:\s?'\s?|\s)s$")
_UNITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
NUMBER_WORDS = {word: str(number) for number, word in enumerate((*_UNITS, "eleven", "twelve"))}
"""Number word -> digits; MultiWOZ's names have "twelve" where its labels have 12."""

_ALTERNATIVES = (
    ("guest house", "guesthouse"),
    ("bed and breakfast", "b and b"),
    ("bed and breakfast", "b b"),
    ("bed and breakfast", "bed breakfast"),
    ("saint", "st"),
    (" and ", " "),
)
"""Pairs of spellings that stand for each other inside a value."""


TOO_COMMON = frozenset(
    {"place", "junction", "centre", "cambridge", "ask", "museum", "gallery", "bridge", "india"}
    | {"city", "stop", "green", "park", "pool", "college", "garden", "king", "queen", "club"}
    | {"university", "royal", "oak", "hotel", "house", "restaurant", "guest"}
)
"""Words that are no value alone, though a name without its "the" would be one ("the place")."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a text: as compared, and where it stands."""

    key: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of text that is a value of a slot."""

    start: int
    end: int
    slot: str


def words_of(text: str) -> list[Word]:
    """Return the words of lower-case ``text``; a possessive or plural s does not count."""
    return [Word(_key(match[0]), *match.span()) for match in _WORD.finditer(text)]


@lru_cache(maxsize=65536)
def _key(word: str) -> str:
    letters = _POSSESSIVE.sub("", word)
    if len(letters) > 3 and letters.endswith("s") and not letters.endswith("ss"):
        letters = letters[:-1]
    return NUMBER_WORDS.get(letters, letters)


@lru_cache(maxsize=65536)
def spellings(value: str) -> tuple[tuple[str, ...], ...]:
    """Return the word sequences by which ``value`` may appear."""
    texts = {value.lower()}
    for one, other in _ALTERNATIVES:
        for text in tuple(texts):
            texts.add(text.replace(one, other))
            texts.add(text.replace(other, one) if other.strip() else text)
    texts |= {text.removeprefix("the ") for text in tuple(texts)}
    found = {tuple(word.key for word in words_of(text)) for text in texts}
    return tuple(sorted(sequence for sequence in found if sequence))


@dataclass
class PhraseIndex:
    """Known values by their first word; the longest value is tried first."""

    _by_first: dict[str, list[tuple[tuple[str, ...], str]]] = field(default_factory=dict)

    def add(self, slot: str, values: Iterable[str]) -> None:
        """Add every spelling of ``values``; the first slot to claim a spelling keeps it."""
        for value in values:
            for sequence in spellings(value):
                if len(sequence) == 1 and sequence[0] in TOO_COMMON and " " in value:
                    continue
                known = self._by_first.setdefault(sequence[0], [])
                if all(sequence != other for other, _ in known):
                    known.append((sequence, slot))
                    known.sort(key=lambda one: -len(one[0]))

    def find(self, words: list[Word]) -> Iterator[Span]:
        """Yield the longest known value at every word, overlaps included."""
        for position, word in enumerate(words):
            for sequence, slot in self._by_first.get(word.key, ()):
                after = position + len(sequence)
                if after <= len(words) and all(
                    words[position + step].key == key for step, key in enumerate(sequence)
                ):
                    yield Span(word.start, words[after - 1].end, slot)
                    break


def without_possessive(text: str, span: Span) -> Span:
    """Return ``span`` without the 's of "the acorn guest house's phone"."""
    surface = text[span.start : span.end]
    if "'" not in surface.rsplit(" ", 1)[-1] and not surface.endswith(" s"):
        return span
    ending = _POSSESSIVE.search(surface)
    return Span(span.start, span.end - len(ending[0]), span.slot) if ending else span
