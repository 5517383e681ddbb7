"""Said dates: a day as people name it, as a date of the calendar.

Read against a reference day. Example: on Saturday, 28 November 2026, ``next friday`` is 4 December
2026 and ``the 3rd`` is 3 December.

A weekday alone is the coming one, today's included; one of a named week is that of the week, which
begins on Monday. A day without a month is the next such day, a date without a year the next such
date. What names a weekday and a date that contradict each other is refused. Names of months and
distances ("in two weeks") are read by dateparser.
"""

import re
from datetime import date, datetime, time, timedelta

from todserve.runtime.values.unreadable import UnreadableValue
from todserve.runtime.values.value_words import DateWords

_MONTHS_AHEAD = 12
_ISO = re.compile(r"(\d{4}) ?[-./] ?(\d{1,2}) ?[-./] ?(\d{1,2})\.?")
_FIGURES = re.compile(r"(\d{1,2}) ?[-./] ?(\d{1,2})(?: ?[-./] ?(\d{4}|\d{2})?)?\.?")
_NO_DATE = re.compile(r"[\d\s]*|\d{1,2}[:.]\d\d")
_DAY_OF_MONTH = re.compile(r"^\W*\d{1,2}(?!\d)|\d{1,2}[^\W\d_]{0,2}$")
_LONGEST = 60
_NO_DAY = "it names no day"
_NO_SUCH_DAY = "there is no such day"


def read_date(
    text: str,
    words: DateWords,
    *,
    code: str,
    day_first: bool,
    today: date,
    thorough: bool = True,
) -> date:
    """Return the day that a lower-case text names.

    Args:
        text: what was said.
        words: of its language.
        code: of the language.
        day_first: whether 3/12 is the third of December.
        today: the reference day.
        thorough: whether a month or a distance is looked for where no day in figures begins or ends
            the text, which is slow for many texts.

    Raises:
        UnreadableValue: it names no day, or none that there is.
    """
    bare = words.bare(" ".join(text.split()))
    if not bare or len(bare) > _LONGEST or re.fullmatch(words.no_day, bare):
        raise UnreadableValue(_NO_DAY)
    if bare in words.days:
        return today + timedelta(days=words.days[bare])
    found = (
        _weekday(bare, words, today)
        or _of_a_month(bare, words, today)
        or _in_figures(bare, today, day_first=day_first)
    )
    if found is None and not thorough and not _DAY_OF_MONTH.search(bare):
        raise UnreadableValue(_NO_DAY)
    return found or _parsed(bare, words, code, today, day_first=day_first)


def _weekday(text: str, words: DateWords, today: date) -> date | None:
    for pattern in words.weekday_patterns:
        match = pattern.fullmatch(text)
        if match is None:
            continue
        said = match.groupdict()
        number = words.weekdays[said["weekday"]]
        if said.get("week"):
            monday = today - timedelta(days=today.weekday())
            return monday + timedelta(weeks=words.weeks[said["week"]], days=number)
        coming = today + timedelta(days=(number - today.weekday()) % 7)
        return coming + timedelta(weeks=1 if said.get("later") else 0)
    return None


def _of_a_month(text: str, words: DateWords, today: date) -> date | None:
    """Return a day that is named by its number alone."""
    for pattern in words.day_patterns:
        match = pattern.fullmatch(text)
        if match is None:
            continue
        said = match.groupdict()
        day = int(said["day"]) if said.get("day") else words.ordinals[said["ordinal"]]
        month = said.get("month")
        if month:
            found = _day_of(today, words.months[month], day)
        else:
            days = (_day_of(today, ahead, day) for ahead in range(_MONTHS_AHEAD))
            found = next((one for one in days if one is not None and one >= today), None)
        if found is None:
            raise UnreadableValue(_NO_SUCH_DAY)
        return _agreeing(found, said.get("weekday"), words)
    return None


def _day_of(today: date, ahead: int, day: int) -> date | None:
    months = today.month - 1 + ahead
    try:
        return date(today.year + months // 12, months % 12 + 1, day)
    except ValueError:
        return None


def _in_figures(text: str, today: date, *, day_first: bool) -> date | None:
    try:
        if match := _ISO.fullmatch(text):
            return date(int(match[1]), int(match[2]), int(match[3]))
        match = _FIGURES.fullmatch(text)
        if match is None:
            return None
        day, month = int(match[1]), int(match[2])
        if not day_first:
            day, month = month, day
        if month > 12 >= day:
            day, month = month, day  # read the only way that it can be
        if match[3]:
            year = int(match[3])
            return date(year if year > 99 else 2000 + year, month, day)
        found = date(today.year, month, day)
        return found if found >= today else date(today.year + 1, month, day)
    except ValueError:
        raise UnreadableValue(_NO_SUCH_DAY) from None


def _parsed(text: str, words: DateWords, code: str, today: date, *, day_first: bool) -> date:
    weekday, rest = None, text
    if match := words.weekday_beside.search(text):
        weekday = match["first"] or match["last"]
        rest = words.bare((text[: match.start()] + text[match.end() :]).strip())
    year = words.year_beside.search(rest)
    if year is not None:
        rest = f"{rest[: year.start()]} {rest[year.end() :]}".strip()
    if not rest or _NO_DATE.fullmatch(rest):
        raise UnreadableValue(_NO_DAY)
    if rest != text and year is None:
        in_figures = _in_figures(rest, today, day_first=day_first)
        if in_figures is not None:
            return _agreeing(in_figures, weekday, words)
    found = _by_name(rest, code, today, day_first=day_first)
    if found is None:
        raise UnreadableValue(_NO_DAY)
    if (found.month, found.day) == (today.month, today.day) and found > today:
        # What dateparser takes for the next one may be today, or "in a year".
        before = _by_name(rest, code, today - timedelta(days=1), day_first=day_first)
        found = today if before == today else found
    if year is not None:
        try:
            found = found.replace(year=today.year + words.years[year["year"]])
        except ValueError:
            raise UnreadableValue(_NO_SUCH_DAY) from None
    return _agreeing(found, weekday, words)


def _by_name(text: str, code: str, today: date, *, day_first: bool) -> date | None:
    import dateparser

    moment = dateparser.parse(
        text,
        languages=[code],
        settings={
            "RELATIVE_BASE": datetime.combine(today, time()),
            "PREFER_DATES_FROM": "future",
            "DATE_ORDER": "DMY" if day_first else "MDY",
            "REQUIRE_PARTS": ["day"],
            "PARSERS": ["relative-time", "absolute-time"],
            "TIMEZONE": "UTC",
        },
    )
    return None if moment is None else moment.date()


def _agreeing(found: date, weekday: str | None, words: DateWords) -> date:
    if weekday is not None and words.weekdays[weekday] != found.weekday():
        raise UnreadableValue("its weekday is not that of its date")
    return found
