"""Lexicalisation: fills the placeholders of a reply with values of the database and the state.

The reply stage calls it on every reply that it may send, so that people can read it. Example:
``"[value_name] is at [value_address]."`` becomes
``"The Cambridge Belfry is at Back Lane, Cambourne."``.

Nothing is said that is not in the database result or the state, with one exception: nothing is
booked here, so ``[value_reference]`` is a code made from what the booking is of, the same for the
same booking. A taxi's car and phone come with the result: the database arranges one.

With `Facts`, what is said of many is said only where it is true of all: "[value_choice]
[value_type] in the [value_area]" takes its type from what everything found has in common.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from todserve.runtime.knowledge.knowledge_base import DatabaseResult
from todserve.runtime.language.dialogue import DELETED, DONTCARE, BeliefState
from todserve.runtime.reply.booking_reference import booking_reference
from todserve.runtime.reply.clauses import Clause, Subject
from todserve.runtime.reply.facts import Facts
from todserve.runtime.reply.reply_style import ReplyStyle

_PLACEHOLDER = re.compile(r"\[value_([a-z0-9_]+)\]")


class Origin(StrEnum):
    """Whether a placeholder's value was taken from the look-up, the state, or elsewhere."""

    RESULT = "result"
    STATE = "state"
    SHARED = "shared"
    COUNT = "count"
    REFERENCE = "reference"
    KIND = "kind"
    """A word for whatever the domain has: "places to stay"."""
    NOWHERE = "nowhere"


@dataclass(frozen=True, kw_only=True, slots=True)
class Filling:
    """What a placeholder became; ``row`` is the entity's place among the results."""

    slot: str
    value: str | None
    origin: Origin
    row: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Lexicalisation:
    """A reply with its placeholders filled, as people read it.

    Attributes:
        text: the reply.
        filled: (slot, value as the database or state has it) in order of appearance.
        unfilled: slots of placeholders without a value; a plain word stands there instead.
        fillings: of every placeholder, in order.
    """

    text: str
    filled: tuple[tuple[str, str], ...] = ()
    unfilled: tuple[str, ...] = ()
    fillings: tuple[Filling, ...] = ()


def lexicalise(
    delexicalised: str,
    *,
    domain: str,
    state: BeliefState,
    result: DatabaseResult,
    facts: Facts | None = None,
) -> Lexicalisation:
    """Fill the placeholders of a reply.

    Args:
        delexicalised: with ``[value_slot]`` placeholders; text without any is only polished.
        domain: the active domain.
        state: the belief state; the active domain's values come first.
        result: what the look-up found. Its first entity fills the reply; each further
            ``[value_name]`` or ``[value_id]`` takes the next entity.
        facts: tells what many have in common; without it a reply about many is filled from one.
    """
    style = facts.style if facts is not None else ReplyStyle.of_text(delexicalised)
    wording, particles = style.wording, style.particle_rules
    clauses = _by_placeholder(delexicalised, facts)
    values = _Values(domain=domain, state=state, result=result, style=style, facts=facts)
    pieces = _PLACEHOLDER.split(particles.joined(delexicalised))
    text, fillings = pieces[0], list[Filling]()
    for slot, after in zip(pieces[1::2], pieces[2::2], strict=True):
        place = len(fillings)
        found = values.take(slot, text, delexicalised, clauses[place] if clauses else None, place)
        fillings.append(found)
        value = found.value
        if value is None:
            written = wording.stand_in(slot, text)
        elif found.origin is Origin.KIND:
            written = value
        else:
            priced = values.priced(slot, value, text, after)
            written = wording.bent(slot, wording.spoken(slot, priced), text, after)
        if found.origin is Origin.COUNT and place:
            after = wording.verb(str(value), after)
        text = wording.article(text, written) + written + particles.agreeing(written, after)
    return Lexicalisation(
        text=wording.finished(text),
        filled=tuple((one.slot, one.value) for one in fillings if one.value is not None),
        unfilled=tuple(one.slot for one in fillings if one.value is None),
        fillings=tuple(fillings),
    )


def filled(delexicalised: str, facts: Facts) -> Lexicalisation:
    """Fill a reply from the facts of its turn."""
    return lexicalise(
        delexicalised,
        domain=facts.domain,
        state=facts.state,
        result=facts.result or DatabaseResult(domain=facts.domain, matches=0),
        facts=facts,
    )


def _by_placeholder(delexicalised: str, facts: Facts | None) -> Sequence[Clause]:
    """Return the clause of each placeholder."""
    if facts is None:
        return ()
    return [one for one in facts.clauses(delexicalised) for _ in one.slots]


