"""SaidTimes: every time of day that a person's words may mean, in one language.

`WordForms` holds the one of its language and asks it whether a time that the network wrote was
said. Example: "half past six" may mean ``06:30`` and ``18:30``.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property

from pydantic import BaseModel, ConfigDict

_HALF_DAY = 12 * 60  # minutes
_DAY = 2 * _HALF_DAY


class SaidTimes(BaseModel):
    """How one language says times; what is left out, nobody says. Expressions are lower case.

    Attributes:
        figures: a regular expression of a time in figures, with the groups ``hour`` and ``minute``.
        relative: one of a time told from a full hour, with the groups ``step``, ``way`` and
            ``hour`` ("ten past six"), or ``half`` ("half six"), or ``named`` ("noon").
        before: the ways that lead to the hour instead of past it.
        steps: word for a number of minutes -> the number; the language's number words count too.
        half: minutes from the hour in ``half`` to what is meant; ``halb sieben`` is 30 before it.
        named: name of a time -> HH:MM.
        tens: minutes that may follow a number word that is an hour ("six thirty") -> the number.
        joined: what stands between the two.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    figures: str = r"(?P<hour>\d{1,2})(?:[:.](?P<minute>\d{2}))?"
    relative: str = ""
    before: frozenset[str] = frozenset()
    steps: Mapping[str, int] = {}
    half: int = 30
    named: Mapping[str, str] = {}
    tens: Mapping[str, int] = {}
    joined: str = "[ -]"

    def expressions(self) -> Iterator[str]:
        """Yield all regular expressions."""
        yield from (self.figures, self.relative, self.joined)

    def lacking(self) -> Iterator[str]:
        """Yield the groups that an expression should have and has not."""
        for name, pattern, groups in (
            ("figures", self._figures, ("hour", "minute")),
            ("relative", self._relative, ("step", "way", "hour", "half", "named")),
        ):
            if pattern.pattern:
                yield from (f"{name} {one!r}" for one in groups if one not in pattern.groupindex)

    def meant(
        self, text: str, numbers: Mapping[str, str], read: Callable[[str], str | None]
    ) -> frozenset[str]:
        """Return every time, HH:MM, that a lower-case text may mean.

        Args:
            text: what was said.
            numbers: number word -> digits.
            read: reads one time of day as HH:MM, None where it is none.
        """
        minutes: set[int] = set()
        for match in self._figures.finditer(text):
            hour, minute = int(match["hour"]), int(match["minute"] or 0)
            if hour <= 24 and minute < 60:
                minutes |= {hour * 60 + minute, (hour % 12) * 60 + minute + _HALF_DAY}
        if self.relative:
            for match in self._relative.finditer(text):
                minutes |= self._told(match, numbers, read)
        for word, number in numbers.items():
            if re.search(rf"\b{word}\b", text):
                at = int(number) * 60
                minutes |= {at, at + _HALF_DAY}
                after = self._minutes_after(word, text, numbers)
                if after is not None:
                    minutes |= {at + after, at + after + _HALF_DAY}
        return frozenset(f"{at // 60:02d}:{at % 60:02d}" for at in minutes)

    def _told(
        self,
        match: re.Match[str],
        numbers: Mapping[str, str],
        read: Callable[[str], str | None],
    ) -> set[int]:
        if match["named"]:
            hour, _, minute = self.named.get(match["named"], ":").partition(":")
            return {int(hour) * 60 + int(minute)} if hour else set()
        said = match["hour"] or match["half"]
        said = numbers.get(said, said)
        clock = read(f"{said}:00") if said.isdigit() else read(said)
        step = self.half if match["half"] else self._step(match["step"], numbers)
        if clock is None or step is None:
            return set()
        at = int(clock[:2]) * 60
        at += -step if match["way"] in self.before else step
        return {at % _DAY, (at + _HALF_DAY) % _DAY}

    def _step(self, word: str, numbers: Mapping[str, str]) -> int | None:
        if word in self.steps:
            return self.steps[word]
        number = numbers.get(word, word)
        return int(number) if number.isdigit() else None

    def _minutes_after(self, word: str, text: str, numbers: Mapping[str, str]) -> int | None:
        joined = self.joined
        found = re.search(rf"\b{word}{joined}(\w+)(?:{joined}(\w+))?", text)
        if found is None or found[1] not in self.tens:
            return None
        unit = int(numbers.get(found[2] or "", "0"))
        return self.tens[found[1]] + (unit if unit < 10 else 0)

    @property
    def told(self) -> re.Pattern[str]:
        """Finds a time that is told from a full hour."""
        return self._relative

    def in_figures(
        self,
        match: re.Match[str],
        numbers: Mapping[str, str],
        read: Callable[[str], str | None],
    ) -> str:
        """Return the earlier of the times that a match of ``told`` may mean, without a zero."""
        minutes = min(self._told(match, numbers, read), default=None)
        return "" if minutes is None else f"{minutes // 60 or 12}:{minutes % 60:02d}"

    @cached_property
    def _figures(self) -> re.Pattern[str]:
        return re.compile(self.figures, re.IGNORECASE)

    @cached_property
    def _relative(self) -> re.Pattern[str]:
        return re.compile(self.relative)
