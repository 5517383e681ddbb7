"""Spoken values: the ways to say a value of a slot.

`service_requests` puts whole requests together of them. A value is said alone ("posh"), before a
noun ("a posh hotel") or after it ("a hotel that won't break the bank"); what is said always means
the value of the state.
Example: the time 17:45 may be ``quarter to six in the evening``.
"""

import random
from collections.abc import Mapping, Sequence

from todserve.corpora.spoken.spoken_vocabulary import CLOCK, YES, Vocabulary
from todserve.corpora.spoken.wordings import NO_WAYS, Family, Ways, enumeration
from todserve.runtime.language.dialogue import DONTCARE
from todserve.runtime.language.schema import letters_and_digits

_PLAIN = 0.35
_GROUP_SIZES = {"one": 1, "two": 2, "three": 3, "four": 4}
_LARGEST_GROUP = 8


class Speech:
    """Finds many ways to say a value of a slot."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        """Say values of ``vocabulary`` in its words."""
        self.vocabulary = vocabulary
        self._wordings = vocabulary.wordings
        self._ways: Mapping[str, Mapping[str, Ways]] = {
            family: {letters_and_digits(value): ways for value, ways in known.items()}
            for family, known in self._wordings.values.items()
        }

    def ways(self, domain: str, slot: str, value: str) -> Ways:
        """Return the known ways to say a value of a closed slot; none for a name."""
        family = self.vocabulary.family(domain, slot)
        known = self._ways.get(family.values or family.name, {})
        return known.get(letters_and_digits(value), NO_WAYS)

    def alone(
        self, domain: str, slot: str, value: str, chance: random.Random, plain: float = _PLAIN
    ) -> str:
        """Return a way to say a value by itself, the value as it is with a chance of ``plain``."""
        family = self.vocabulary.family(domain, slot)
        if value == DONTCARE:
            return self._any(family, domain, slot, chance)
        if family.shape == "flag":
            return self._flag(family, domain, slot, value, chance)
        if chance.random() < plain:
            return value
        if CLOCK.fullmatch(value) and family.shape == "clock":
            return self.time(value, chance)
        if family.name == "people" and chance.random() < 0.4:
            return self.who(value, chance) or value
        ways = self.ways(domain, slot, value).alone
        if ways and (not family.alone or chance.random() < 0.7):
            return chance.choice(ways)
        if family.alone:
            called = self.vocabulary.called(domain, slot, chance)
            return _singular(chance.choice(family.alone).format(value=value, called=called), value)
        return value

    def before(self, domain: str, slot: str, value: str, chance: random.Random) -> str | None:
        """Return a way to say a value in front of the noun; None where there is none."""
        family = self.vocabulary.family(domain, slot)
        found = self.ways(domain, slot, value).before or tuple(
            self._wordings.fill(text, value=value) for text in family.before
        )
        return chance.choice(found) if found else None

    def noun(self, domain: str, slot: str, value: str, chance: random.Random) -> str | None:
        """Return a noun that says a value; None where there is none."""
        found = self.ways(domain, slot, value).noun
        return chance.choice(found) if found else None

    def after(self, domain: str, slot: str, value: str, chance: random.Random) -> str:
        """Return a way to say a value after the noun."""
        family = self.vocabulary.family(domain, slot)
        if value == DONTCARE:
            return f", {self._any(family, domain, slot, chance)}"
        if family.shape == "flag":
            return self._flag(family, domain, slot, value, chance)
        own = self.ways(domain, slot, value).after
        if own and chance.random() < 0.6:
            return chance.choice(own)
        if family.name == "people" and chance.random() < 0.35:
            who = self.who(value, chance)
            if who is not None:
                listed: str = chance.choice(self._wordings.people["listed"])
                return listed.format(who=who)
        counted = family.shape == "number"
        said = self.alone(domain, slot, value, chance, plain=0 if counted else 0.6)
        if not family.after:
            return said
        called = self.vocabulary.called(domain, slot, chance)
        return chance.choice(family.after).format(value=said, called=called)

    def time(self, value: str, chance: random.Random) -> str:
        """Return ``17:45`` as people say it; always with what tells morning from evening."""
        clock = self._wordings.clock
        if not clock:
            return value
        hour, minute = int(value[:2]), int(value[3:])
        kind = chance.random()
        if value in clock["exact"] and kind < 0.4:
            return str(chance.choice(clock["exact"][value]))
        if kind < 0.12 or hour > 23:
            return value if hour > 23 else _written(hour, minute, chance)
        if kind < 0.35 or (minute % 15 and minute % 5):
            half = ("am", " am", " a.m.") if hour < 12 else ("pm", " pm", " p.m.")
            return f"{_twelve(hour)}" + (f":{minute:02d}" if minute else "") + chance.choice(half)
        # Of the hour it is, not of the one it is going to: "quarter to 12 at night" is 23:45.
        parts = clock[_part(hour)]
        if minute > 30 and hour % 12 == 11:
            # "12 am" is midnight: of a quarter to 12 in the morning only words may tell.
            parts = [part for part in parts if " " in part]
        part = chance.choice(parts)
        form = {0: "hour", 15: "quarter", 30: "half", 45: "three quarters"}.get(
            minute, "past" if minute < 30 else "to"
        )
        text: str = chance.choice(clock[form])
        return text.format(
            h=_twelve(hour), n=_twelve((hour + 1) % 24), m=minute, r=60 - minute, part=part
        )

    def who(self, value: str, chance: random.Random) -> str | None:
        """Return a number of people as who they are: 3 is ``me, mum and the baby``."""
        people = self._wordings.people
        if not people or not value.isdigit() or not 2 <= int(value) <= _LARGEST_GROUP:
            return None
        if "mixed" in people and chance.random() < 0.2:
            kids = chance.randrange(1, int(value))
            mixed: str = chance.choice(people["mixed"])
            return mixed.format(
                adults=_counted(int(value) - kids, chance.choice(people["adults"])),
                kids=_counted(kids, chance.choice(people["kids"])),
            )
        left = int(value) - 1
        company: list[str] = []
        while left:
            size = chance.choice([size for size in _GROUP_SIZES if _GROUP_SIZES[size] <= left])
            left -= _GROUP_SIZES[size]
            company.append(chance.choice([one for one in people[size] if one not in company]))
        who = [chance.choice(people["self"]), *company]
        if chance.random() < 0.4:
            who = [*who[1:], who[0]]
        if len(who) == 2:
            joined: str = chance.choice(people["joined"])
            return joined.format(first=who[0], last=who[1])
        return enumeration(who, chance.choice((" and ", ", ", " and ", " plus ")))

    def _any(self, family: Family, domain: str, slot: str, chance: random.Random) -> str:
        called = self.vocabulary.called(domain, slot, chance)
        return chance.choice(family.any or ("any {called}",)).format(called=called)

    def _flag(
        self, family: Family, domain: str, slot: str, value: str, chance: random.Random
    ) -> str:
        called = self.vocabulary.called(domain, slot, chance)
        found = family.yes if value.lower() in YES else family.no
        return chance.choice(found or ("{called} " + value,)).format(called=called)


def _counted(count: int, names: Sequence[str]) -> str:
    return f"{count} {names[count > 1]}"


def _written(hour: int, minute: int, chance: random.Random) -> str:
    kind = chance.random()
    if kind < 0.4:
        return f"{hour:02d}.{minute:02d}"
    if kind < 0.5:
        return f"{hour}h{minute:02d}"
    return f"{hour:02d}{minute:02d}" + chance.choice(("", " hours", "h", " hrs"))


def _twelve(hour: int) -> int:
    return (hour - 1) % 12 + 1


def _part(hour: int) -> str:
    if hour < 12:
        return "morning"
    if hour < 17:
        return "afternoon"
    return "evening" if hour < 22 else "night"


def _singular(text: str, value: str) -> str:
    if value != "1":
        return text
    for many, one in (("nights", "night"), ("nts", "night"), ("stars", "star"), ("ppl", "person")):
        text = text.replace(f"1 {many}", f"1 {one}")
    for many in ("people", "persons", "guests", "of us", "pax", "adults"):
        text = text.replace(f"1 {many}", "1 person")
    return text