@dataclass(kw_only=True)
class _Values:
    """Hands out one value after the other, remembering which entity is spoken of."""

    domain: str
    state: BeliefState
    result: DatabaseResult
    style: ReplyStyle
    facts: Facts | None = None
    _promised: dict[str, str] = field(default_factory=dict)
    _entity: int = 0
    _used: dict[str, list[str]] = field(default_factory=dict)
    _said_of_entity: set[str] = field(default_factory=set)

    def take(
        self, slot: str, before: str, whole: str, clause: Clause | None, place: int
    ) -> Filling:
        """Return the next value of ``slot``.

        Args:
            slot: the placeholder's slot.
            before: the reply up to it.
            whole: the reply with all placeholders.
            clause: what the placeholder stands in; None where nothing is known of that.
            place: the placeholder's place in the reply.
        """
        if slot == "reference":
            return Filling(slot=slot, value=self._reference(), origin=Origin.REFERENCE)
        if slot == "choice":
            return Filling(slot=slot, value=self._count(clause, place), origin=Origin.COUNT)
        promised = self._promised.pop(slot, None)
        if promised is not None:
            return Filling(slot=slot, value=promised, origin=Origin.RESULT)
        asked = self._from_state(slot)
        if asked is not None and self._is_limit(slot, before, whole):
            # The user's own limit says nothing of an entity: the next time is the first one's.
            return Filling(slot=slot, value=asked, origin=Origin.STATE)
        if clause is not None and self._of_many(slot, clause):
            return self._in_common(slot, asked, clause)
        value = self._from_result(slot)
        origin = Origin.RESULT
        if value is None and not self._denied(slot, clause):
            value, origin = asked, Origin.STATE
        if value is None:
            return Filling(slot=slot, value=None, origin=Origin.NOWHERE)
        self._used.setdefault(slot, []).append(value)
        self._said_of_entity.add(slot)
        return Filling(slot=slot, value=value, origin=origin, row=self._entity)

    def _of_many(self, slot: str, clause: Clause) -> bool:
        if clause.asks or slot in self.style.slots.keys:
            return False
        if clause.subject is Subject.NOTHING:
            return True
        return clause.subject is Subject.ALL and self.result.matches > 1

    def _in_common(self, slot: str, asked: str | None, clause: Clause) -> Filling:
        """Return what is true of all; of what is not there, what was asked for."""
        facts = self.facts
        if facts is None:
            return Filling(slot=slot, value=asked, origin=Origin.STATE)
        if clause.subject is Subject.NOTHING:
            value, origin = asked, Origin.STATE
        elif slot in facts.columns:
            value, origin = facts.shared.get(slot), Origin.SHARED
        else:
            value, origin = asked, Origin.STATE
        if value is None and slot == "type":
            kind = facts.style.kind(facts.domain)
            return Filling(slot=slot, value=kind.many, origin=Origin.KIND)
        return Filling(slot=slot, value=value, origin=origin if value else Origin.NOWHERE)

    def _denied(self, slot: str, clause: Clause | None) -> bool:
        """Say whether the database knows the entity, and that it has no such value."""
        facts = self.facts
        if facts is None or clause is None or clause.asks or slot in self.style.slots.keys:
            return False
        return slot in facts.columns and bool(self.result.results)

    def _reference(self) -> str:
        facts = self.facts
        if facts is None:
            return booking_reference(self.domain, self.state)
        return facts.reference or booking_reference(
            self.domain, self.state, facts.row, facts.booking_slots
        )

    def _count(self, clause: Clause | None, place: int) -> str | None:
        first = "choice" not in self._used
        self._used.setdefault("choice", [])
        if first and not (clause and clause.subject is Subject.SOME):
            return str(self.result.matches)
        # A further count ("2 in the north and 3 in the south") is of a part of what was found.
        facts = self.facts
        if facts is None or clause is None:
            return None
        behind = clause.slots[place - clause.first + 1 :]
        slot = next(
            (one for one in behind if one in facts.compared and one not in self.style.slots.keys),
            None,
        )
        counted = self._used.setdefault("choice", [])
        for row in self.result.results:
            value = row.get(slot or "", "")
            if slot and value and f"{slot} {value}" not in counted:
                counted.append(f"{slot} {value}")
                self._promised[slot] = value
                return str(facts.count({slot: value}))
        return None

    def priced(self, slot: str, value: str, before: str, after: str) -> str:
        """Return a value; a price for one that stands in a reply to several people as they pay."""
        roles = self.style.slots
        people = self.state.get(self.domain, {}).get(roles.people, "")
        several = people.isdigit() and int(people) > 1
        if not several or slot != roles.price:
            return value
        return self.style.wording.for_several(value, int(people), before, after)

    def _is_limit(self, slot: str, before: str, whole: str) -> bool:
        """Say whether a time is the user's own limit, not an entity's: "5 trains arrive by 9"."""
        roles = self.style.slots
        if slot not in roles.limits:
            return False
        names_one = f"[value_{roles.scheduled}]" in whole
        return self.style.wording.is_limit(before, names_one=names_one)

    def _from_result(self, slot: str) -> str | None:
        found = self.result.results
        if not found:
            return None
        if slot in self._said_of_entity and slot in (
            *self.style.slots.keys,
            *self.style.slots.listed,
        ):
            following = range(self._entity + 1, len(found))
            used = self._used.get(slot, [])
            new = (at for at in following if found[at].get(slot, "") not in ("", *used))
            if (at := next(new, None)) is not None:
                self._entity, self._said_of_entity = at, set()
        return found[self._entity].get(slot) or None

    def _from_state(self, slot: str) -> str | None:
        known = [self.state.get(self.domain, {})]
        elsewhere = [slots for name, slots in self.state.items() if name != self.domain]
        # Two domains can share a day or a place, but a hotel's type is not an attraction's.
        if sum(slot in slots for slots in elsewhere) == 1 and slot not in (
            *self.style.slots.keys,
            *self.style.slots.own,
        ):
            known += elsewhere
        values = (slots.get(slot, "") for slots in known)
        return next((one for one in values if one not in {"", DONTCARE, DELETED}), None)
