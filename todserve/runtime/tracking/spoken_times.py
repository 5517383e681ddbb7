"""Spoken times: every time of day that somebody's words may mean.

Beside the grounds. Example: ``times_in("half past six")`` holds ``06:30`` and ``18:30``.
"""

import re

from todserve.runtime.language.phrases import NUMBER_WORDS
from todserve.runtime.language.schema import clock_time

_SAID_TIME = re.compile(
    r"(\d{1,2})(?:[:.h ]?(\d{2}))?\s*(?:o'?\s?clock|([ap])\.?\s?m\b\.?)?", re.IGNORECASE
)
_PAST = re.compile(
    r"\b(half|quarter|ten|twenty|five|\d{1,2}) (past|to|till|after|before) (\w+)|"
    r"\bhalf (\w+)\b|\b(noon|midday|midnight)\b"
)
_MINUTES = {"half": 30, "quarter": 15}
_WORDS_FOR_TIMES = {"noon": 12 * 60, "midday": 12 * 60, "midnight": 0}
_HALF_DAY = 12 * 60


def times_in(text: str) -> frozenset[str]:
    """Return every time of day that a text may mean: "half past six" is 06:30 and 18:30."""
    minutes: set[int] = set()
    for match in _SAID_TIME.finditer(text):
        hour, minute = int(match[1]), int(match[2] or 0)
        if hour <= 24 and minute < 60:
            minutes |= {hour * 60 + minute, (hour % 12) * 60 + minute + _HALF_DAY}
    for match in _PAST.finditer(text):
        minutes |= _relative(match)
    for word, number in NUMBER_WORDS.items():
        if re.search(rf"\b{word}\b", text):
            at = int(number) * 60
            minutes |= {at + step for step in (0, _HALF_DAY)}
            found = re.search(rf"\b{word}[ -](\w+)(?:[ -](\w+))?", text)
            said = _minute(found[1], found[2]) if found else None
            if said is not None:
                minutes |= {at + said, at + said + _HALF_DAY}
    return frozenset(f"{at // 60:02d}:{at % 60:02d}" for at in minutes)


_TENS = {"ten": 10, "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50}


def _minute(first: str, second: str | None) -> int | None:
    if first in _TENS:
        unit = NUMBER_WORDS.get(second or "", "0")
        return _TENS[first] + (int(unit) if int(unit) < 10 else 0)
    return None


def _relative(match: re.Match[str]) -> set[int]:
    if match[5]:
        return {_WORDS_FOR_TIMES[match[5]]}
    hour_word = match[3] or match[4]
    hour = NUMBER_WORDS.get(hour_word, hour_word)
    clock = clock_time(f"{hour}:00") if hour.isdigit() else clock_time(hour)
    if clock is None:
        return set()
    at = int(clock[:2]) * 60
    step = 30 if match[4] else _step(match[1])
    if step is None:
        return set()
    at += -step if match[2] in ("to", "till", "before") else step
    return {at % (2 * _HALF_DAY), (at + _HALF_DAY) % (2 * _HALF_DAY)}


def _step(word: str) -> int | None:
    if word in _MINUTES:
        return _MINUTES[word]
    number = NUMBER_WORDS.get(word, str(_TENS.get(word, word)))
    return int(number) if number.isdigit() else None
