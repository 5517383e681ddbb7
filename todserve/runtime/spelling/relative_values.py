"""RelativeValues: reads "two more" or "an hour later" as the value that a known one changes to.

`BackReferences` calls it once the belief state of the turn before is known. The words are data:
``relative`` of ``ways_of_saying.json``. Example: with a table for 5 at 19:00 in the state, "one
fewer" is read as "for 4 people" and "push it back half an hour" as "at 19:30".

Only a value that the state has is changed, and none that the same words name outright.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from todserve.runtime.language.word_forms import WordForms
from todserve.runtime.spelling.company import Company
from todserve.runtime.spelling.paraphrases import Piece
from todserve.runtime.tracking.pointing_words import alternatives, any_of
from todserve.runtime.tracking.relative_words import Steps
from todserve.runtime.tracking.ways_of_saying import WaysOfSaying

ValueOf = Callable[[str], str | None]
"""Slot -> the value at hand; None without one."""

_DAY = 24 * 60  # minutes
_CLOCK = re.compile(r"(\d\d):(\d\d)")
_MORE, _LESS, _TWICE = 1, -1, 2

_Rule = tuple[re.Pattern[str], int]


class RelativeValues:
    """Resolves what is said by how much more or less it is.

    Args:
        ways: the words, the days of the week and who is counted as a person.
        forms: numbers and times.
    """

    def __init__(self, ways: WaysOfSaying, forms: WordForms) -> None:
        words = ways.relative
        self._forms = forms
        self._signs = any_of(words.signs)
        self._company = Company(ways, forms.numbers)
        amounts = {re.compile(text, re.IGNORECASE): n for text, n in words.amounts.items()}
        self._amounts = amounts
        number = alternatives((*words.amounts, r"\d{1,2}", *forms.numbers))
        self._number = re.compile(rf"(?<!\w){number}(?!\w)", re.IGNORECASE)
        filled = {
            "n": number,
            "long": alternatives(words.lengths),
            "who": self._company.people,
            "what": alternatives(words.what),
        }
        filled["long"] = filled["long"].replace("{n}", number)
        self._lengths = [
            (re.compile(text.replace("{n}", number), re.IGNORECASE), minutes, "{n}" in text)
            for text, minutes in words.lengths.items()
        ]
        self._counts = {slot: _rules(steps, filled) for slot, steps in words.counts.items()}
        self._times, self._days = _rules(words.times, filled), _rules(words.days, filled)
        self._time_slots, self._day_slot = words.time_slots, words.day_slot
        self._names = tuple(ways.spans.days)
        self._any_day = any_of(ways.spans.days.values())
        self._counting = ways.pointing.counting
        self._read_as = ways.pointing.same_as

    def found(self, utterance: str, value_of: ValueOf) -> Iterator[Piece]:
        """Yield every change of a known value."""
        if not self._signs.search(utterance):
            return
        for slot, rules in self._counts.items():
            yield from self._counted(utterance, slot, rules, value_of)
        for match, sign in _first(self._times, utterance):
            yield from self._timed(match, sign, value_of)
        for match, sign in _first(self._days, utterance):
            day = value_of(self._day_slot)
            if day in self._names and not self._any_day.search(utterance):
                at = self._names.index(day) + sign * self._step(match)
                yield self._piece(match, self._day_slot, self._names[at % len(self._names)])

    def _counted(
        self, utterance: str, slot: str, rules: Iterable[_Rule], value_of: ValueOf
    ) -> Iterator[Piece]:
        for match, sign in _first(rules, utterance):
            known = value_of(slot)
            if known is None or not known.isdigit():
                return
            step = self._step(match)
            value = int(known) * 2 if sign == _TWICE else int(known) + sign * step
            if value > 0 and step and not self._is_counted(utterance, slot, match):
                yield self._piece(match, slot, str(value))

    def _timed(self, match: re.Match[str], sign: int, value_of: ValueOf) -> Iterator[Piece]:
        for slot in self._time_slots:
            clock = _CLOCK.fullmatch(value_of(slot) or "")
            if clock is not None:
                at = int(clock[1]) * 60 + int(clock[2]) + sign * self._minutes(match["long"])
                if 0 <= at < _DAY:
                    yield self._piece(match, slot, f"{at // 60:02d}:{at % 60:02d}")
                return  # of two times that are known it is the first that is meant

    def _is_counted(self, utterance: str, slot: str, match: re.Match[str]) -> bool:
        """Say whether the words tell the number itself as well: "one more, so 5 people"."""
        unit = self._counting.get(slot)
        return unit is not None and any(
            word.key.isdigit() and unit.match(utterance, word.end)
            for word in self._forms.words_of(utterance.lower())
            if not match.start() <= word.start < match.end()
        )

    def _step(self, match: re.Match[str]) -> int:
        said = match.groupdict()
        people = said.get("who")
        if people is None:
            return self._amount(said.get("n"))
        return 0 if self._company.speaks(people) else self._company.number_of(people)

    def _amount(self, text: str | None) -> int:
        """Return the number that is said; one where none is."""
        if text is None:
            return 1
        for pattern, number in self._amounts.items():
            if pattern.fullmatch(text):
                return number
        return int(self._forms.numbers.get(text.lower(), text))

    def _minutes(self, text: str) -> int:
        for pattern, minutes, counts in self._lengths:
            if pattern.fullmatch(text):
                number = self._number.search(text) if counts else None
                return minutes if number is None else minutes * self._amount(number[0])
        return 0

    def _piece(self, match: re.Match[str], slot: str, value: str) -> Piece:
        read = self._read_as[slot].replace("{value}", value)
        what = match.groupdict().get("what")
        return *match.span(), f"{what} {read}" if what else read


def _rules(steps: Steps, filled: Mapping[str, str]) -> tuple[_Rule, ...]:
    found = []
    for sign, phrases in ((_MORE, steps.more), (_LESS, steps.less), (_TWICE, steps.twice)):
        for phrase in phrases:
            text = phrase
            for name, pattern in filled.items():
                # A group has its name once; of several the first is read.
                text = text.replace(f"{{{name}}}", f"(?P<{name}>{pattern})", 1)
                text = text.replace(f"{{{name}}}", pattern)
            found.append((re.compile(rf"(?<!\w){text}(?!\w)", re.IGNORECASE), sign))
    return tuple(found)


def _first(rules: Iterable[_Rule], utterance: str) -> Iterator[tuple[re.Match[str], int]]:
    """Yield the match of the first rule that has one."""
    for pattern, sign in rules:
        match = pattern.search(utterance)
        if match is not None:
            yield match, sign
            return
