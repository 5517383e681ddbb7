"""Wording: how values and whole replies of one language are written for people, as rules in data.

Lexicalisation calls it as it fills in a reply. Example, with English's rules: the postcode
``cb12dp`` is written ``CB1 2DP``, the name ``the cambridge belfry`` is ``the Cambridge Belfry``,
and ``i have 1 hotels.`` becomes ``I have 1 hotel.``. The rules are the part ``wording`` of a
language's file or of a checkpoint's ``reply.json``; what each means is told at `Wording`.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from functools import cached_property
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator

_AMOUNT = re.compile(r"\d+(?:\.\d+)?")
_WORD = re.compile(r"[^\W_](?:[^\W_]|')*")
_SENTENCE_START = re.compile(r"(^\W*|(?<!\b[ap]\.m)[.!?]\s+)([^\W\d_])")
_ANYTHING = re.compile(r"(?s:.*)")
_NOTHING = re.compile(r"(?!)")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Bend(_Frozen):
    r"""A value that is written another way among certain words.

    Attributes:
        slot: whose value.
        value: a regular expression of the whole value; any where empty.
        before: what the reply up to it must end with (``$``).
        not_before: what that must not end with.
        after: what the reply after it must begin with.
        not_after: what that must not begin with.
        written: what is written; ``\g<0>`` is the value, ``\1`` a group of it.
        plural: whether its plural is written instead.
    """

    slot: str
    value: str = ""
    before: str = ""
    not_before: str = ""
    after: str = ""
    not_after: str = ""
    written: str = ""
    plural: bool = False

    @model_validator(mode="after")
    def _can_be_written(self) -> Self:
        _check_written(self.value, self.written)
        return self

    def expressions(self) -> Iterator[str]:
        """Yield its regular expressions."""
        yield from (self.value, self.before, self.not_before, self.after, self.not_after)

    @cached_property
    def value_pattern(self) -> re.Pattern[str]:
        """What the value must be, compiled."""
        return _compiled(self.value, _ANYTHING)

    def fits(self, value: str, before: str, after: str) -> bool:
        """Say whether a value among these words is to be written this way."""
        patterns = self._patterns
        return bool(
            self.value_pattern.fullmatch(value)
            and patterns[0].search(before)
            and not patterns[1].search(before)
            and patterns[2].match(after)
            and not patterns[3].match(after)
        )

    @cached_property
    def _patterns(self) -> tuple[re.Pattern[str], ...]:
        return (
            _compiled(self.before, _ANYTHING),
            _compiled(self.not_before, _NOTHING),
            _compiled(self.after, _ANYTHING),
            _compiled(self.not_after, _NOTHING),
        )


class Agreement(_Frozen):
    """A word beside a value that takes another form for it: "a" before "inn" is "an".

    Attributes:
        value: a regular expression of the whole value as it is written.
        pattern: one of the word, with where it stands.
        written: what stands there instead.
    """

    value: str
    pattern: str
    written: str

    @model_validator(mode="after")
    def _can_be_written(self) -> Self:
        _check_written(self.pattern, self.written)
        return self

    @cached_property
    def compiled(self) -> tuple[re.Pattern[str], re.Pattern[str]]:
        """Of the value, and of the word."""
        return re.compile(self.value, re.DOTALL), re.compile(self.pattern)


class Wording(_Frozen):
    """The rules by which one language writes values and replies. All may be left out.

    Attributes:
        written: slot -> how its values are written, one of `MANNERS`.
        small_words: words inside a name that keep small letters.
        abbreviations: words that are written in capitals.
        plain_words: slot -> words of its values that keep small letters wherever they stand.
        run_together: a value as the database has it -> as it is written.
        plurals: (regular expression of a whole word, what its plural is), the first that fits.
        bends: values that are written otherwise among certain words, the first that fits.
        articles: words before a value that take another form for it.
        verbs: words behind a number that do.
        rewritten: (regular expression, replacement) for the whole reply, one after the other.
        proper: a regular expression of words that are written with a capital.
        missing: slot -> what stands where a reply has no value for it; "" for any other slot,
            ``{slot}`` in it is the slot's name.
        unlisted: what stands there instead behind ``unlisted_before``.
        unlisted_before: see ``unlisted``.
        determined_before: what ends with an article, behind which ``determiner`` is left off.
        determiner: the article at the beginning of a missing value's words.
        limit_before: what stands before a time that is the user's own limit.
        limit_by: the same where the reply names no entity.
        each: what follows a price for one where several pay.
        each_price: a regular expression of such a price.
        each_said: what follows the price where the reply says so itself.
        total_before: what stands before a price for all.
    """

    written: Mapping[str, str] = {}
    small_words: frozenset[str] = frozenset()
    abbreviations: frozenset[str] = frozenset()
    plain_words: Mapping[str, frozenset[str]] = {}
    run_together: Mapping[str, str] = {}
    plurals: tuple[tuple[str, str], ...] = ()
    bends: tuple[Bend, ...] = ()
    articles: tuple[Agreement, ...] = ()
    verbs: tuple[Agreement, ...] = ()
    rewritten: tuple[tuple[str, str], ...] = ()
    proper: str = ""
    missing: Mapping[str, str] = {"": "{slot}"}
    unlisted: str = ""
    unlisted_before: str = ""
    determined_before: str = ""
    determiner: str = ""
    limit_before: str = ""
    limit_by: str = ""
    each: str = ""
    each_price: str = ""
    each_said: str = ""
    total_before: str = ""

    @model_validator(mode="after")
    def _can_be_written(self) -> Self:
        for pattern, written in (*self.plurals, *self.rewritten):
            _check_written(pattern, written)
        unknown = sorted({*self.written.values()} - {*MANNERS})
        if unknown:
            raise ValueError(f"written: {', '.join(unknown)}; expected {', '.join(MANNERS)}")
        if "" not in self.missing:
            raise ValueError('missing: nothing for ""; expected the words for any other slot')
        return self

    def expressions(self) -> Iterator[str]:
        """Yield all its regular expressions."""
        yield from (text for text, _ in (*self.plurals, *self.rewritten))
        for bend in self.bends:
            yield from bend.expressions()
        for agreement in (*self.articles, *self.verbs):
            yield from (agreement.value, agreement.pattern)
        yield from (self.proper, self.unlisted_before, self.determined_before, self.determiner)
        yield from (self.limit_before, self.limit_by, self.each_price, self.each_said)
        yield self.total_before

    def spoken(self, slot: str, value: str) -> str:
        """Return a database or state value as it is written in a reply."""
        manner = self.written.get(slot)
        return (
            self.run_together.get(value, value) if manner is None else self._in(manner)(slot, value)
        )

    def title(self, value: str) -> str:
        """Return a name with capitals, small words inside it without."""

        def capital(match: re.Match[str]) -> str:
            word = match[0]
            if word in self.abbreviations:
                return word.upper()
            return word if word in self.small_words else word[0].upper() + word[1:]

        return _WORD.sub(capital, value)

    def plural(self, value: str) -> str:
        """Return the plural of a kind of place: ``churches``, ``swimming pools``."""
        for pattern, written in self._plurals:
            if match := pattern.fullmatch(value):
                return match.expand(written)
        return value

    def bent(self, slot: str, value: str, before: str, after: str) -> str:
        """Return ``value`` bent to the words around it.

        Args:
            slot: what it is.
            value: as ``spoken`` returned it.
            before: the reply up to it, already filled.
            after: the reply after it, still with placeholders.
        """
        for bend in self._bends.get(slot, ()):
            if bend.fits(value, before, after):
                if bend.plural:
                    return self.plural(value)
                match = bend.value_pattern.fullmatch(value)
                return match.expand(bend.written) if match else value
        return value

    def article(self, before: str, value: str) -> str:
        """Return ``before`` with its last word agreeing with ``value``: "a", "an"."""
        return _agreed(self.articles, value, before)

    def verb(self, count: str, after: str) -> str:
        """Return ``after`` with its verb as a count wants it: "9 are in the north"."""
        return _agreed(self.verbs, count, after)

    def stand_in(self, slot: str, before: str) -> str:
        """Return what stands where a reply has no value for ``slot``."""
        if slot != "choice" and self._compiled["unlisted_before"].search(before):
            return self.unlisted
        word = self.missing.get(slot, self.missing[""].replace("{slot}", slot))
        if self._compiled["determined_before"].search(before):
            return self._compiled["determiner"].sub("", word, count=1)
        return word

    def is_limit(self, before: str, *, names_one: bool) -> bool:
        """Say whether a time behind these words is the user's own limit: "5 trains arrive by"."""
        if self._compiled["limit_before"].search(before):
            return True
        return not names_one and self._compiled["limit_by"].search(before) is not None

    def for_several(self, price: str, people: int, before: str, after: str) -> str:
        """Return a price for one as a reply to several says it: said to be for each, or the total.

        Args:
            price: for one.
            people: how many pay.
            before: the reply up to the price.
            after: the reply after it.
        """
        if not self._compiled["each_price"].fullmatch(price):
            return price
        if self._compiled["each_said"].match(after):
            return price
        if self._compiled["total_before"].search(before):
            return _AMOUNT.sub(lambda amount: str(Decimal(amount[0]) * people), price, count=1)
        return f"{price}{self.each}"

    def finished(self, text: str) -> str:
        """Return a filled reply with capitals, singulars and single spaces."""
        text = " ".join(text.split())
        for pattern, written in self._rewritten:
            text = pattern.sub(written, text)
        text = self._compiled["proper"].sub(lambda match: match[0].capitalize(), text)
        return _SENTENCE_START.sub(lambda match: match[1] + match[2].upper(), text)

    def _in(self, manner: str) -> Callable[[str, str], str]:
        return {
            "title": self._titled,
            "title_after_first": self._titled_after_first,
            "upper": lambda _, value: value.upper(),
            "british_postcode": lambda _, value: british_postcode(value),
        }[manner]

    def _titled(self, slot: str, value: str) -> str:
        plain = self.plain_words.get(slot)
        if plain is None:
            return self.title(value)
        return " ".join(word if word in plain else self.title(word) for word in value.split())

    def _titled_after_first(self, slot: str, value: str) -> str:
        first, _, rest = value.partition(" ")
        return f"{first} {self.title(rest)}" if rest else first

    @cached_property
    def _plurals(self) -> tuple[tuple[re.Pattern[str], str], ...]:
        return tuple((re.compile(text), written) for text, written in self.plurals)

    @cached_property
    def _rewritten(self) -> tuple[tuple[re.Pattern[str], str], ...]:
        return tuple((re.compile(text), written) for text, written in self.rewritten)

    @cached_property
    def _bends(self) -> Mapping[str, tuple[Bend, ...]]:
        slots = dict.fromkeys(bend.slot for bend in self.bends)
        return {slot: tuple(one for one in self.bends if one.slot == slot) for slot in slots}

    @cached_property
    def _compiled(self) -> Mapping[str, re.Pattern[str]]:
        named = {
            "proper": self.proper,
            "unlisted_before": self.unlisted_before,
            "determined_before": self.determined_before,
            "determiner": self.determiner,
            "limit_before": self.limit_before,
            "limit_by": self.limit_by,
            "each_price": self.each_price,
            "each_said": self.each_said,
            "total_before": self.total_before,
        }
        return {name: _compiled(text, _NOTHING) for name, text in named.items()}


MANNERS = ("title", "title_after_first", "upper", "british_postcode")
"""How values can be written: with capitals; the same behind the first word ("grey Ford"); all in
capitals; in capitals with a space before the last three letters."""


def british_postcode(value: str) -> str:
    """Return a British postcode as the Royal Mail writes it."""
    plain = value.replace(" ", "").upper()
    return f"{plain[:-3]} {plain[-3:]}" if 5 <= len(plain) <= 7 else plain


def _agreed(rules: Iterable[Agreement], value: str, text: str) -> str:
    for rule in rules:
        of_value, of_word = rule.compiled
        if of_value.fullmatch(value) and of_word.search(text):
            return of_word.sub(rule.written, text, count=1)
    return text


def _compiled(text: str, empty: re.Pattern[str]) -> re.Pattern[str]:
    return re.compile(text) if text else empty


def _check_written(pattern: str, written: str) -> None:
    """Refuse a replacement that names a group its expression lacks."""
    try:
        re.compile(pattern).sub(written, "")
    except (re.error, IndexError) as error:
        raise ValueError(f"{pattern!r} cannot become {written!r}: {error}") from error
