"""ValueWords: how one language says dates, times, numbers, mail addresses and postal addresses.

Read from the package's data file of the language once a schema names a type. Example: the German
file says that ``übermorgen`` is two days ahead and that a day stands before its month.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property, lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from todserve.runtime.errors import ConfigError
from todserve.runtime.untrusted.json_text import read_json

_FOLDER = Path(__file__).parent
_CURRENCIES = "currencies"


class _Words(BaseModel):
    # Regular expressions are for lower-case text; a name in braces stands for any word of a list.
    model_config = ConfigDict(frozen=True, extra="forbid")


class DateWords(_Words):
    """How dates are said.

    Attributes:
        day_first: whether 3/12 is the third of December.
        before: what may stand before a date and says nothing ("on the").
        behind: the same behind it ("evening").
        days: name of a day -> days from today.
        weekdays: name -> 0 for Monday to 6 for Sunday.
        weeks: name of a week -> weeks from this one, which begins on Monday.
        months: name of a month -> months from this one.
        years: name of a year -> years from this one.
        ordinals: number of a day in words -> the number.
        weekday: regular expressions with the group ``weekday``, and ``week`` for one of a named
            week or ``later`` for the one seven days after the coming one.
        day: the same of a day of some month, with the group ``day`` or ``ordinal``, perhaps
            ``weekday`` and ``month``.
        no_day: of what is a time, but no day ("next week").
    """

    day_first: bool
    before: str
    behind: str
    days: Mapping[str, int]
    weekdays: Mapping[str, int]
    weeks: Mapping[str, int]
    months: Mapping[str, int]
    years: Mapping[str, int]
    ordinals: Mapping[str, int]
    weekday: tuple[str, ...]
    day: tuple[str, ...]
    no_day: str

    def bare(self, text: str) -> str:
        """Return a text without what stands around its date and says nothing."""
        return _bare(text, self.before, self.behind)

    @cached_property
    def weekday_patterns(self) -> tuple[re.Pattern[str], ...]:
        """The expressions of a weekday, compiled."""
        return tuple(self._compiled(self.weekday))

    @cached_property
    def day_patterns(self) -> tuple[re.Pattern[str], ...]:
        """The expressions of a day of the month, compiled."""
        return tuple(self._compiled(self.day))

    @cached_property
    def weekday_beside(self) -> re.Pattern[str]:
        """Finds a weekday at the beginning or the end of a longer date."""
        names = _any_of(self.weekdays)
        return re.compile(rf"^(?P<first>{names})\.?,?\s+(?=\S)|,?\s*\(?\b(?P<last>{names})\)?$")

    @cached_property
    def year_beside(self) -> re.Pattern[str]:
        """Finds a year that is named by its distance."""
        return re.compile(rf"\s*(?P<year>{_any_of(self.years)})\s*")

    def _compiled(self, texts: Iterable[str]) -> Iterator[re.Pattern[str]]:
        lists = {
            "weekday": self.weekdays,
            "week": self.weeks,
            "month": self.months,
            "ordinal": self.ordinals,
        }
        return (_pattern(text, lists) for text in texts)


class TimeWords(_Words):
    """How times of day are said.

    Attributes:
        before: what may stand before a time and says nothing.
        behind: the same behind it.
        morning: says that it is before noon, wherever it stands.
        afternoon: the same of after noon.
        hours: number word -> hour.
        minutes: number word -> minutes.
        named: name of a time -> HH:MM.
        clock: regular expressions with the group ``hour``, perhaps ``minute``, ``after`` or
            ``word`` (minutes), or ``step`` (minutes from the hour, to it with ``back``); or
            ``past`` for a half hour told by the hour.
        half: minutes from the hour in ``past`` to what is meant.
        quarter: minutes of a step that is no number.
    """

    before: str
    behind: str
    morning: str
    afternoon: str
    hours: Mapping[str, int]
    minutes: Mapping[str, int]
    named: Mapping[str, str]
    clock: tuple[str, ...]
    half: int
    quarter: int

    def bare(self, text: str) -> str:
        """Return a text without what stands around its time and says nothing."""
        return _bare(text, self.before, self.behind)

    @cached_property
    def clock_patterns(self) -> tuple[re.Pattern[str], ...]:
        """The expressions of a time, compiled."""
        lists = {"hour": self.hours, "minute": self.minutes}
        return tuple(_pattern(text, lists) for text in self.clock)


class NumberWords(_Words):
    """How numbers and amounts of money are said.

    Attributes:
        words: number word -> number.
        scales: what multiplies the number before it ("hundred").
        group: from which scale on everything before it is multiplied.
        filler: a regular expression of words that say nothing of the number itself.
        currencies: name -> code of the currency.
        hundredths: name of a hundredth -> code of its currency; "" where several have it.
        units: a regular expression of what is counted, where its letters may be taken for a number.
    """

    words: Mapping[str, int]
    scales: Mapping[str, int]
    group: int
    filler: str
    currencies: Mapping[str, str]
    hundredths: Mapping[str, str]
    units: str

    @cached_property
    def nothing(self) -> re.Pattern[str]:
        """Finds words that say nothing of an amount."""
        return re.compile(self.filler)

    @cached_property
    def counted(self) -> re.Pattern[str]:
        """Finds words that say nothing of a number, what is counted among them."""
        return re.compile(f"{self.filler}|{self.units}")


class MailWords(_Words):
    """How mail addresses are said: what stands for ``@``, for a dot, and for other signs."""

    at: str
    dot: str
    other: tuple[tuple[str, str], ...]


class AddressWords(_Words):
    """How postal addresses are written.

    Attributes:
        forms: regular expressions with the groups ``street`` and ``number``, perhaps ``unit``,
            ``district``, ``city`` (or ``town``, where it stands elsewhere) and ``postcode``.
        spelled: abbreviations, as (regular expression, what is written).
        line: how an address is written in one line.
        small: words that are written small.
    """

    forms: tuple[str, ...]
    spelled: tuple[tuple[str, str], ...]
    line: str
    small: frozenset[str]

    @cached_property
    def patterns(self) -> tuple[re.Pattern[str], ...]:
        """The forms, compiled."""
        return tuple(re.compile(text) for text in self.forms)


class ValueWords(_Words):
    """One language's words for values.

    Attributes:
        language: which one.
        code: of the language, as ISO 639 has it.
        country: where it is taken to be spoken unless a checkpoint says where it is.
        spaced: whether spaces stand between its words.
        dates: of dates.
        times: of times of day.
        numbers: of numbers and amounts.
        mail: of mail addresses.
        addresses: of postal addresses.
    """

    language: str
    code: str
    country: str
    spaced: bool
    dates: DateWords
    times: TimeWords
    numbers: NumberWords
    mail: MailWords
    addresses: AddressWords

    @classmethod
    def of_language(cls, language: str) -> "ValueWords":
        """Return the package's words of a language.

        Raises:
            ConfigError: the package has no file of it.
        """
        return _own(language)


@lru_cache(maxsize=1)
def currency_signs() -> Mapping[str, str]:
    """Return sign or code of a currency, lower case -> its code, whatever the language."""
    found: Mapping[str, str] = read_json(_FOLDER / f"{_CURRENCIES}.json")
    return found


def languages() -> tuple[str, ...]:
    """Return the languages that values can be read in."""
    names = (path.stem for path in sorted(_FOLDER.glob("*.json")))
    return tuple(name for name in names if name != _CURRENCIES)


@lru_cache
def _own(language: str) -> ValueWords:
    if language not in languages():
        raise ConfigError(
            f"schema.json: got slots with a type, in {language}; values are read in "
            f"{', '.join(languages())}; take the types out of the schema, or add the language's "
            "file (docs/values.md)"
        )
    return ValueWords.model_validate(read_json(_FOLDER / f"{language}.json"))


def _bare(text: str, before: str, behind: str) -> str:
    cut = re.sub(rf"^{before}", "", text)
    return re.sub(rf"{behind}$", "", cut).strip()


def _any_of(words: Iterable[str]) -> str:
    """Return an expression of any of some words, the longest first."""
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


def _pattern(text: str, lists: Mapping[str, Iterable[str]]) -> re.Pattern[str]:
    for name, words in lists.items():
        text = text.replace(f"{{{name}}}", _any_of(words))
    return re.compile(text)
