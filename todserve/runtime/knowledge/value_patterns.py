"""Value patterns: how the replies of one language and corpus write values, read from a data file.

A delexicaliser needs three things that no database holds: values known by their form alone, such as
a time or a phone number; other spellings of a value ("downtown" for ``centre``); and the words
around that tell which slot a value is of. Example: ``17:29`` is a clock time; after "leaves at" it
is a ``leave``, after "arriving by" an ``arrive``. Texts are lower case, numbers written as digits
(see ``text.normalise``). What each part of the file means is told at `ValuePatterns`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from todserve.runtime.errors import ConfigError, reason_of
from todserve.runtime.language.phrases import Span
from todserve.runtime.language.word_forms import DEFAULT_LANGUAGE, WordForms
from todserve.runtime.untrusted.json_text import read_json

PLACE = "place"
CLOCK = "clock"
MONEY = "money"
PARTY = "party"
DURATION = "duration"
ADMISSION = "admission"
"""Kinds of values that several slots share; the words around decide which."""

_FOLDER = Path(__file__).parent
_NOTHING = re.compile(r"(?!)")
_LONGEST_NAME_PART = 3  # letters; a longer word may tell which place is meant
_NEAR = 36  # characters before a value that are looked at
_NEAR_PLACE = 24
_NEAR_MONEY = 30
_NEAR_TIME = 48


class Around(BaseModel):
    """What must not stand around a value, or what tells by standing there.

    Attributes:
        before: a regular expression that ends where the value begins (``$``).
        after: one that begins where the value ends.
        only: texts that it is about; empty means any.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    before: str = ""
    after: str = ""
    only: tuple[str, ...] = ()

    @cached_property
    def _before(self) -> re.Pattern[str]:
        return _compiled(self.before)

    @cached_property
    def _after(self) -> re.Pattern[str]:
        return _compiled(self.after)

    def stands(self, text: str, span: Span, near: int = _NEAR) -> bool:
        """Say whether one of the two stands beside a value."""
        if self.only and text[span.start : span.end] not in self.only:
            return False
        if self._before.search(text, max(0, span.start - near), span.start) is not None:
            return True
        return self._after.match(text, span.end) is not None


