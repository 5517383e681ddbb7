"""ToldTimes: finds the time that the user says of a slot, where the network wrote another.

`PlainOrders` calls it; what it finds overrules the network. The words are data: ``timing`` of
``ways_of_saying.json``. Example: of "i have a ten o'clock meeting, so if the train gets in by half
past nine" a network makes ``arrive 10:00``; what stands behind "gets in by" is 09:30.

A time is put right, or heard, that stands behind the words of its slot; so is one that is the only
one told from an hour ("quarter to eight"), where the network wrote one that nobody said.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from todserve.runtime.language.dialogue import BeliefState
from todserve.runtime.language.schema import Schema
from todserve.runtime.tracking.pointing_words import alternatives, any_of
from todserve.runtime.tracking.ways_of_saying import WaysOfSaying

_FIGURES = re.compile(r"(\d{1,2})[:.](\d{2})(?!\d)")
_HOUR_AND_HALF, _HOUR = (re.compile(rf"\w+{more}(?!\w|[:.]\d)") for more in (r" ?[\w.]+", ""))
_HALF_DAY = 12


@dataclass(frozen=True, kw_only=True)
class ToldTimes:
    """Finds times that are said of a slot.

    Attributes:
        schema: knows slots and how times are written.
        ways: the words.
    """

    schema: Schema
    ways: WaysOfSaying

    def of(
        self,
        utterance: str,
        written: Mapping[str, Mapping[str, str]],
        unsaid: Collection[tuple[str, str]],
        about: str | None = None,
        state: BeliefState | None = None,
    ) -> Iterator[tuple[str, str, str]]:
        """Yield (domain, slot, HH:MM) of every time that is to be put right.

        Args:
            utterance: the user's words, lower case.
            written: domain -> slot -> value, what the network wrote and somebody said.
            unsaid: (domain, slot) of what it wrote and nobody said.
            about: the service that the words speak of, if of one.
            state: the belief state before them, which tells the half of the day.
        """
        slots = self.ways.relative.time_slots
        heard = {(domain, slot) for domain in written for slot in written[domain]}
        if about is not None:
            heard |= {(about, slot) for slot in slots if self.schema.has(about, slot)}
        for domain, slot in sorted({*heard, *unsaid}):
            if slot not in slots:
                continue
            said = self._behind_words(slot, utterance)
            if not said and (domain, slot) in unsaid:
                said = self._told(utterance)
            if len(said) != 1:
                continue
            before = (state or {}).get(domain, {})
            known = next((before[one] for one in (slot, *slots) if one in before), "")
            value = self.ways.in_the_evening(domain, slot, said[0], utterance, known)
            heard_of = [one for one, new in written.items() if _is_same(value, new.get(slot, ""))]
            if not heard_of:  # neither rightly nor as another service's
                yield domain, slot, value

    def _behind_words(self, slot: str, utterance: str) -> list[str]:
        """Return the times that stand behind the words of a slot."""
        pattern = self._leads.get(slot)
        matches = pattern.finditer(utterance) if pattern is not None else ()
        found = (self._at(utterance, match.end()) for match in matches)
        return [one for one in found if one]

    def _told(self, utterance: str) -> list[str]:
        """Return the times that are told from a full hour."""
        told = self.schema.forms.times.told.finditer(utterance)
        return [one for one in (self._in_figures(match) for match in told) if one]

    def _at(self, utterance: str, start: int) -> str:
        """Return the time that begins at a place of a text; empty without one."""
        at = start + len(utterance[start:]) - len(utterance[start:].lstrip())
        told = self.schema.forms.times.told.match(utterance, at)
        if told is not None:
            return self._in_figures(told)
        figures = _FIGURES.match(utterance, at)
        if figures is not None:
            return f"{int(figures[1]):02d}:{figures[2]}"
        return self._full_hour(utterance, at)

    def _full_hour(self, utterance: str, at: int) -> str:
        """Return the hour that stands at a place, "9", "nine" or "9 pm"; empty where none does."""
        forms = self.schema.forms
        for words in (_HOUR_AND_HALF, _HOUR):
            found = words.match(utterance, at)
            if found is None:
                continue
            clock = forms.clock_time(found[0])
            hour = forms.numbers.get(found[0], found[0])
            whole = hour.isdigit() and 0 < int(hour) <= _HALF_DAY
            if clock is None and whole and self._ends.match(utterance, found.end()):
                clock = f"{int(hour):02d}:00"
            if clock is not None:
                return clock
        return ""

    @cached_property
    def _ends(self) -> re.Pattern[str]:
        """Finds what shows that a number is all of a time: "eleven fifteen" is not eleven."""
        words = (*self.ways.parting, *self.ways.joining, *self.ways.denying)
        return re.compile(rf"\s*(?:$|[,.;!?]|{alternatives(words)}\b)")

    def _in_figures(self, match: re.Match[str]) -> str:
        forms = self.schema.forms
        hour, _, minute = forms.times.in_figures(match, forms.numbers, forms.clock_time).partition(
            ":"
        )
        return f"{int(hour):02d}:{minute}" if hour else ""

    @cached_property
    def _leads(self) -> Mapping[str, re.Pattern[str]]:
        return {slot: any_of(words) for slot, words in self.ways.timing.items()}


def _is_same(one: str, other: str) -> bool:
    """Say whether two times are the same, on whichever half of the day."""
    hour, _, minute = one.partition(":")
    hours, _, minutes = other.partition(":")
    if not hours.isdigit() or minute != minutes:
        return False
    return int(hour) % _HALF_DAY == int(hours) % _HALF_DAY
