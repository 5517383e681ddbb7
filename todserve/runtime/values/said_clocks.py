"""Said clocks: a time of day as people say it, as HH:MM.

Example: ``half past six in the evening`` is ``18:30``, and so is the German ``halb sieben abends``.
A time of which neither the words nor the figures tell the half of the day is the one from eight in
the morning on, as ``six`` is 18:00; ``06:00`` in figures is six in the morning.
"""

import re
from collections.abc import Mapping

from todserve.runtime.language.word_forms import WordForms
from todserve.runtime.values.unreadable import UnreadableValue
from todserve.runtime.values.value_words import TimeWords

_HALF_DAY, _DAY = 12 * 60, 24 * 60
_WAKING = 8 * 60
_FIGURES = re.compile(r"\d{1,2}[:.]\d\d(?: ?\D.*)?")
_NO_TIME = "it names no time of day"


def read_clock(text: str, words: TimeWords, forms: WordForms) -> str:
    """Return HH:MM of the time that a lower-case text names.

    Args:
        text: what was said.
        words: of its language.
        forms: of the checkpoint's language; what it reads as a time alone is one.

    Raises:
        UnreadableValue: it names none.
    """
    bare = words.bare(" ".join(text.split()))
    morning, afternoon = re.search(words.morning, bare), re.search(words.afternoon, bare)
    rest = re.sub(words.afternoon, " ", re.sub(words.morning, " ", bare))
    rest = words.bare(" ".join(rest.split()))
    if rest in words.named:
        return words.named[rest]
    minutes, told = _minutes(rest, words)
    if minutes is None:
        known = forms.clock_time(bare)
        if known is None or known >= "24:00":
            raise UnreadableValue(_NO_TIME)
        return known
    if morning and not afternoon:
        minutes = minutes % _HALF_DAY if minutes // 60 == 12 else minutes
    elif (afternoon and minutes < _HALF_DAY) or (not told and minutes < _WAKING):
        minutes += _HALF_DAY
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _minutes(text: str, words: TimeWords) -> tuple[int | None, bool]:
    """Return the minutes after midnight, and whether they tell the half of the day."""
    for pattern in words.clock_patterns:
        match = pattern.fullmatch(text)
        if match is None:
            continue
        said = match.groupdict()
        hour = _number(said.get("hour") or said["past"], words.hours)
        minute = 0
        if said.get("past"):
            minute = words.half
        elif said.get("step"):
            minute = _number(said["step"], words.minutes, words.quarter)
            minute = -minute if said.get("back") else minute
        else:
            given = said.get("minute") or said.get("after") or said.get("word")
            minute = _number(given, words.minutes) if given else 0
        if hour > 23 or minute > 59:
            raise UnreadableValue("there is no such time")
        told = hour > 12 or hour == 0 or _FIGURES.fullmatch(text) is not None
        return (hour * 60 + minute) % _DAY, told
    return None, False


def _number(text: str, words: Mapping[str, int], otherwise: int = 0) -> int:
    return int(text) if text.isdigit() else words.get(text, otherwise)
