"""Lexicalisation: placeholders become values of the database and the state.

Stands between the response generation and the client. Example: ``"[value_name] is at
[value_address]."`` becomes ``"The Cambridge Belfry is at Back Lane, Cambourne."``.

Nothing is said that is not in the database result or the state, with one exception: nothing is
booked here, so ``[value_reference]`` is a code made from domain and state, the same for the same
booking. A taxi's car and phone come with the result: the database arranges one.
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from todserve.runtime.dialogue import DELETED, DONTCARE, BeliefState
from todserve.runtime.knowledge import DatabaseResult
from todserve.runtime.reply import korean
from todserve.runtime.reply.wording import article, finished, fits, spoken

_PLACEHOLDER = re.compile(r"\[value_([a-z0-9_]+)\]")
_KEYS = ("name", "id", "car", "song_title")
"""Slots that tell entities apart: another one of these begins the next entity."""

_LISTED = frozenset(
    {"leave", "arrive", "name", "id", "area", "food", "type", "pricerange", "fee"}
    | {"song_title", "singer"}
)
"""Slots whose repetition lists further results instead of repeating itself."""

_OWN = frozenset({"name", "type", "area", "pricerange", "stars", "leave", "arrive"})
"""Slots never filled from another domain's state."""

_ASKED_BEFORE = re.compile(r"\b(?:after|before|closest to|around)\s$")
_ASKED_BY = re.compile(r"\b(?:arriv\w+|there|leav\w+) by\s$")
_PER_TICKET = re.compile(r"^\W{0,2}(?:per|each|a ticket|for each|for 1)")
_MONEY = re.compile(r"\d+(?:\.\d+)? pounds?")
_WITHOUT_VALUE = re.compile(r"(?:\bis|\bare|:)\s*$")
_DETERMINER = re.compile(r"^(?:the|this|that|your|an?) ")
_WORDS: Mapping[str, str] = {
    "choice": "some",
    "name": "this place",
    "id": "this train",
    "car": "car",
    "leave": "that time",
    "arrive": "that time",
    "time": "that time",
    "day": "that day",
    "people": "your party",
    "stay": "a few",
    "area": "that area",
    "pricerange": "any price",
    "departure": "your departure",
    "destination": "your destination",
    "type": "place",
    "fee": "an unknown fee",
    "stars": "any number of",
    "food": "that",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Lexicalisation:
    """A reply for people.

    Attributes:
        text: the reply.
        filled: (slot, value as the database or state has it) in order of appearance.
        unfilled: slots of placeholders without a value; a plain word stands there instead.
    """

    text: str
    filled: tuple[tuple[str, str], ...] = ()
    unfilled: tuple[str, ...] = ()


def lexicalise(
    delexicalised: str, *, domain: str, state: BeliefState, result: DatabaseResult
) -> Lexicalisation:
    """Fill the placeholders of a reply.

    Args:
        delexicalised: with ``[value_slot]`` placeholders; text without any is only polished.
        domain: the active domain.
        state: the belief state; the active domain's values come first.
        result: what the look-up found. Its first entity fills the reply; each further
            ``[value_name]`` or ``[value_id]`` takes the next entity.
    """
    values = _Values(domain=domain, state=state, result=result)
    in_korean = korean.is_korean(delexicalised)
    pieces = _PLACEHOLDER.split(korean.joined(delexicalised) if in_korean else delexicalised)
    text, unfilled = pieces[0], []
    filled: list[tuple[str, str]] = []
    for slot, after in zip(pieces[1::2], pieces[2::2], strict=True):
        value = values.take(slot, text, delexicalised)
        if value is None:
            unfilled.append(slot)
            written = korean.missing(slot) if in_korean else _stand_in(slot, text)
        else:
            filled.append((slot, value))
            written = fits(slot, spoken(slot, value), text, after) + values.per_ticket(
                slot, value, after
            )
        text = article(text, written) + written + korean.agreeing(written, after)
    return Lexicalisation(text=finished(text), filled=tuple(filled), unfilled=tuple(unfilled))


def booking_reference(domain: str, state: BeliefState) -> str:
    """Return eight letters and digits that stand for a booking of ``domain`` in ``state``."""
    booking = json.dumps([domain, dict(state.get(domain, {}))], sort_keys=True)
    digest = hashlib.sha256(booking.encode()).digest()
    # The last character is a digit, so that no reference can be mistaken for a word.
    return base64.b32encode(digest)[:7].decode().lower() + str(digest[-1] % 10)


@dataclass(kw_only=True)
class _Values:
    """Hands out one value after the other, remembering which entity is spoken of."""

    domain: str
    state: BeliefState
    result: DatabaseResult
    _entity: int = 0
    _used: dict[str, list[str]] = field(default_factory=dict)
    _said_of_entity: set[str] = field(default_factory=set)

    def take(self, slot: str, before: str, whole: str) -> str | None:
        """Return the next value of ``slot``, or None.

        Args:
            slot: the placeholder's slot.
            before: the reply up to it.
            whole: the reply with all placeholders.
        """
        if slot == "reference":
            return booking_reference(self.domain, self.state)
        if slot == "choice":
            # A second count ("2 in the north and 3 in the south") is in no result.
            first = "choice" not in self._used
            self._used["choice"] = []
            return str(self.result.matches) if first else None
        asked = self._from_state(slot)
        if asked is not None and _is_asked(slot, before, whole):
            # The user's own limit says nothing of an entity: the next time is the first one's.
            return asked
        value = self._from_result(slot)
        if value is None:
            value = asked
        if value is not None:
            self._used.setdefault(slot, []).append(value)
            self._said_of_entity.add(slot)
        return value

    def per_ticket(self, slot: str, value: str, after: str) -> str:
        """Return " each" where a price for one stands in a reply to several people."""
        people = self.state.get(self.domain, {}).get("people", "")
        several = people.isdigit() and int(people) > 1
        if slot != "price" or not several or not _MONEY.fullmatch(value):
            return ""
        return "" if _PER_TICKET.match(after) else " each"

    def _from_result(self, slot: str) -> str | None:
        found = self.result.results
        if not found:
            return None
        if slot in self._said_of_entity and slot in (*_KEYS, *_LISTED):
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
        if sum(slot in slots for slots in elsewhere) == 1 and slot not in (*_KEYS, *_OWN):
            known += elsewhere
        values = (slots.get(slot, "") for slots in known)
        return next((one for one in values if one not in {"", DONTCARE, DELETED}), None)


def _is_asked(slot: str, before: str, whole: str) -> bool:
    """Say whether a time is the user's own limit, not an entity's: "5 trains arrive by 09:00"."""
    if slot not in {"leave", "arrive"}:
        return False
    if _ASKED_BEFORE.search(before):
        return True
    return "[value_id]" not in whole and _ASKED_BY.search(before) is not None


def _stand_in(slot: str, before: str) -> str:
    if slot != "choice" and _WITHOUT_VALUE.search(before):
        return "not listed"
    word = _WORDS.get(slot, f"the {slot}")
    determined = re.search(r"\b(?:the|their|your|its|an?)\s$", before) is not None
    return _DETERMINER.sub("", word) if determined else word
