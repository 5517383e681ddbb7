"""Delexicalisation: a plain reply to one with placeholders.

Stands where plain system turns enter: a corpus being read, a client's history without our own
delexicalised replies. Example: ``"tr0755 leaves at 07:35 on monday"`` becomes
``"[value_id] leaves at [value_leave] on [value_day]"``.

Three sources say what is a value, the longest match winning: phrases (the database's values, the
schema's, the state's), patterns (phones, times, prices), and the words around.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from todserve.runtime.knowledge.knowledge_base import KnowledgeBase
from todserve.runtime.knowledge.multiwoz_spellings import all_spellings
from todserve.runtime.knowledge.value_patterns import (
    CLOCK,
    DURATION,
    MONEY,
    PARTY,
    PATTERN_SLOTS,
    PLACE,
    is_admission,
    is_area,
    is_asked_kind,
    is_count,
    is_money,
    is_one_address,
    leave_or_arrive,
    pattern_spans,
    place_slot,
)
from todserve.runtime.language.dialogue import DELETED, DONTCARE, BeliefState
from todserve.runtime.language.phrases import PhraseIndex, Span, without_possessive, words_of
from todserve.runtime.language.schema import Schema

_FLAGS = frozenset({"yes", "no", "true", "false", DONTCARE, DELETED, ""})
_DOUBTED = {
    "area": is_area,
    "choice": is_count,
    "fee": is_admission,
    "type": is_asked_kind,
}
"""Slots whose words often mean something else, and what tells."""

_LONGEST_PHRASE = 12  # words; opening hours are sentences nobody repeats word for word


@dataclass(frozen=True, kw_only=True, slots=True)
class Delexicalisation:
    """A reply with placeholders, and what stood there.

    Attributes:
        text: ``"[value_name] is in the [value_area]"``.
        placeholders: (slot, surface text) in order of appearance.
    """

    text: str
    placeholders: tuple[tuple[str, str], ...] = ()


class Delexicaliser:
    """Replaces values by placeholders; one matcher per domain, built when first needed."""

    def __init__(self, knowledge: KnowledgeBase, schema: Schema) -> None:
        """Take what is known; reading it is put off until a domain is asked for."""
        self._knowledge = knowledge
        self._schema = schema
        self._indexes: dict[str | None, PhraseIndex] = {}
        self._known_slots: dict[str | None, frozenset[str]] = {}

    def delexicalise(
        self, text: str, *, domain: str | None, state: BeliefState
    ) -> Delexicalisation:
        """Replace what ``text`` says of the database and the state.

        Args:
            text: a lower-case reply (see ``text.normalise``).
            domain: what it is about; None looks for values of every domain.
            state: the belief state it answers.

        Returns:
            The delexicalised reply; text without values comes back as it was.
        """
        slots = self._slots(domain)
        words = words_of(text)
        found = [*self._index(domain).find(words)]
        own = _state_index(state, domain)
        if own is not None:
            found += own.find(words)
        found += pattern_spans(text)
        chosen: list[Span] = []
        for span in sorted(found, key=lambda one: (one.start, one.start - one.end)):
            if chosen and span.start < chosen[-1].end:
                continue
            slot = self._resolve(text, span, domain, slots, state)
            if slot is None:
                continue
            span = without_possessive(text, Span(span.start, span.end, slot))
            if chosen and _belongs_to(text, chosen[-1], span):
                chosen[-1] = Span(chosen[-1].start, span.end, chosen[-1].slot)
            else:
                chosen.append(span)
        return _replaced(text, chosen)

    def _slots(self, domain: str | None) -> frozenset[str]:
        if domain not in self._known_slots:
            domains = self._all_domains() if domain is None else (domain,)
            self._known_slots[domain] = frozenset(
                slot
                for one in domains
                for slot in (*self._schema.slots(one), *self._knowledge.columns(one))
            )
        return self._known_slots[domain]

    def _all_domains(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*self._schema.domains, *self._knowledge.domains]))

    def _index(self, domain: str | None) -> PhraseIndex:
        if domain not in self._indexes:
            index = PhraseIndex()
            everything = self._all_domains()
            first = everything if domain is None else (domain,)
            for one in first:
                self._add_domain(index, one)
            # A taxi goes to a restaurant; a train goes where its database says.
            anywhere = domain is not None and self._goes_anywhere(domain)
            for one in everything:  # a reply about a hotel names the college next to it
                names = self._knowledge.values(one, "name")
                index.add(PLACE if anywhere else "name", sorted(all_spellings("name", names)))
                if one not in first:
                    addresses = self._knowledge.values(one, "address")
                    index.add("address", sorted(all_spellings("address", addresses)))
            self._indexes[domain] = index
        return self._indexes[domain]

    def _goes_anywhere(self, domain: str) -> bool:
        going = self._schema.has(domain, "destination")
        return going and "destination" not in self._knowledge.columns(domain)

    def _add_domain(self, index: PhraseIndex, domain: str) -> None:
        for slot in dict.fromkeys([*self._knowledge.columns(domain), *self._schema.slots(domain)]):
            if slot in PATTERN_SLOTS:
                continue
            values = {
                value
                for value in (
                    *self._knowledge.values(domain, slot),
                    *self._schema.values(domain, slot),
                )
                if value not in _FLAGS
                and not value.isdigit()
                and not (slot == "fee" and value[0].isdigit())
            }
            if slot == "pricerange":
                values.discard("free")  # of an attraction: its fee
            slot = PLACE if slot in {"departure", "destination"} else slot
            values = all_spellings(slot, values)
            index.add(slot, sorted(one for one in values if len(one.split()) <= _LONGEST_PHRASE))

    def _resolve(
        self,
        text: str,
        span: Span,
        domain: str | None,
        slots: frozenset[str],
        state: BeliefState,
    ) -> str | None:
        slot = span.slot
        known = state.get(domain or "", {})
        if slot == PLACE:
            place = place_slot(text, span, known)
            return "name" if place is None and self._goes_anywhere(domain or "") else place
        if slot == CLOCK and is_money(text, span):
            slot = MONEY
        if slot == CLOCK:
            return self._clock_slot(text, span, domain, slots)
        if slot == MONEY:
            return "fee" if "fee" in slots and "price" not in slots else _like("price", slots)
        if slot == DURATION:
            # "the table is reserved for 15 minutes" is no value of a restaurant.
            return "time" if "time" in self._knowledge.columns(domain or "") else None
        if slot == PARTY:
            return "people" if known.get("people") == text[span.start : span.end] else None
        if slot in {"phone", "postcode", "address"}:
            return _like(slot, slots)
        doubted = _DOUBTED.get(slot)
        return slot if doubted is None or doubted(text, span) else None

    def _clock_slot(self, text: str, span: Span, domain: str | None, slots: frozenset[str]) -> str:
        if "time" in self._schema.slots(domain or ""):
            return "time"
        own = _like("time", slots)
        if domain is not None and own != "time" and not slots & {"leave", "arrive"}:
            return own
        return leave_or_arrive(text, span) or ("leave" if "leave" in slots else "time")


def _like(slot: str, slots: frozenset[str]) -> str:
    """Return the domain's own name of a slot: Schema-Guided's ``phone_number`` for ``phone``."""
    if slot in slots:
        return slot
    own = (one for one in sorted(slots) if slot in one.split("_") and not one.endswith("range"))
    return next(own, slot)


def _belongs_to(text: str, last: Span, span: Span) -> bool:
    """Say whether two values are one: "jesus lane, fen ditton", "the belfry hotel"."""
    if last.slot == span.slot == "address":
        return is_one_address(text, last.end, span.start)
    kind_of_name = last.slot == "name" and span.slot == "type"
    return kind_of_name and text[last.end : span.start] == " "


def _state_index(state: BeliefState, domain: str | None) -> PhraseIndex | None:
    named = [
        (slot, value)
        for one, values in state.items()
        if domain is None or one == domain
        for slot, value in values.items()
        if slot not in PATTERN_SLOTS and value not in _FLAGS and not value.isdigit()
    ]
    if not named:
        return None
    index = PhraseIndex()
    for slot, value in named:
        index.add(PLACE if slot in {"departure", "destination"} else slot, [value])
    return index


def _replaced(text: str, spans: Iterable[Span]) -> Delexicalisation:
    parts, placeholders, at = [], [], 0
    for span in spans:
        parts += [text[at : span.start], f"[value_{span.slot}]"]
        placeholders.append((span.slot, text[span.start : span.end]))
        at = span.end
    return Delexicalisation(text="".join([*parts, text[at:]]), placeholders=tuple(placeholders))
