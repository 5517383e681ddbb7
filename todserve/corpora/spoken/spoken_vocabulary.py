"""Spoken vocabulary: the slots that are spoken of, the values they take, the services there are.

Spoken values and corrections are drawn from it; it is made of a schema and of turns that show its
values. A slot belongs to a family by its name where its values look so, and by the look of its
values alone otherwise.
Example: ``number_of_seats`` with values 1 to 6 is of the family ``people``.
"""

import random
import re
from collections import Counter
from collections.abc import Iterable, Mapping

from todserve.corpora.spoken.spoken_turns import LabelledTurn, State
from todserve.corpora.spoken.wordings import ENGLISH, Family, Service, Wordings
from todserve.runtime.language.dialogue import DONTCARE
from todserve.runtime.language.schema import Schema

CLOCK = re.compile(r"([01]\d|2[0-4]):[0-5]\d")
_NUMBER = re.compile(r"\d{1,2}")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[^\W\d_a-zA-Z]+")
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_FLAGS = frozenset({"yes", "no", "true", "false", "free"})
YES = frozenset({"yes", "true", "free"})
_MOSTLY = 0.7
_NEVER_MEANT = frozenset({DONTCARE, "none", "not mentioned"})
_LONGEST = 6  # words of a value that people would type in passing
_KNOWN_TWICE = 2  # a value of one dialogue alone may be a slip of its annotator
_LARGEST_NUMBER = 9


def words_of_name(name: str) -> str:
    """Return ``Check_inDate2`` as ``check in date``."""
    return " ".join(word.lower() for word in _WORD.findall(name))


KnownValues = Mapping[tuple[str, str], Iterable[str]]
"""(domain, slot) -> values that no turn needs to have said."""


