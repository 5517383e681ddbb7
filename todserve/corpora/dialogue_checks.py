"""Dialogue checks: what is wrong with a dialogue by its schema, whatever layout it came from.

Called by ``tod data validate`` for every dialogue it has read. Example: slot ``colour`` of domain
``train`` in the state of turn 3, when the schema's train has no colour.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from todserve.corpora.unservable_text import unservable
from todserve.runtime.language.dialogue import DONTCARE, GENERAL, Dialogue, Turn
from todserve.runtime.language.formats import BOOKING
from todserve.runtime.language.schema import Schema
from todserve.runtime.wire.limits import DEFAULT_LIMITS


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What is wrong with a dialogue, before the line it stands on is known.

    Attributes:
        turn: counted from 0; None when it is the whole dialogue's.
        what, got, expected, fix: as in `faults.Fault`.
    """

    turn: int | None
    what: str
    got: str
    expected: str
    fix: str


class DialogueChecks:
    """Checks dialogues of one schema, and that their ids differ."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._ids: set[tuple[str, str]] = set()
        self._closed = {
            (service.name, slot.name): frozenset(slot.values)
            for service in schema.services
            for slot in service.slots
            if slot.categorical and slot.values
        }

    def findings(self, dialogue: Dialogue) -> Iterator[Finding]:
        """Yield everything wrong with a dialogue; call once for each, in any order."""
        key = (dialogue.split, dialogue.dialogue_id)
        if key in self._ids:
            yield Finding(
                turn=None,
                what="dialogue_id",
                got=f"{dialogue.dialogue_id!r} a second time",
                expected="an id of its own",
                fix="rename it, or take one out",
            )
        self._ids.add(key)
        if not dialogue.turns:
            yield Finding(
                turn=None,
                what="turns",
                got="none",
                expected="at least one",
                fix="take the dialogue out",
            )
        for number, turn in enumerate(dialogue.turns):
            yield from self._turn(number, turn)

    def _turn(self, number: int, turn: Turn) -> Iterator[Finding]:
        if not turn.user.strip():
            yield _finding(number, "utterance", "an empty one", "words", "write what was said")
        if turn.system is not None and not turn.system.strip():
            yield _finding(number, "reply", "an empty one", "words, or no reply", "leave it out")
        for what, text in (("utterance", turn.user), ("reply", turn.system or "")):
            yield from (_finding(number, what, *one) for one in unservable(text))
        yield from self._state(number, turn)
        yield from self._acts(number, turn)
        if turn.intent is not None and turn.intent not in self._schema.intents:
            yield _finding(
                number,
                "intent",
                repr(turn.intent),
                "an intent of the schema",
                "add it to a service's intents, or correct it",
            )
        domains = [turn.active_domain] if turn.active_domain is not None else []
        domains += [act.domain for act in turn.dialogue_acts or ()]
        for domain in dict.fromkeys(domains):
            if domain not in (*self._schema.domains, GENERAL, BOOKING):
                yield _finding(
                    number, "domain", repr(domain), _some(self._schema.domains), "correct it"
                )
        yield from _placeholders(number, turn)

    def _state(self, number: int, turn: Turn) -> Iterator[Finding]:
        if sum(map(len, (turn.belief_state or {}).values())) > DEFAULT_LIMITS.max_slots:
            yield _finding(
                number,
                "belief_state",
                "more slots than a server takes back",
                f"at most {DEFAULT_LIMITS.max_slots}",
                "leave some out",
            )
        for domain, slots in (turn.belief_state or {}).items():
            if domain not in self._schema.domains:
                yield _finding(
                    number,
                    "belief_state",
                    f"domain {domain!r}",
                    _some(self._schema.domains),
                    "add the service to the schema, or correct its name",
                )
                continue
            for slot, value in slots.items():
                yield from self._value(number, domain, slot, value)

    def _acts(self, number: int, turn: Turn) -> Iterator[Finding]:
        # An act may tell what no user can ask for; what is nearly a slot is meant to be one.
        for act in turn.dialogue_acts or ():
            if act.domain not in self._schema.domains or not act.slot:
                continue
            known = self._schema.slots(act.domain)
            close = [] if act.slot in known else get_close_matches(act.slot, known, n=1, cutoff=0.8)
            if close:
                yield _finding(
                    number,
                    f"dialogue_acts {act.domain}",
                    f"slot {act.slot!r}, did you mean {close[0]!r}?",
                    _some(known),
                    "correct it, or add the slot to the schema",
                )

    def _value(self, number: int, domain: str, slot: str, value: str) -> Iterator[Finding]:
        what = f"belief_state {domain}"
        most = DEFAULT_LIMITS.max_value_characters
        yield from (
            _finding(number, f"{what} {slot!r}", *one) for one in unservable(value, most=most)
        )
        closed = self._closed.get((domain, slot))
        if not self._schema.has(domain, slot):
            yield _finding(
                number,
                what,
                f"slot {slot!r}",
                _some(self._schema.slots(domain)),
                "add the slot to the schema, or correct its name",
            )
        elif not value.strip():
            yield _finding(
                number, what, f"no value for {slot!r}", "a value", "leave the slot out of the state"
            )
        elif closed is not None and value not in closed and value != DONTCARE:
            yield _finding(
                number,
                what,
                f"{slot} = {value!r}",
                _some(closed),
                "correct the value, or add it to the slot's values",
            )


def _placeholders(number: int, turn: Turn) -> Iterator[Finding]:
    text = " ".join((turn.system or "").lower().split())
    for slot, surface in turn.placeholders:
        if " ".join(surface.lower().split()) not in text:
            yield _finding(
                number,
                f"placeholder {slot!r}",
                "a text that the reply does not hold",
                "words of the reply",
                "correct the placeholder",
            )


def _some(names: Iterable[str]) -> str:
    """Name what is expected; of many the first few."""
    known = sorted(names)
    shown = ", ".join(known[:_NAMED])
    return f"one of {shown}" + (f" and {len(known) - _NAMED} more" if len(known) > _NAMED else "")


_NAMED = 8


def _finding(turn: int, what: str, got: str, expected: str, fix: str) -> Finding:
    return Finding(turn=turn, what=what, got=got, expected=expected, fix=fix)