class ValuePatterns(BaseModel):
    """The forms and spellings of values in one language's replies; see the module.

    All but ``language`` may be left out, and is then taken to be nothing. Regular expressions are
    for lower-case text.

    Attributes:
        language: whose replies these are.
        patterns: (slot or kind of value, regular expression), the first that fits at a place wins.
            The kinds are clock, money, party and duration; ``slots`` says what becomes of them.
        apart: the same, looked for by themselves; a group in one is the value.
        no_phrases: slots whose database values are not looked for in texts: patterns find them, or
            nothing does.
        flags: values that say yes or no of a slot, which nobody repeats.
        never: slot -> a regular expression of values that are not looked for either.
        spellings: slot -> a value of the database or schema -> how else replies say it.
        name_parts: what replies leave off a name, as long as a telling word remains.
        too_common: words that tell no name.
        districts: what replies leave off an address's end.
        address_gap: what may stand between two parts of one address.
        doubts: slot -> what stands around its words where they mean something else.
        count_before: what stands before a number that counts what was found.
        count_after: what stands behind it.
        pronoun: a number that is a pronoun as well ("the 1 i like").
        pronoun_before: what then stands before it.
        pronoun_after: what then stands behind it.
        money_before: what stands before a price that looks like a time.
        times: the words that tell a clock time's slot: one named group for each slot, the first for
            a time that nothing tells.
        times_after: slot -> what tells it behind the time.
        places: the slots that a place can be, where one leaves from first, where one goes last,
            and what tells each.
        no_place_after: what stands behind a place's name where no place is meant.
        slots: kind of value -> its slot.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    language: str
    patterns: tuple[tuple[str, str], ...] = ()
    apart: tuple[tuple[str, str], ...] = ()
    no_phrases: frozenset[str] = frozenset()
    flags: frozenset[str] = frozenset()
    never: Mapping[str, str] = {}
    spellings: Mapping[str, Mapping[str, tuple[str, ...]]] = {}
    name_parts: str = ""
    too_common: frozenset[str] = frozenset()
    districts: tuple[str, ...] = ()
    address_gap: str = ""
    doubts: Mapping[str, Around] = {}
    count_before: str = ""
    count_after: str = ""
    pronoun: str = ""
    pronoun_before: str = ""
    pronoun_after: str = ""
    money_before: str = ""
    times: str = ""
    times_after: Mapping[str, str] = {}
    places: Mapping[str, Around] = {}
    no_place_after: str = ""
    slots: Mapping[str, str] = {}

    @classmethod
    def of_language(
        cls, language: str = DEFAULT_LANGUAGE, given: Mapping[str, Any] | None = None
    ) -> "ValuePatterns":
        """Return a language's patterns, with what a checkpoint says anew laid over them.

        Args:
            language: whose file is read.
            given: parts of the file, each in place of the file's own. Where there is no file, they
                are all there is; without them, English's are taken.

        Raises:
            ConfigError: a part is malformed or unknown.
        """
        own = _own(language)
        if not given:
            return own or cls.of_language()
        if own is None:
            own = cls(language=language)
        try:
            laid = cls.model_validate({**own.model_dump(), **given})
            laid.check()
        except (ValidationError, re.error, TypeError) as error:
            raise ConfigError(
                f"cannot read the value patterns: {reason_of(error)}; expected parts of "
                f"{DEFAULT_LANGUAGE}_values.json beside {Path(__file__).name}"
            ) from error
        return laid

    def expressions(self) -> Iterator[str]:
        """Yield all its regular expressions."""
        yield from (text for _, text in (*self.patterns, *self.apart))
        yield from self.never.values()
        yield from self.times_after.values()
        for around in (*self.doubts.values(), *self.places.values()):
            yield from (around.before, around.after)
        yield from (self.name_parts, self.address_gap, self.count_before, self.count_after)
        yield from (self.pronoun_before, self.pronoun_after, self.money_before, self.times)
        yield self.no_place_after

    def check(self) -> None:
        """Compile everything, so that a wrong part is told when a checkpoint is opened.

        Raises:
            re.error: one is no regular expression.
        """
        for text in self.expressions():
            re.compile(text)

    @cached_property
    def travel_times(self) -> tuple[str, ...]:
        """The slots that a clock time can be of a journey: when it begins, when it ends."""
        return tuple(self._times.groupindex)

    def spans(self, text: str) -> Iterator[Span]:
        """Yield every stretch of ``text`` that has the form of a value; some may overlap."""
        for match in self._together.finditer(text):
            order = int(str(match.lastgroup).removeprefix("order_"))
            yield Span(*match.span(), self.patterns[order][0])
        for slot, pattern in self._apart:
            for match in pattern.finditer(text):
                yield Span(*match.span(1 if pattern.groups else 0), slot)

    def phrases(self, slot: str, values: Iterable[str]) -> set[str]:
        """Return those of a slot's values that may be looked for in texts."""
        never = self._never.get(slot, _NOTHING)
        return {
            value
            for value in values
            if value not in self.flags and not value.isdigit() and not never.match(value)
        }

    def all_spellings(self, slot: str, values: Iterable[str]) -> set[str]:
        """Return ``values`` and what else a reply may say for one of them."""
        found = set(values)
        for value, more in self.spellings.get(slot, {}).items():
            if value in found:
                found.update(more)
        if slot == "name":
            found.update(short for value in tuple(found) for short in self._short_names(value))
        if slot == "address":
            found.update(part for value in tuple(found) for part in self._address_parts(value))
        return found

    def is_doubtful(self, text: str, span: Span) -> bool:
        """Say whether a slot's words mean something else: "east" in "east road"."""
        doubt = self.doubts.get(span.slot)
        return doubt is not None and doubt.stands(text, span)

    def is_count(self, text: str, span: Span) -> bool:
        """Say whether a number or "several" counts what was found."""
        start = max(0, span.start - _NEAR)
        before = self._count_before.search(text, start, span.start)
        if before is None or not self._count_after.match(text, span.end):
            return False
        if text[span.start : span.end] != self.pronoun:
            return True
        # In normalised text "1" is also the pronoun: "the 1 i like", "which 1".
        said_of = self._pronoun_before.search(before[0])
        return said_of is None and not self._pronoun_after.match(text, span.end)

    def is_money(self, text: str, span: Span) -> bool:
        """Say whether what looks like a clock time is a price: "the fee is 2.50"."""
        start = max(0, span.start - _NEAR_MONEY)
        return self._money_before.search(text, start, span.start) is not None

    def is_one_address(self, text: str, end: int, start: int) -> bool:
        """Say whether two address parts are one, between the first's end and the second's start."""
        return self._address_gap.fullmatch(text, end, start) is not None

    def time_slot(self, text: str, span: Span) -> str | None:
        """Return the slot of a clock time by the last telling word before it."""
        start = max(0, span.start - _NEAR_TIME)
        before = [*self._times.finditer(text, start, span.start)]
        for slot, pattern in self._times_after.items():
            if pattern.match(text, span.end):
                return slot
        return before[-1].lastgroup if before else None

    def place_slot(
        self, text: str, span: Span, known: Mapping[str, str], forms: WordForms
    ) -> str | None:
        """Return whether a place is left or headed for, by the words around it, then by the state.

        Args:
            text: the reply.
            span: the place.
            known: the state of the active domain, slot -> value.
            forms: how the language writes a place otherwise.
        """
        if self._no_place_after.match(text, span.end):
            return None
        for slot, around in self.places.items():
            if around.stands(text, span, _NEAR_PLACE):
                return slot
        surface = tuple(word.key for word in forms.words_of(text[span.start : span.end]))
        for slot in reversed(tuple(self.places)):
            if surface in forms.spellings(known.get(slot, "")):
                return slot
        return None

    def _short_names(self, name: str) -> Iterator[str]:
        short = self._name_parts.sub("", name)
        telling = [
            word
            for word in short.split()
            if word not in self.too_common and len(word) > _LONGEST_NAME_PART
        ]
        if short != name and telling:
            yield short

    def _address_parts(self, address: str) -> Iterator[str]:
        for part in address.split(","):
            if len(part.split()) > 1:
                yield part.strip()
        for district in self.districts:
            if address.endswith(district):
                yield address.removesuffix(district)

    @cached_property
    def _together(self) -> re.Pattern[str]:
        named = (f"(?P<order_{order}>{how})" for order, (_, how) in enumerate(self.patterns))
        return _compiled("|".join(named))

    @cached_property
    def _apart(self) -> tuple[tuple[str, re.Pattern[str]], ...]:
        return tuple((slot, re.compile(how)) for slot, how in self.apart)

    @cached_property
    def _never(self) -> Mapping[str, re.Pattern[str]]:
        return {slot: re.compile(text) for slot, text in self.never.items()}

    @cached_property
    def _name_parts(self) -> re.Pattern[str]:
        return _compiled(self.name_parts)

    @cached_property
    def _address_gap(self) -> re.Pattern[str]:
        return _compiled(self.address_gap)

    @cached_property
    def _count_before(self) -> re.Pattern[str]:
        return _compiled(self.count_before)

    @cached_property
    def _count_after(self) -> re.Pattern[str]:
        return _compiled(self.count_after)

    @cached_property
    def _pronoun_before(self) -> re.Pattern[str]:
        return _compiled(self.pronoun_before)

    @cached_property
    def _pronoun_after(self) -> re.Pattern[str]:
        return _compiled(self.pronoun_after)

    @cached_property
    def _money_before(self) -> re.Pattern[str]:
        return _compiled(self.money_before)

    @cached_property
    def _times(self) -> re.Pattern[str]:
        return _compiled(self.times)

    @cached_property
    def _times_after(self) -> Mapping[str, re.Pattern[str]]:
        return {slot: re.compile(text) for slot, text in self.times_after.items()}

    @cached_property
    def _no_place_after(self) -> re.Pattern[str]:
        return _compiled(self.no_place_after)


def _compiled(text: str) -> re.Pattern[str]:
    """Return an expression; an empty one matches nothing."""
    return re.compile(text) if text else _NOTHING


@lru_cache
def _own(language: str) -> ValuePatterns | None:
    """Return the package's own patterns of a language; None where it has none."""
    if not language.isidentifier():
        return None
    path = _FOLDER / f"{language}_values.json"
    if not path.is_file() and language != DEFAULT_LANGUAGE:
        return None
    return ValuePatterns.model_validate(read_json(path))
