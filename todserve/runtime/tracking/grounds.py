"""Grounds: tells whether a value that the network wrote was really said, by the user or the system.

Belief tracking asks it of each value: one enters the state only if it is in the user's words, in
the last reply, in the state, in the entity under discussion, or a known way of saying it is in the
words. Example: for "somewhere posh", ``expensive`` is grounded and ``north`` is not.
"""

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from todserve.runtime.knowledge.domain_table import Comparison
from todserve.runtime.knowledge.knowledge_base import KnowledgeBase
from todserve.runtime.language.dialogue import DELETED, DONTCARE, BeliefState
from todserve.runtime.language.formats import ValueSpan
from todserve.runtime.language.prompts import Exchange
from todserve.runtime.language.schema import Schema, letters_and_digits
from todserve.runtime.language.word_forms import WordForms
from todserve.runtime.tracking.named_venues import NamedVenues
from todserve.runtime.tracking.orders.plain_orders import PlainOrders
from todserve.runtime.tracking.outlived_names import OutlivedNames
from todserve.runtime.tracking.unknown_wishes import UnknownWishes
from todserve.runtime.tracking.ways_of_saying import WaysOfSaying
from todserve.runtime.tracking.wish_parts import WishParts
from todserve.runtime.values.value_reader import ValueReader

_CLOSE_ENOUGH = 0.75
_CLOCK = re.compile(r"\d{2}:\d{2}")
_GOES_ON = re.compile(r"\d{2}:\d{2} ")
_SHORTEST = 4
_MORE_LETTERS = 2
_MOST_WORDS = 10
_A_LIST = 4  # values of one slot


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """What was said and known when a value was written.

    Attributes:
        utterance: the user's words, lower case.
        reply: the last reply, lower case.
        earlier: everything else that was said before, lower case: names and places of long ago
            are taken up again ("a taxi to the restaurant").
        state: the belief state before the utterance.
        moment: when it was said; None where that is not known.
    """

    utterance: str
    reply: str = ""
    earlier: Sequence[str] = ()
    state: BeliefState = field(default_factory=dict)
    moment: datetime | None = None

    @classmethod
    def of(
        cls,
        utterance: str,
        history: Sequence[Exchange],
        state: BeliefState,
        moment: datetime | None = None,
    ) -> "Spoken":
        """Collect what a turn and those before it said."""
        earlier = [text for one in history for text in (one.user, one.system)]
        return cls(
            utterance=utterance.lower(),
            reply=history[-1].system.lower() if history else "",
            earlier=tuple(text.lower() for text in earlier),
            state=state,
            moment=moment,
        )


class GroundSource(StrEnum):
    """What bears a value out."""

    UTTERANCE = "utterance"
    REPLY = "reply"
    """The last one."""
    EARLIER = "earlier"
    """What was said before that."""
    STATE = "state"
    """A value of the state before."""
    ENTITY = "entity"
    """What is known of the entity under discussion."""
    UNCHECKED = "unchecked"
    """Such values are not looked for."""


