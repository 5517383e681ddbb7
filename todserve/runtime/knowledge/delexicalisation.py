"""Delexicalisation: replaces the values in a reply by placeholders such as ``[value_name]``.

Used wherever a plain system turn is to look like what the network was trained on: for corpora as
they are read, and for the history of a client that keeps plain replies alone. Example:
``"tr0755 leaves at 07:35 on monday"`` becomes
``"[value_id] leaves at [value_leave] on [value_day]"``.

Three sources say what is a value, the longest match winning: phrases (the database's values, the
schema's, the state's), patterns (phones, times, prices), and the words around.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from todserve.runtime.knowledge.knowledge_base import KnowledgeBase
from todserve.runtime.knowledge.value_patterns import (
    ADMISSION,
    CLOCK,
    DURATION,
    MONEY,
    PARTY,
    PLACE,
    ValuePatterns,
)
from todserve.runtime.language.dialogue import DELETED, DONTCARE, BeliefState
from todserve.runtime.language.phrases import PhraseIndex, Span
from todserve.runtime.language.schema import Schema

_NO_VALUE = frozenset({DONTCARE, DELETED, ""})
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

    def __init__(
        self, knowledge: KnowledgeBase, schema: Schema, patterns: ValuePatterns | None = None
    ) -> None:
        """Take what is known; reading it is put off until a domain is asked for.

        Args:
            knowledge: the database, whose values are looked for.
            schema: its values as well.
            patterns: how replies write values; English's without.
        """
        self._knowledge = knowledge
        self._schema = schema
        self._forms = knowledge.forms
        self._patterns = patterns or ValuePatterns.of_language()
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
        words = self._forms.words_of(text)
        found = [*self._index(domain).find(words)]
        own = self._state_index(state, domain)
        if own is not None:
            found += own.find(words)
        found += self._patterns.spans(text)
        chosen: list[Span] = []
        for span in sorted(found, key=lambda one: (one.start, one.start - one.end)):
            if chosen and span.start < chosen[-1].end:
                continue
            slot = self._resolve(text, span, domain, slots, state)
            if slot is None:
                continue
            # Without the 's of "the acorn guest house's phone".
            ending = self._forms.possessive_length(text[span.start : span.end])
            span = Span(span.start, span.end - ending, slot)
            if chosen and self._belongs_to(text, chosen[-1], span):
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
            index = PhraseIndex(self._forms)
            everything = self._all_domains()
            first = everything if domain is None else (domain,)
            for one in first:
                self._add_domain(index, one)
            # A taxi goes to a restaurant; a train goes where its database says.
            anywhere = domain is not None and self._goes_anywhere(domain)
            for one in everything:  # a reply about a hotel names the college next to it
                names = self._knowledge.values(one, "name")
                index.add(
                    PLACE if anywhere else "name",
                    sorted(self._patterns.all_spellings("name", names)),
                )
                if one not in first:
                    addresses = self._knowledge.values(one, "address")
                    index.add("address", sorted(self._patterns.all_spellings("address", addresses)))
            self._indexes[domain] = index
        return self._indexes[domain]

    def _goes_anywhere(self, domain: str) -> bool:
        target = next(reversed(tuple(self._patterns.places)), None)
        if target is None or not self._schema.has(domain, target):
            return False
        return target not in self._knowledge.columns(domain)

    def _add_domain(self, index: PhraseIndex, domain: str) -> None:
        for slot in dict.fromkeys([*self._knowledge.columns(domain), *self._schema.slots(domain)]):
            if slot in self._patterns.no_phrases:
                continue
            known = (*self._knowledge.values(domain, slot), *self._schema.values(domain, slot))
            values = self._patterns.phrases(slot, known) - _NO_VALUE
            slot = PLACE if slot in self._patterns.places else slot
            values = self._patterns.all_spellings(slot, values)
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
        patterns = self._patterns
        named = patterns.slots
        if slot == PLACE:
            place = patterns.place_slot(text, span, known, self._forms)
            return "name" if place is None and self._goes_anywhere(domain or "") else place
        if slot == CLOCK and patterns.is_money(text, span):
            slot = MONEY
        if slot == CLOCK:
            return self._clock_slot(text, span, domain, slots)
        if slot == MONEY:
            fee, price = named.get(ADMISSION, ADMISSION), named.get(MONEY, MONEY)
            return fee if fee in slots and price not in slots else _like(price, slots)
        if slot == DURATION:
            # "the table is reserved for 15 minutes" is no value of a restaurant.
            lasting = named.get(DURATION, DURATION)
            return lasting if lasting in self._knowledge.columns(domain or "") else None
        if slot == PARTY:
            people = named.get(PARTY, PARTY)
            return people if known.get(people) == text[span.start : span.end] else None
        if slot in {"phone", "postcode", "address"}:
            return _like(slot, slots)
        if slot == "choice":
            return slot if patterns.is_count(text, span) else None
        return None if patterns.is_doubtful(text, span) else slot

    def _clock_slot(self, text: str, span: Span, domain: str | None, slots: frozenset[str]) -> str:
        time, travel = self._patterns.slots.get(CLOCK, CLOCK), self._patterns.travel_times
        if time in self._schema.slots(domain or ""):
            return time
        own = _like(time, slots)
        if domain is not None and own != time and not slots & {*travel}:
            return own
        told = self._patterns.time_slot(text, span)
        return told or (travel[0] if travel and travel[0] in slots else time)

    def _belongs_to(self, text: str, last: Span, span: Span) -> bool:
        """Say whether two values are one: "jesus lane, fen ditton", "the belfry hotel"."""
        if last.slot == span.slot == "address":
            return self._patterns.is_one_address(text, last.end, span.start)
        kind_of_name = last.slot == "name" and span.slot == "type"
        return kind_of_name and text[last.end : span.start] == " "

    def _state_index(self, state: BeliefState, domain: str | None) -> PhraseIndex | None:
        patterns = self._patterns
        named = [
            (slot, value)
            for one, values in state.items()
            if domain is None or one == domain
            for slot, value in values.items()
            if slot not in patterns.no_phrases
            and value not in patterns.flags | _NO_VALUE
            and not value.isdigit()
        ]
        if not named:
            return None
        index = PhraseIndex(self._forms)
        for slot, value in named:
            index.add(PLACE if slot in patterns.places else slot, [value])
        return index


def _like(slot: str, slots: frozenset[str]) -> str:
    """Return the domain's own name of a slot: Schema-Guided's ``phone_number`` for ``phone``."""
    if slot in slots:
        return slot
    own = (one for one in sorted(slots) if slot in one.split("_") and not one.endswith("range"))
    return next(own, slot)


def _replaced(text: str, spans: Iterable[Span]) -> Delexicalisation:
    parts, placeholders, at = [], [], 0
    for span in spans:
        parts += [text[at : span.start], f"[value_{span.slot}]"]
        placeholders.append((span.slot, text[span.start : span.end]))
        at = span.end
    return Delexicalisation(text="".join([*parts, text[at:]]), placeholders=tuple(placeholders))
