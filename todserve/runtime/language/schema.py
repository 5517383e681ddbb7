"""Schema: which domains, slots, values and intents exist, and how a value is written.

Parsing and belief tracking hold what the network wrote against it: nothing enters a state that the
schema does not know. Reads and writes the ``schema.json`` of Schema-Guided Dialogue and MultiWOZ
2.2. Example: ``schema.normalise_value("hotel", "type", "Guest House")`` is ``"guesthouse"``.
"""

import difflib
import json
import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from todserve.runtime.errors import ConfigError, reason_of
from todserve.runtime.language.dialogue import DELETED, DONTCARE, GENERAL, OUT_OF_SCOPE
from todserve.runtime.language.word_forms import WordForms
from todserve.runtime.untrusted.json_text import read_json
from todserve.runtime.whole_files import write_whole

_CLOSE_ENOUGH = 0.86  # "thirsday" passes; "tuesday" for "thursday" scores 0.80 and does not

_NO_LETTERS = re.compile(r"[\W_]+")


def letters_and_digits(value: str) -> str:
    """Return ``value`` in lower case without anything but letters and digits."""
    return _NO_LETTERS.sub("", value.lower())


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ValueType(StrEnum):
    """What kind of value a slot has, where people say it in many ways (docs/values.md)."""

    DATE = "date"
    TIME = "time"
    NUMBER = "number"
    AMOUNT = "amount"
    """Of money."""
    PHONE = "phone"
    EMAIL = "email"
    ADDRESS = "address"


class Slot(_Frozen):
    """A slot of one service; ``values`` is closed when ``categorical``.

    Its value is words; where it has a ``type``, what they mean is told beside them.
    """

    name: str
    categorical: bool = False
    values: tuple[str, ...] = ()
    description: str = ""
    type: ValueType | None = None

    @cached_property
    def spellings(self) -> Mapping[str, str]:
        """Comparable spelling -> the value as the schema writes it."""
        return {letters_and_digits(value): value for value in self.values}


class Service(_Frozen):
    """A domain with its slots and intents."""

    name: str
    slots: tuple[Slot, ...] = ()
    intents: tuple[str, ...] = ()
    description: str = ""