Says = Callable[[str], bool]
"""Whether a lower-case text bears a value out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ground:
    """What bears a value out: ``says`` holds of ``text``, where it is a text that does."""

    source: GroundSource
    text: str = ""
    says: Says | None = None


@dataclass(frozen=True, kw_only=True)
class Grounds:
    """Looks for values in what was said.

    Attributes:
        schema: knows which slots are closed.
        ways: how closed values are said otherwise.
        knowledge: knows the entities that the state speaks of.
        values: reads values of slots with a type; None where none has one.
    """

    schema: Schema
    ways: WaysOfSaying
    knowledge: KnowledgeBase
    values: ValueReader | None = None

    @property
    def _forms(self) -> WordForms:
        return self.schema.forms

    @cached_property
    def venues(self) -> NamedVenues:
        """The places that can be named; none where values are not held against what was said."""
        if not self.ways.checked:
            return NamedVenues((), ruled_out=self.ways.ruling_out, forms=self._forms)
        return NamedVenues.of(
            self.schema,
            self.knowledge,
            ruled_out=self.ways.ruling_out,
            led_to=self.ways.leading,
        )

    @cached_property
    def parts(self) -> WishParts:
        """Parts what is said of several services."""
        return WishParts(schema=self.schema, ways=self.ways, venues=self.venues)

    @cached_property
    def outlived(self) -> OutlivedNames:
        """Finds names that a newer wish leaves behind."""
        return OutlivedNames(knowledge=self.knowledge, ways=self.ways)

    @cached_property
    def orders(self) -> PlainOrders:
        """What the words alone ask of a state."""
        return PlainOrders(schema=self.schema, ways=self.ways, knowledge=self.knowledge)

    @cached_property
    def unknown(self) -> UnknownWishes:
        """Finds what is wished and no schema knows."""
        return UnknownWishes(schema=self.schema, ways=self.ways)

    def grounded(self, domain: str, slot: str, value: str, spoken: Spoken) -> bool:
        """Say whether something bears a value out."""
        return self.ground(domain, slot, value, spoken) is not None

    def ground(self, domain: str, slot: str, value: str, spoken: Spoken) -> Ground | None:
        """Return the first thing that bears a value out; None where nothing does."""
        if not self.ways.checked or value == DELETED or slot in self.ways.unchecked:
            return Ground(source=GroundSource.UNCHECKED)

        typed = (domain, slot) in self.schema.types
        if len(value.split()) > (2 * _MOST_WORDS if typed else _MOST_WORDS):
            return None  # no name is as long: the network went on to something else
        if slot in self.ways.relative.time_slots and _GOES_ON.match(value):
            return None  # nor is a time
        if self.ways.pointing.paired(slot) != (slot,) and self.ways.pointing.is_no_place(value):
            return None  # "to nowhere in particular"

        def indifferent(text: str) -> bool:
            return self.ways.indifference.search(text) is not None

        def said(text: str) -> bool:
            return _says(text, value, self._forms) and not self._of_another_unit(slot, value, text)

        def said_so(text: str) -> bool:
            return self.ways.says(domain, slot, value, text)

        def replied(text: str) -> bool:
            # A reply writes numbers in digits; its "book it for me" counts nobody.
            return not value.isdigit() and said_so(text)

        def misspelt(text: str) -> bool:
            # Of a number, a date or an address every letter counts; what it means decides instead.
            if typed:
                return self._means(domain, slot, value, text, spoken.moment)
            return _misspelt(text, value, self._forms)

        reply = "" if self._lists(domain, slot, spoken.reply) else spoken.reply
        if value == DONTCARE:
            return _found(GroundSource.UTTERANCE, (spoken.utterance,), indifferent)
        return (
            _found(GroundSource.UTTERANCE, (spoken.utterance,), said)
            or _found(GroundSource.REPLY, (reply,), said)
            or _found(GroundSource.UTTERANCE, (spoken.utterance,), said_so)
            or _found(GroundSource.REPLY, (reply,), replied)
            or self._in_state(value, spoken.state)
            or _found(GroundSource.UTTERANCE, (spoken.utterance,), misspelt)
            or self._was_said(domain, slot, value, spoken)
            or self._of_an_entity(value, spoken.state)
        )

    def _lists(self, domain: str, slot: str, reply: str) -> bool:
        """Say whether a reply lists so many values of a slot that it speaks for none of them."""
        values = self.schema.values(domain, slot)
        said = (value for value in values if not value.isdigit() and value in reply)
        return sum(1 for _ in said) >= _A_LIST

    def narrows(self, span: ValueSpan) -> bool:
        """Say whether a slot narrows a search by one of its closed values."""
        table = self.knowledge.tables.get(span.domain)
        compared = {} if table is None else table.comparisons
        closed = self.schema.values(span.domain, span.slot)
        return bool(closed) and compared.get(span.slot) is Comparison.EQUAL

    def said_anew(self, domain: str, slot: str, value: str, utterance: str) -> bool:
        """Say whether the user's newest words alone speak of a slot that a person has corrected.

        More is asked than of other values: the words must say the value; a reply or anything said
        before bears nothing out. Of a yes, a no and slots that are said in too many ways they
        must name the slot; of what is taken back that, or say so.
        """
        text = utterance.lower()
        if value == DELETED:
            return self.ways.names(slot, text) or self.ways.withdrawal.search(text) is not None
        if value == DONTCARE:
            return self.ways.indifference.search(text) is not None
        if value in self._forms.answers or slot in self.ways.unchecked:
            return self.ways.names(slot, text)
        return (
            _says(text, value, self._forms)
            or self.ways.says(domain, slot, value, text)
            or _misspelt(text, value, self._forms)
        )

    def _means(
        self, domain: str, slot: str, value: str, text: str, moment: datetime | None
    ) -> bool:
        """Say whether words of a text mean what a value of a typed slot means."""
        return (
            self.values is not None
            and moment is not None
            and self.values.bears_out(domain, slot, value, text, moment)
        )

    def _of_another_unit(self, slot: str, value: str, text: str) -> bool:
        """Say whether a number stands in a text only as another slot's, or as a time."""
        units = self.ways.pointing.counting
        if slot not in units or not value.isdigit():
            return False
        numbers = [word for word in self._forms.words_of(text) if word.key == value]
        meant = [
            next(
                (name for name, unit in units.items() if unit.match(text, word.end)),
                "" if self.ways.clocks.search(text[: word.start]) else slot,
            )
            for word in numbers
        ]
        return bool(meant) and slot not in meant

    def _was_said(self, domain: str, slot: str, value: str, spoken: Spoken) -> Ground | None:
        """Return where a name or a place was said long ago; a closed value must be said anew."""
        if self.schema.values(domain, slot) or value.isdigit() or _CLOCK.fullmatch(value):
            return None
        return _found(
            GroundSource.EARLIER,
            spoken.earlier,
            lambda text: (
                # "Neither chinese nor italian" of just before wishes for neither.
                not self.ways.pointing.excludes(value, text)
                and (
                    _says(text, value, self._forms)
                    or (
                        (domain, slot) not in self.schema.types
                        and _misspelt(text, value, self._forms)
                    )
                )
            ),
        )

    def _in_state(self, value: str, state: BeliefState) -> Ground | None:
        known = (one for slots in state.values() for one in slots.values())
        return Ground(source=GroundSource.STATE) if _is_of(value, known, self._forms) else None

    def _of_an_entity(self, value: str, state: BeliefState) -> Ground | None:
        found = any(_is_of(value, row.values(), self._forms) for row in self._rows(state))
        return Ground(source=GroundSource.ENTITY) if found else None

    def _rows(self, state: BeliefState) -> Iterator[Mapping[str, str]]:
        """Yield the entity of each domain of the state that is the only one of its kind."""
        for domain, slots in state.items():
            if domain in self.knowledge.domains:
                found = self.knowledge.query(domain, slots, limit=1)
                yield from found.results if found.matches == 1 else ()


