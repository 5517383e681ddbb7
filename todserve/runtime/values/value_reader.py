"""ValueReader: what the values of typed slots mean, beside the words that were said.

Opened with the checkpoint and asked by the tracker; a schema without types has none, and then no
words and no package are loaded. Example: the date ``next friday`` becomes ``2026-12-04``, the
amount ``25 quid`` becomes ``25`` and ``GBP``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from todserve.runtime.errors import ConfigError
from todserve.runtime.language.dialogue import DELETED, DONTCARE
from todserve.runtime.language.schema import Schema, ValueType
from todserve.runtime.language.word_forms import WordForms
from todserve.runtime.values.mail_addresses import read_mail
from todserve.runtime.values.phone_numbers import read_phone
from todserve.runtime.values.place import DateOrder, Place
from todserve.runtime.values.postal_addresses import read_address
from todserve.runtime.values.said_clocks import read_clock
from todserve.runtime.values.said_dates import read_date
from todserve.runtime.values.said_numbers import read_amount, read_number
from todserve.runtime.values.unreadable import UnreadableValue
from todserve.runtime.values.value_words import ValueWords
from todserve.runtime.wire.response import NormalisedValue

_MOST_WORDS: Mapping[ValueType, int] = {
    ValueType.DATE: 5,
    ValueType.TIME: 5,
    ValueType.NUMBER: 2,
    ValueType.AMOUNT: 4,
    ValueType.PHONE: 6,
    ValueType.EMAIL: 7,
    ValueType.ADDRESS: 7,
}
"""Type -> the most words of a run that is tried for what a value means."""

_PACKAGES: Mapping[ValueType, tuple[str, str]] = {
    ValueType.DATE: ("dateparser", "dateparser"),
    ValueType.NUMBER: ("price_parser", "price-parser"),
    ValueType.AMOUNT: ("price_parser", "price-parser"),
    ValueType.PHONE: ("phonenumbers", "phonenumbers"),
}
"""Type -> the module that it is read with, and the package that has it."""


def check_packages(schema: Schema) -> None:
    """Check that what the types of a schema are read with is installed.

    Raises:
        ConfigError: a package is missing.
    """
    for (domain, slot), kind in schema.types.items():
        module, package = _PACKAGES.get(kind, ("", ""))
        if module and find_spec(module) is None:
            raise ConfigError(
                f"schema.json: slot {slot} of {domain} has the type {kind}, which is read with "
                f"{package}, and that is not installed; install it "
                "(`pip install 'todserve[values]'`), or take the type out"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class ValueReader:
    """Reads the values of a checkpoint's typed slots.

    Attributes:
        schema: says which slots have a type.
        words: of its language.
        place: where it is.
    """

    schema: Schema
    words: ValueWords
    place: Place

    @classmethod
    def of(cls, folder: Path, schema: Schema, *, language: str) -> "ValueReader | None":
        """Return the reader of a checkpoint; None where its schema gives no slot a type.

        Raises:
            ConfigError: a package that a type needs is missing, values are not read in the
                language, or ``values.json`` is malformed.
        """
        if not schema.types:
            return None
        check_packages(schema)
        for kind in schema.types.values():
            if kind in _PACKAGES:  # or the first turn would wait for it
                import_module(_PACKAGES[kind][0])
        return cls(
            schema=schema, words=ValueWords.of_language(language), place=Place.of_folder(folder)
        )

    def moment(self, told: datetime | None) -> datetime:
        """Return the time that relative dates are meant from: a request's, else the clock's."""
        return told or datetime.now(self.place.zone)

    def types(self, domain: str, slot: str) -> ValueType | None:
        """Return the type of a slot; None where it has none."""
        return self.schema.types.get((domain, slot))

    def read(self, domain: str, slot: str, value: str, moment: datetime) -> NormalisedValue | None:
        """Return what a value means; None of a slot without a type, and of what is no value.

        Args:
            domain: its domain.
            slot: its slot.
            value: what was said.
            moment: when.

        Raises:
            UnreadableValue: it is none of its type; the text says why.
        """
        kind = self.types(domain, slot)
        if kind is None or value in (DELETED, DONTCARE):
            return None
        return self._read(kind, value.lower().strip(), moment.date())

    def _read(
        self, kind: ValueType, text: str, today: date, *, thorough: bool = True
    ) -> NormalisedValue:
        if kind is ValueType.AMOUNT:
            amount = read_amount(text, self.words, self.place.currency)
            return NormalisedValue(type=kind, value=amount.figures, currency=amount.currency)
        if kind is ValueType.ADDRESS:
            line, parts = read_address(text, self.words.addresses)
            return NormalisedValue(type=kind, value=line, parts=parts)
        plain: Mapping[ValueType, Callable[[], str]] = {
            ValueType.DATE: lambda: self._date(text, today, thorough=thorough),
            ValueType.TIME: lambda: read_clock(text, self.words.times, self._forms),
            ValueType.NUMBER: lambda: f"{read_number(text, self.words):f}",
            ValueType.PHONE: lambda: read_phone(text, self.place.country or self.words.country),
            ValueType.EMAIL: lambda: read_mail(text, self.words.mail),
        }
        return NormalisedValue(type=kind, value=plain[kind]())

    def bears_out(self, domain: str, slot: str, value: str, text: str, moment: datetime) -> bool:
        """Say whether some words of a text mean what a value of a typed slot means.

        So ``2026-12-04`` is borne out by "next friday", and ``0044 1223 365555`` by the number as
        it is written at home.
        """
        try:
            meant = self.read(domain, slot, value, moment)
        except UnreadableValue:
            return False
        if meant is None:
            return False
        most = _MOST_WORDS[ValueType(meant.type)]
        return any(self._means(meant, run, moment) for run in _runs(text.lower(), most))

    def _means(self, meant: NormalisedValue, run: str, moment: datetime) -> bool:
        try:
            kind = ValueType(meant.type)
            return self._read(kind, run, moment.date(), thorough=False) == meant
        except UnreadableValue:
            return False

    @property
    def _forms(self) -> WordForms:
        return self.schema.forms

    def _date(self, text: str, today: date, *, thorough: bool) -> str:
        order = self.place.date_order
        day_first = self.words.dates.day_first if order is None else order is DateOrder.DAY_FIRST
        return read_date(
            text,
            self.words.dates,
            code=self.words.code,
            day_first=day_first,
            today=today,
            thorough=thorough,
        ).isoformat()


def _runs(text: str, most: int) -> list[str]:
    """Return the runs of so many neighbouring words of a text at most, the longest first."""
    words = [word.strip(".,!?;:\"'()") or word for word in text.split()]
    return [
        " ".join(words[first : first + count])
        for count in range(min(most, len(words)), 0, -1)
        for first in range(len(words) - count + 1)
    ]