class Schema(_Frozen):
    """Every service a checkpoint knows.

    Attributes:
        services: in the order of the file.
        forms: how its language writes a value otherwise; not part of the file.
    """

    services: tuple[Service, ...]
    forms: WordForms = Field(default_factory=WordForms.of_language, exclude=True, repr=False)

    @classmethod
    def load(cls, path: Path, forms: WordForms | None = None) -> "Schema":
        """Read a ``schema.json``; MultiWOZ's slot prefix (``hotel-area``) is taken off.

        Args:
            path: the file.
            forms: of the language its values are in; English's without.

        Raises:
            ConfigError: when the file is missing or is not such a schema.
        """
        try:
            entries = read_json(Path(path))
            if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
                raise ValueError("got no list of services")
            services = tuple(_service(entry) for entry in entries)
            return cls(services=services, forms=forms or WordForms.of_language())
        except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
            lacks = isinstance(error, KeyError)
            reason = f"a service, slot or intent has no {error}" if lacks else reason_of(error)
            raise ConfigError(
                f"cannot read schema {path}: {reason}; expected the schema.json of "
                "Schema-Guided Dialogue or MultiWOZ 2.2"
            ) from error

    def save(self, path: Path) -> None:
        """Write the schema in the same format, atomically."""
        entries = [
            {
                "service_name": service.name,
                "description": service.description,
                "slots": [
                    {
                        "name": slot.name,
                        "description": slot.description,
                        "is_categorical": slot.categorical,
                        "possible_values": list(slot.values),
                        **({"type": str(slot.type)} if slot.type else {}),
                    }
                    for slot in service.slots
                ],
                "intents": [{"name": intent} for intent in service.intents],
            }
            for service in self.services
        ]
        write_whole(Path(path), json.dumps(entries, indent=1, ensure_ascii=False) + "\n")

    @cached_property
    def domains(self) -> tuple[str, ...]:
        """The services' names, in the order of the file."""
        return tuple(service.name for service in self.services)

    @cached_property
    def intents(self) -> tuple[str, ...]:
        """Every intent once, in the order of the file; those of no service last."""
        names = [name for service in self.services for name in service.intents]
        return tuple(dict.fromkeys([*names, GENERAL, OUT_OF_SCOPE]))

    @cached_property
    def _slots(self) -> Mapping[str, Mapping[str, Slot]]:
        return {one.name: {slot.name: slot for slot in one.slots} for one in self.services}

    def slots(self, domain: str) -> tuple[str, ...]:
        """Return the slots of ``domain``; nothing for a domain the schema does not have."""
        return tuple(self._slots.get(domain, ()))

    def has(self, domain: str, slot: str) -> bool:
        """Say whether ``domain`` has ``slot``."""
        return slot in self._slots.get(domain, ())

    def values(self, domain: str, slot: str) -> tuple[str, ...]:
        """Return the known values of a slot; empty for free text and for unknown slots."""
        found = self._slots.get(domain, {}).get(slot)
        return found.values if found else ()

    @cached_property
    def types(self) -> Mapping[tuple[str, str], ValueType]:
        """(domain, slot) -> the type of its value, of those that have one."""
        return {
            (one.name, slot.name): slot.type
            for one in self.services
            for slot in one.slots
            if slot.type is not None
        }

    def intent_domains(self, intent: str | None) -> tuple[str, ...]:
        """Return the domains that offer ``intent``."""
        return tuple(one.name for one in self.services if intent in one.intents)

    def normalise_value(self, domain: str, slot: str, value: str) -> str | None:
        """Return ``value`` as the schema writes it.

        Returns:
            ``dontcare`` for every way of saying so; for a categorical slot one of its values,
            or None when there is none like it; for free text the lower-case text with single
            spaces and ``HH:MM`` times. None also for unknown slots and absent values.
        """
        found = self._slots.get(domain, {}).get(slot)
        if found is None:
            return None
        # MultiWOZ labels that allow several values join them ("cheap|moderate"): the first stands.
        text = " ".join(value.split("|")[0].lower().split())
        key = letters_and_digits(text)
        if (key in ("", DELETED) or key in self.forms.absent) and key not in found.spellings:
            return None
        if key == DONTCARE or key in self.forms.indifferent:
            return DONTCARE
        if not found.categorical or not found.values:
            return self.forms.clock_time(text) or text
        other = self.forms.values.get(key) or self.forms.numbers.get(key, "")
        return self._known_value(found, key) or self._known_value(found, other)

    def _known_value(self, slot: Slot, key: str) -> str | None:
        if key in slot.spellings:
            return slot.spellings[key]
        if key in self.forms.flags:
            return slot.spellings.get(self.forms.flags[key])
        if len(key) < 5:
            return None
        for ending in self.forms.endings:  # guesthouses, churches, boating
            if key.removesuffix(ending) in slot.spellings:
                return slot.spellings[key.removesuffix(ending)]
        close = difflib.get_close_matches(key, slot.spellings, n=1, cutoff=_CLOSE_ENOUGH)
        return slot.spellings[close[0]] if close else None


def _service(entry: Mapping[str, object]) -> Service:
    name = str(entry["service_name"])
    slots, intents = entry.get("slots", []), entry.get("intents", [])
    if not isinstance(slots, list) or not isinstance(intents, list):
        raise ValueError(f"service {name!r} has no list of slots and intents")
    return Service(
        name=name,
        description=str(entry.get("description", "")),
        slots=tuple(
            Slot(
                name=str(slot["name"]).removeprefix(f"{name}-"),
                categorical=bool(slot["is_categorical"]),
                values=tuple(slot.get("possible_values") or ()),
                description=str(slot.get("description", "")),
                type=_type(f"{name}.{slot['name']}", slot.get("type")),
            )
            for slot in slots
        ),
        intents=tuple(str(intent["name"]) for intent in intents),
    )


def _type(slot: str, given: object) -> ValueType | None:
    if given is None:
        return None
    if given not in [*ValueType]:
        raise ValueError(
            f"slot {slot}: got the type {str(given)[:40]!r}; a slot's is one of "
            f"{', '.join(ValueType)}, or left out"
        )
    return ValueType(str(given))
