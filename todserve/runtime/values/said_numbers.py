"""Said numbers: a number or an amount of money as people say it, in figures.

Example: ``2만 5천원`` is 25000 KRW, ``1.234,50 €`` is 1234.50 EUR, and ``twenty pounds`` 20 GBP.
Which sign of a figure separates its thousands is price-parser's judgement.
"""

import re
from collections.abc import Set
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from todserve.runtime.values.unreadable import UnreadableValue
from todserve.runtime.values.value_words import NumberWords, ValueWords, currency_signs

_FIGURE = re.compile(r"\d(?:[\d.,'’]*\d)?")
_BETWEEN = re.compile(r"[\s,.!?~-]+")
_WORD = re.compile(r"[^\W\d_]+|.", re.DOTALL)
_SEVERAL = "it names several numbers"
_NEGATIVE = re.compile(r"\s*[-−]\s?\d")
_HUNDREDTH = Decimal("0.01")
_LARGEST = Decimal(10) ** 15
_LONGEST = 80


@dataclass(frozen=True, kw_only=True, slots=True)
class Amount:
    """A number, and the code of its currency where it is an amount of money that names one."""

    number: Decimal
    currency: str | None = None

    @property
    def figures(self) -> str:
        """The number in figures, without an exponent."""
        return f"{self.number:f}"


@dataclass(slots=True)
class _Sum:
    """A number that is said in pieces: ``two hundred thousand``."""

    whole: Decimal = Decimal(0)
    section: Decimal = Decimal(0)
    last: Decimal | None = None
    in_figures: bool = False
    begun: bool = False

    def add(self, number: Decimal, *, figures: bool) -> None:
        if self.last is not None and (figures or self.in_figures):
            raise UnreadableValue(_SEVERAL)
        if self.last is not None and (self.last < 20 or self.last % 10 or number >= 10):
            raise UnreadableValue(_SEVERAL)  # "twenty five" is one number, "two five" are two
        self.last = number + (self.last or 0)
        self.in_figures, self.begun = figures, True

    def multiply(self, scale: int, group: int) -> None:
        self.begun = True
        if scale >= group:
            self.whole += (self.section + (self.last or 0) or 1) * scale
            self.section = Decimal(0)
        else:
            self.section += (1 if self.last is None else self.last) * scale
        self.last, self.in_figures = None, False

    @property
    def total(self) -> Decimal:
        return self.whole + self.section + (self.last or 0)


def read_number(text: str, words: ValueWords) -> Decimal:
    """Return the only number that a lower-case text names; other words beside it count nothing.

    Raises:
        UnreadableValue: it names none, or several.
    """
    parts, _ = _parts(text, words, strict=False)
    if len(parts) != 1:
        raise UnreadableValue(_SEVERAL if parts else "it names no number")
    number = parts[0][0]
    return -number if _NEGATIVE.match(text) else number


def read_amount(text: str, words: ValueWords, currency: str | None) -> Amount:
    """Return the amount of money that a lower-case text names.

    Args:
        text: what was said.
        words: of its language.
        currency: of an amount that names none; None where that is not known.

    Raises:
        UnreadableValue: it names none, or several, or something else.
    """
    parts, codes = _parts(text, words, strict=True)
    if not parts:
        raise UnreadableValue("it names no amount")
    code = next(iter(codes), None)
    (number, unit), *more = parts
    hundredths = words.numbers.hundredths
    if unit is not None and unit in hundredths:
        if more:
            raise UnreadableValue(_SEVERAL)
        number = (number / 100).quantize(_HUNDREDTH)
        code = code or hundredths[unit] or None
    elif more:
        (rest, small), *others = more
        if others or unit is None or (small is not None and small not in hundredths) or rest >= 100:
            raise UnreadableValue(_SEVERAL)
        number = (number + rest / 100).quantize(_HUNDREDTH)
    if len({*codes}) > 1:
        raise UnreadableValue("it names several currencies")
    return Amount(number=number, currency=code or currency)


def _parts(
    text: str, words: ValueWords, *, strict: bool
) -> tuple[list[tuple[Decimal, str | None]], list[str]]:
    """Return the numbers of a text, each with the unit behind it, and the currencies it names."""
    if len(text) > _LONGEST:
        raise UnreadableValue("it is too long")
    numbers = words.numbers
    signs = currency_signs()
    found: list[tuple[Decimal, str | None]] = []
    codes: list[str] = []
    current = _Sum()
    place = 0
    while place < len(text):
        if between := _BETWEEN.match(text, place):
            place = between.end()
            if "-" in between[0] and current.in_figures and current.last is not None:
                raise UnreadableValue(_SEVERAL)
            continue
        if figure := _FIGURE.match(text, place):
            current.add(_figure(figure[0]), figures=True)
            place = figure.end()
            continue
        word = _known(text, place, numbers, spaced=words.spaced)
        filler = (numbers.nothing if strict else numbers.counted).match(text, place)
        if (filler and len(filler[0]) > len(word)) or word not in _lexicon(numbers):
            if filler is None and strict:
                raise UnreadableValue("it says something else beside an amount")
            word = filler[0] if filler else word
        elif word in numbers.words:
            current.add(Decimal(numbers.words[word]), figures=False)
        elif word in numbers.scales:
            current.multiply(numbers.scales[word], numbers.group)
        elif word in numbers.currencies or word in signs or word in numbers.hundredths:
            code = numbers.currencies.get(word) or signs.get(word) or numbers.hundredths.get(word)
            if code:
                codes.append(code)
            if current.begun:
                found.append((current.total, word))
                current = _Sum()
        place += max(1, len(word))
    if current.begun:
        found.append((current.total, None))
    if any(number >= _LARGEST for number, _ in found):
        raise UnreadableValue("it is too large")
    return found, codes


def _known(text: str, place: int, numbers: NumberWords, *, spaced: bool) -> str:
    """Return the longest known word at a place, else whatever word stands there."""
    known = _finder(tuple(sorted(_lexicon(numbers))), _joinable(numbers), spaced).match(text, place)
    if known is not None:
        return known[0]
    other = _WORD.match(text, place)
    return other[0] if other and spaced else text[place]


def _lexicon(numbers: NumberWords) -> Set[str]:
    return {
        *numbers.words,
        *numbers.scales,
        *numbers.currencies,
        *numbers.hundredths,
        *currency_signs(),
    }


def _joinable(numbers: NumberWords) -> str:
    return "|".join(re.escape(one) for one in (*numbers.words, *numbers.scales))


@lru_cache
def _finder(words: tuple[str, ...], joinable: str, spaced: bool) -> re.Pattern[str]:
    # Behind a word of letters none may follow where spaces stand between words, but for the rest of
    # a number: zweihundert.
    ends = rf"(?=(?:{joinable})|(?![^\W\d_]))" if spaced else ""
    longest = sorted(words, key=len, reverse=True)
    return re.compile("|".join(re.escape(one) + ends * one[-1].isalpha() for one in longest))


def _figure(text: str) -> Decimal:
    from price_parser.parser import parse_number

    found = parse_number(text.replace("'", "").replace("’", ""))
    if found is None:
        raise UnreadableValue("its figures are no number")
    number: Decimal = found
    return number
