"""Paraphrases: replaces words that the network does not know by plain ones that it does.

First on the way of a request, behind the speller. The words are data: ``plainly`` and ``counted``
of ``ways_of_saying.json``. Example: ``one week at somewhere swanky`` is read as ``7 nights at
somewhere expensive``, and ``me, my wife and the twins`` as ``4 people``.

Nothing is touched that is a part of a name or a value of this checkpoint: "pizza hut" stays.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from todserve.runtime.knowledge.knowledge_base import KnowledgeBase
from todserve.runtime.language.schema import Schema
from todserve.runtime.spelling.speller import Spelled
from todserve.runtime.tracking.ways_of_saying import WaysOfSaying
from todserve.runtime.wire.response import WordChange

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_PAIR = 2
"""People that every checkpoint counts by itself: "me and my wife"."""

Piece = tuple[int, int, str]
"""Where a phrase begins and ends, and what it is read as."""


class Paraphrases:
    """Reads known phrases as plain words.

    Args:
        ways: the phrases.
        numbers: number word -> digits.
        names: names and values that no phrase may tear apart.
    """

    def __init__(
        self, ways: WaysOfSaying, numbers: Mapping[str, str], names: Iterable[str] = ()
    ) -> None:
        self._plainly = {
            plain: re.compile(rf"(?<!\w)(?:{'|'.join(phrases)})(?!\w)", re.IGNORECASE)
            for plain, phrases in ways.plainly.items()
            if phrases
        }
        self._company = _Company(ways, numbers) if ways.counted_as else None
        self._names = frozenset(pair for name in names for pair in _pairs(name))

    @classmethod
    def of(
        cls, ways: WaysOfSaying, schema: Schema, knowledge: KnowledgeBase
    ) -> "Paraphrases | None":
        """Return the paraphrases of a checkpoint; None where it has none."""
        if not ways.plainly and not ways.counted_as:
            return None
        names = [
            value
            for domain in knowledge.domains
            for column in knowledge.tables[domain].comparisons  # no opening hours, no addresses
            for value in knowledge.values(domain, column)
        ]
        names += [
            one for service in schema.services for slot in service.slots for one in slot.values
        ]
        return cls(ways, knowledge.forms.numbers, names)

    def read(self, utterance: str) -> Spelled:
        """Return the utterance in plain words."""
        text, read_to = "", 0
        changes: list[WordChange] = []
        for start, end, plain in sorted(self._found(utterance)):
            if start < read_to or self._is_of_a_name(utterance, start, end):
                continue
            text += utterance[read_to:start] + plain
            read_to = end
            changes.append(WordChange(typed=utterance[start:end], read=plain))
        return Spelled(text=text + utterance[read_to:], changes=tuple(changes))

    def _found(self, utterance: str) -> Iterator[Piece]:
        for plain, pattern in self._plainly.items():
            for match in pattern.finditer(utterance):
                yield *match.span(), plain
        if self._company is not None:
            yield from self._company.found(utterance)

    def _is_of_a_name(self, utterance: str, start: int, end: int) -> bool:
        """Say whether a phrase and the word beside it stand side by side in a name."""
        before = _WORD.findall(utterance[:start].lower())[-1:]
        after = _WORD.findall(utterance[end:].lower())[:1]
        inside = _WORD.findall(utterance[start:end].lower())
        words = [*before, *inside[:1]], [*inside[-1:], *after]
        return any(len(pair) == _PAIR and tuple(pair) in self._names for pair in words)


class _Company:
    """Counts people who are listed by who they are: "me, my wife and the twins"."""

    def __init__(self, ways: WaysOfSaying, numbers: Mapping[str, str]) -> None:
        counted, words = ways.counted, ways.company
        self._counted = {
            number: re.compile(rf"(?<!\w)(?:{'|'.join(phrases)})(?!\w)", re.IGNORECASE)
            for number, phrases in counted.items()
            if number != "+"
        }
        self._numbers = numbers
        joining, beside = _any_of(words.joining), _any_of((*words.joining, *words.beside, "&"))
        joined = rf"(?:\s*,\s*(?:{joining}\s+)?|\s+{beside}\s+|\s*[+&]\s*)"
        number = _any_of((r"\d{1,2}", *(word for word in numbers if numbers[word] != "0")))
        whose, several = _any_of(words.whose), _any_of(counted.get("+", ()))
        one = "|".join(phrase for name, known in counted.items() if name != "+" for phrase in known)
        person = rf"(?:{whose}\s+(?:\w+\s+)?)?(?:{one})"
        many = rf"(?:{whose}\s+)?{number}\s+(?:\w+\s+)?{several}"
        # A bare number is one of people only behind a word that joins: "me, 3 nights" is not.
        bare = rf"{number}(?=\s*(?:[.,;!?]|$|{_any_of(words.after)}\b))"
        more = rf"(?:{joined}(?:{person}|{many})(?!\w)|\s+{joining}\s+{bare})"
        self._list = re.compile(rf"(?<!\w)(?:{person}){more}+(?!\w)", re.IGNORECASE)
        # One more of whom nobody knows how many there are: "and the kids".
        self._goes_on = re.compile(
            rf"{joined}{_any_of((*words.whose, *words.unnumbered))}\s", re.IGNORECASE
        )
        self._number = re.compile(rf"(?<!\w){number}(?!\w)", re.IGNORECASE)
        self._joined = re.compile(joined, re.IGNORECASE)
        self._written = ways.counted_as

    def found(self, utterance: str) -> Iterator[Piece]:
        """Yield the lists of more than two."""
        for match in self._list.finditer(utterance):
            if self._goes_on.match(utterance, match.end()):
                continue
            total = sum(map(self._number_of, self._joined.split(match[0])))
            if total > _PAIR:
                yield *match.span(), self._written.replace("{n}", str(total))

    def _number_of(self, text: str) -> int:
        number = self._number.search(text)
        if number is not None:
            return int(self._numbers.get(number[0].lower(), number[0]))
        return next(
            (int(value) for value, pattern in self._counted.items() if pattern.search(text)), 0
        )


def _any_of(phrases: Iterable[str]) -> str:
    return f"(?:{'|'.join(phrases) or '(?!)'})"


def _pairs(name: str) -> Iterator[tuple[str, str]]:
    words = _WORD.findall(name.lower())
    return zip(words, words[1:], strict=False)