class Vocabulary:
    """Families, values and services of a schema as its turns use it."""

    def __init__(
        self,
        schema: Schema,
        turns: Iterable[LabelledTurn],
        wordings: Wordings,
        known: KnownValues | None = None,
    ) -> None:
        """Collect the values of ``turns``.

        Args:
            schema: closed slots take its values.
            turns: what open slots take values from.
            wordings: the families.
            known: values of slots that no turn has, such as those of a database.
        """
        self.schema = schema
        self.wordings = wordings
        seen: dict[tuple[str, str], Counter[str]] = {}
        for turn in turns:
            for domain, slots in (turn.state or {}).items():
                for slot, value in slots.items():
                    if turn.previous_state.get(domain, {}).get(slot) != value:
                        seen.setdefault((domain, slot), Counter())[value] += 1
        stated = {domain for domain, _ in seen}
        for place, more in (known or {}).items():
            # Where the corpus has names of its own, it may write them otherwise.
            seen.setdefault(place, Counter(dict.fromkeys(more, _KNOWN_TWICE)))
        self._values = {
            (domain, slot): self._usable(domain, slot, values)
            for (domain, slot), values in seen.items()
        }
        self._families: dict[tuple[str, str], Family] = {}
        for domain in schema.domains:
            self._families.update(self._families_of(domain))
        self._services = {domain: self._find_service(domain) for domain, _ in self._values}
        self.domains: tuple[str, ...] = tuple(
            domain for domain in schema.domains if domain in stated
        )
        """Domains that states of the turns have, in the schema's order."""

    def family(self, domain: str, slot: str) -> Family:
        """Return how a slot is spoken of."""
        found = self._families.get((domain, slot))
        if found is None:
            found = self._families[domain, slot] = self._find_family(domain, slot)
        return found

    def service(self, domain: str) -> Service:
        """Return how a domain is spoken of."""
        found = self._services.get(domain)
        if found is None:
            found = self._services[domain] = self._find_service(domain)
        return found

    def called(self, domain: str, slot: str, chance: random.Random) -> str:
        """Return what a person may call a slot."""
        names = self.family(domain, slot).called
        return chance.choice(names) if names else words_of_name(slot)

    def only_intent(self, domain: str) -> str | None:
        """Return the one intent a domain offers; None where there are several."""
        found = [one.intents for one in self.schema.services if one.name == domain]
        return found[0][0] if found and len(found[0]) == 1 else None

    def service_called(self, domain: str, chance: random.Random) -> str:
        """Return what a person may call a service."""
        return chance.choice(self.service(domain).called).format(domain=plain_domain(domain))

    def values(self, domain: str, slot: str) -> tuple[str, ...]:
        """Return the values a slot may take here, commonest first."""
        return self._values.get((domain, slot), ())

    def speaks_of(self, domain: str, slot: str) -> bool:
        """Say whether the language has a word for a slot; a name is one in English alone."""
        return self.wordings.language == ENGLISH or bool(self.family(domain, slot).called)

    def is_sayable(self, domain: str, slot: str, value: str) -> bool:
        """Say whether a value is a known one, a time, or indifference: no slip of an annotator."""
        return self.speaks_of(domain, slot) and (
            value == DONTCARE
            or CLOCK.fullmatch(value) is not None
            or value in self.values(domain, slot)
        )

    def another(self, domain: str, slot: str, old: str, chance: random.Random) -> str | None:
        """Return a value that a slot could take instead of ``old``; None where none is known."""
        if CLOCK.fullmatch(old):
            hour = (int(old[:2]) + chance.randrange(1, 19) - 5) % 19 + 5
            return f"{hour:02d}:{chance.choice(_MINUTES):02d}"
        known = self.values(domain, slot)
        if not known:
            return None
        for _ in range(4):
            value = chance.choice(known)
            if value != old:
                return value
        return None

    def varied(self, domain: str, slots: Mapping[str, str], chance: random.Random) -> State:
        """Return a state of one domain with some of the values of ``slots`` exchanged."""
        varied = dict(slots)
        for slot, value in slots.items():
            if value != DONTCARE and chance.random() < 0.6:
                varied[slot] = self.another(domain, slot, value, chance) or value
        ends = [slot for slot in varied if self.family(domain, slot).name in _ENDS]
        if len({varied[slot] for slot in ends}) < len(ends):
            return {domain: dict(slots)}
        return {domain: varied}

    def _usable(self, domain: str, slot: str, seen: Counter[str]) -> tuple[str, ...]:
        closed = self.schema.values(domain, slot)
        values = closed or [value for value, count in seen.most_common() if count >= _KNOWN_TWICE]
        if len(values) > len(_FLAGS):  # "no" is the name of no place
            values = [value for value in values if value not in _FLAGS]
        return tuple(
            value
            for value in values
            if value not in _NEVER_MEANT
            and len(value.split()) <= _LONGEST
            and "|" not in value
            and not (value.isdigit() and not 0 < int(value) <= _LARGEST_NUMBER)
            and (not closed or value in seen or len(closed) < 20)
        )

    def _families_of(self, domain: str) -> dict[tuple[str, str], Family]:
        """Return the families of a domain's slots; of two slots of one, each is called its name.

        "On friday" tells nothing where a car has a day to be fetched and one to be brought back.
        """
        found = {slot: self._find_family(domain, slot) for slot in self.schema.slots(domain)}
        other = self.wordings.families.get("other", Family(name="other"))
        for family in {one.name: one for one in found.values() if one.slots}.values():
            slots = [slot for slot, one in found.items() if one.name == family.name]
            exact = [slot for slot in slots if words_of_name(slot) in family.slots]
            for slot in slots:
                if len(slots) > 1 and exact != [slot]:
                    found[slot] = other
        return {(domain, slot): family for slot, family in found.items()}

    def _find_family(self, domain: str, slot: str) -> Family:
        families = self.wordings.families
        values = self.values(domain, slot) or self.schema.values(domain, slot)
        name = words_of_name(slot)
        by_name = [
            (len(known), family)
            for family in families.values()
            for known in family.slots
            if _is_called(name, known, family) and _looks(values, family.shape)
        ]
        if by_name:
            return max(by_name, key=lambda one: one[0])[1]
        for shape, family_name in (("flag", "flag"), ("day", "day"), ("clock", "time")):
            if values and family_name in families and _looks(values, shape):
                return families[family_name]
        return families.get("other", Family(name="other"))

    def _find_service(self, domain: str) -> Service:
        services = self.wordings.services
        name = words_of_name(domain)
        found = [
            (len(known), service)
            for service in services.values()
            for known in service.domains
            if f" {known} " in f" {name} "
        ]
        if found:
            return max(found, key=lambda one: one[0])[1]
        return services.get("other", Service(name="other", noun=("{domain}",)))


_MINUTES = (0, 15, 30, 45, 0, 30, 10, 20, 5, 50)
_ENDS = frozenset({"departure", "destination"})


def plain_domain(domain: str) -> str:
    """Return a domain's name as a person would say it: ``sgd.RentalCars_1`` is ``rental cars``."""
    return words_of_name(domain.rpartition(".")[2]) or domain


def _is_called(name: str, known: str, family: Family) -> bool:
    """Say whether a slot's name is, or ends with, or holds a family's name of several words."""
    if name == known:
        return True
    if known in family.exact:
        return False
    return f" {known} " in f" {name} " if " " in known else name.endswith(f" {known}")


def _looks(values: tuple[str, ...], shape: str) -> bool:
    if shape == "text" or not values:
        return shape == "text" or not values
    fitting = sum(_fits(value, shape) for value in values)
    return fitting >= _MOSTLY * len(values)


def _fits(value: str, shape: str) -> bool:
    if shape == "clock":
        return CLOCK.fullmatch(value) is not None
    if shape == "number":
        return _NUMBER.fullmatch(value) is not None
    if shape == "day":
        return value in DAYS
    return value.lower() in _FLAGS