def _found(source: GroundSource, texts: Iterable[str], says: Says) -> Ground | None:
    found = next((text for text in texts if says(text)), None)
    return None if found is None else Ground(source=source, text=found, says=says)


def _says(text: str, value: str, forms: WordForms) -> bool:
    if _CLOCK.fullmatch(value):
        return value in forms.times_in(text)
    key = forms.comparison_key(value)
    if not key:
        return True
    if value.isdigit():
        return any(word.key == value for word in forms.words_of(text)) or value in re.findall(
            r"\d+", text
        )
    # Particles and inflections stand behind a word, and in some languages no space before them.
    return key in forms.text_key(text) or letters_and_digits(value) in letters_and_digits(text)


def _is_of(value: str, known: Iterable[str], forms: WordForms) -> bool:
    key = forms.comparison_key(value)
    keys = (forms.comparison_key(one) for one in known)
    return any(key == one or (len(key) >= _SHORTEST and key in one) for one in keys)


def _misspelt(text: str, value: str, forms: WordForms) -> bool:
    """Say whether a text holds something close to the value, as many words long, or in part."""
    if value.isdigit() or _CLOCK.fullmatch(value):
        return False
    wanted = [word.key for word in forms.words_of(value)]
    said = [word.key for word in forms.words_of(text)]
    # One word of a long name is how people say it: "the fitzwilliam", "the acorn".
    telling = [word for word in wanted if len(word) >= _SHORTEST and word not in forms.too_common]
    if any(_close(word, said) for word in telling):
        return True
    joined = "".join(wanted)
    pairs = ("".join(said[at : at + 2]) for at in range(len(said)))
    # "A guesthouse" is most of "acorn guest house", and no misspelling of it.
    near = (pair for pair in pairs if abs(len(pair) - len(joined)) <= _MORE_LETTERS)
    return len(joined) >= _SHORTEST and any(_ratio(joined, pair) for pair in near)


def _close(word: str, said: Iterable[str]) -> bool:
    return any(_ratio(word, one) for one in said)


def _ratio(one: str, other: str) -> bool:
    if abs(len(one) - len(other)) > max(2, len(one) // 3):
        return False
    matcher = difflib.SequenceMatcher(None, one, other)
    return matcher.quick_ratio() >= _CLOSE_ENOUGH and matcher.ratio() >= _CLOSE_ENOUGH
