"""BackReferences: replaces words that point at what was said before by what they point at.

`UtteranceReader` calls it last, once the state is known. The words are data: ``pointing`` of
``ways_of_saying.json``. Example: after "I have Charlie Chan, Golden House and Rice House" the words
"the last one, that night" are read as "rice house, on friday".

Only what is certain is replaced: the list is the latest that a reply made, the value is the one
that the service at hand has or the only one there is, the venue the one that the state names.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from todserve.runtime.knowledge.knowledge_base import KnowledgeBase
from todserve.runtime.language.dialogue import DELETED, DONTCARE, BeliefState
from todserve.runtime.language.phrases import PhraseIndex
from todserve.runtime.language.schema import Schema
from todserve.runtime.language.word_forms import WordForms
from todserve.runtime.spelling.denied_ends import DeniedEnds
from todserve.runtime.spelling.last_days import LastDays
from todserve.runtime.spelling.paraphrases import Piece, WholeNames, replaced
from todserve.runtime.spelling.relative_values import RelativeValues, ValueOf
from todserve.runtime.spelling.speller import Spelled
from todserve.runtime.tracking.pointing_words import PointingWords, alternatives, any_of
from todserve.runtime.tracking.ways_of_saying import WaysOfSaying

_LONGEST = 60  # words; what is read must still fit into the context
_RECENT = 3  # replies in which a list is still at hand
_NAME, _TYPE = "name", "type"
_NO_VALUE = frozenset({"", DONTCARE, DELETED})
_SHORT_NAME = 6  # letters; a shorter one is a name only with a capital
_WORDS = re.compile(r"[^\W_]+")
_MOST = -1
"""Place of the last of a list, as the data write it."""


@dataclass(frozen=True, kw_only=True)
class Before:
    """What was said before an utterance.

    Attributes:
        state: the belief state.
        domain: the active domain.
        said: the system's replies, oldest first, as they were written.
        asked: what the user said before each of them.
    """

    state: BeliefState
    domain: str | None = None
    said: Sequence[str] = ()
    asked: Sequence[str] = ()


class BackReferences:
    """Resolves words that point back.

    Args:
        ways: the words that point, and how values are said.
        schema: services and their slots.
        knowledge: the venues.
        names: what no phrase may tear apart.
    """

    def __init__(
        self, ways: WaysOfSaying, schema: Schema, knowledge: KnowledgeBase, names: WholeNames
    ) -> None:
        self._ways = ways
        self._words: PointingWords = ways.pointing
        self._schema = schema
        self._knowledge = knowledge
        self._forms = knowledge.forms
        self._whole = names
        self._indexes = {
            domain: _index(knowledge.values(domain, _NAME), knowledge.forms)
            for domain in knowledge.domains
            if _NAME in knowledge.columns(domain)
        }
        one_of = _OneOf(self._words, knowledge.forms.numbers)
        self._ordinals = {
            int(place): one_of.pattern(known, int(place))
            for place, known in self._words.ordinals.items()
        }
        self._lesser = {slot: one_of.pattern(known) for slot, known in self._words.lesser.items()}
        self._greater = {slot: one_of.pattern(known) for slot, known in self._words.greater.items()}
        self._valued = one_of.valued
        self._this = any_of(self._words.this)
        self._other = any_of(self._words.other)
        self._denied = re.compile(rf"(?<!\w){alternatives(self._words.denied)}\s*$", re.IGNORECASE)
        self._of_venues = (
            *self._ordinals.values(),
            *self._lesser.values(),
            *self._greater.values(),
            self._valued,
            self._this,
            self._other,
        )
        self._relative = RelativeValues(ways, knowledge.forms)
        self._denied_ends = DeniedEnds(ways.pointing, knowledge.forms)
        self._last_days = LastDays(ways, schema)
        self._same = {slot: any_of(known) for slot, known in self._words.same.items()}
        # One of these, said beside it, is the value that is meant.
        self._closed = {slot: _words(schema, slot) for slot in self._same}
        self._there = any_of(self._words.there)
        self._between = any_of(self._words.between)
        self._in_time = any_of(self._words.in_time)
        determiner, booked = alternatives(self._words.determiners), alternatives(self._words.booked)
        self._nouns = {
            domain: any_of([rf"{determiner}\s+{alternatives(known)}(?!\s+{booked})"])
            for domain, known in self._all_nouns().items()
        }
        self._services = self._words.services(schema.domains)
        self._riders = tuple(
            domain for domain in schema.domains if _is_free(schema, domain, "departure")
        )
        self._ride = any_of(
            word for domain in self._riders for word in (domain, *self._words.nouns.get(domain, ()))
        )

    def read(self, utterance: str, before: Before) -> Spelled:
        """Return the utterance with what it points at named."""
        if len(utterance.split()) > _LONGEST or not (before.state or before.said):
            return Spelled(text=utterance)
        found = [
            *self._venues(utterance, before),
            *self._values(utterance, before),
            *self._rides(utterance, before),
            *self._denied_ends.found(utterance, before.state.get(before.domain or "", {})),
            *self._relative.found(utterance, self._values_at_hand(utterance, before)),
            *self._last_days.found(utterance, before.state, before.domain),
        ]
        return replaced(utterance, found)

    def listed(self, before: Before) -> tuple[str, tuple[str, ...]]:
        """Return the service and the venues of the latest list that was made.

        A reply that names one alone is no list, and does not make an earlier one forgotten; nor
        does one to a user who named several: "curry king or curry prince?"
        """
        newest: tuple[str, tuple[str, ...]] = ("", ())
        asked = before.asked or [""] * len(before.said)
        turns = list(zip(asked, before.said, strict=True))[-_RECENT:]
        for text in (one for turn in reversed(turns) for one in reversed(turn)):
            domain, names = self._named(text, before.domain)
            if len(names) > 1:
                return domain, names
            newest = newest if newest[1] else (domain, names)
        return newest

    def venue(self, domain: str, before: Before) -> str | None:
        """Return the venue of a service that the state names, or else the last reply alone."""
        name = before.state.get(domain, {}).get(_NAME, "")
        if name not in _NO_VALUE:
            row = self._knowledge.entity(domain, name)
            return name if row is None else row.get(_NAME, name)
        names = self._names_in(before.said[-1], domain) if before.said else ()
        return names[0] if len(names) == 1 else None

    def _named(self, text: str, domain: str | None) -> tuple[str, tuple[str, ...]]:
        """Return the service of which a text names most, the one at hand before others."""
        order = sorted(self._indexes, key=lambda one: one != domain)
        each = [(one, self._names_in(text, one)) for one in order]
        return max(each, key=lambda one: len(one[1]), default=("", ()))

    def _names_in(self, text: str, domain: str) -> tuple[str, ...]:
        index = self._indexes.get(domain)
        if index is None:
            return ()
        found: list[str] = []
        read_to = 0
        for span in index.find(self._forms.words_of(text.lower())):
            written = text[span.start : span.end]
            shown = len(written) >= _SHORT_NAME or written[:1].isupper()
            if span.start >= read_to and shown and span.slot not in found:
                found.append(span.slot)
                read_to = span.end
        return tuple(found)

    def _venues(self, utterance: str, before: Before) -> Iterator[Piece]:
        if not any(pattern.search(utterance) for pattern in self._of_venues):
            return
        domain, names = self.listed(before)
        if not names:
            return
        if len(names) > 1:
            yield from self._of_list(utterance, domain, names)
        yield from self._of_values(utterance, domain, names)
        newest = self._names_in(before.said[-1], domain)
        if len(newest) == 1:
            for match in self._this.finditer(utterance):
                if not self._is_denied(utterance, match.start()):
                    yield *match.span(), newest[0]
        chosen = self.venue(domain, before)
        if len(names) == 2 and chosen in names:
            other = names[1 - names.index(chosen)]
            yield from ((*match.span(), other) for match in self._other.finditer(utterance))

    def _of_list(self, utterance: str, domain: str, names: Sequence[str]) -> Iterator[Piece]:
        for place, pattern in self._ordinals.items():
            at = len(names) - 1 if place == _MOST else place - 1
            for match in pattern.finditer(utterance):
                if at < len(names) and not self._is_denied(utterance, match.start()):
                    yield *match.span(), names[at]
        rows = [(name, self._knowledge.entity(domain, name) or {}) for name in names]
        for by_slot, sign in ((self._lesser, 1), (self._greater, -1)):
            for slot, pattern in by_slot.items():
                best = self._extreme(rows, slot, sign)
                if best is not None:
                    yield from ((*match.span(), best) for match in pattern.finditer(utterance))

    def _of_values(self, utterance: str, domain: str, names: Sequence[str]) -> Iterator[Piece]:
        """Yield the one of which alone something is true: "the one in the north"."""
        rows = [(name, self._knowledge.entity(domain, name) or {}) for name in names]
        for match in self._valued.finditer(utterance):
            word = (match["before"] or match["behind"]).lower()
            having = [
                name
                for name, row in rows
                if self._has(domain, row, word) or word in name.lower().split()
            ]
            if len(having) == 1 and not self._is_denied(utterance, match.start()):
                yield *match.span(), having[0]

    def _extreme(
        self, rows: Sequence[tuple[str, Mapping[str, str]]], slot: str, sign: int
    ) -> str | None:
        """Return the one of a list with the least of something (``sign`` 1), or the most (-1)."""
        ranked = self._words.ranked.get(slot, ())
        known: list[tuple[float, str]] = []
        for name, row in rows:
            value = row.get(slot, "")
            rank = float(value) if value.isdigit() else None
            if value in ranked:
                rank = float(ranked.index(value))
            if rank is None:
                return None
            known.append((sign * rank, name))
        known.sort()
        return known[0][1] if known[0][0] < known[1][0] else None

    def _has(self, domain: str, row: Mapping[str, str], word: str) -> bool:
        table = self._knowledge.tables[domain]
        return any(
            self._forms.comparison_key(row.get(slot, "")) == self._forms.comparison_key(word)
            or self._ways.says(domain, slot, row.get(slot, ""), word)
            for slot in table.comparisons
            if slot != _NAME and row.get(slot)
        )

    def _values(self, utterance: str, before: Before) -> Iterator[Piece]:
        said = set(_WORDS.findall(utterance.lower()))
        for slot, pattern in self._same.items():
            matches = list(pattern.finditer(utterance))
            value = self._value(slot, before) if matches else None
            if value is None or value in said or said & self._closed[slot]:
                continue
            for match in matches[:1]:
                yield *match.span(), self._words.same_as[slot].replace("{value}", value)

    def _values_at_hand(self, utterance: str, before: Before) -> ValueOf:
        """Return what tells a slot's value: of the service that the words speak of, if of one."""
        spoken = [one for one in before.state if self._services[one].search(utterance)]
        if len(spoken) == 1:
            return lambda slot: self._value_of(spoken[0], slot, before)
        return lambda slot: self._value(slot, before)

    def _value(self, slot: str, before: Before) -> str | None:
        """Return the value that a slot has at hand, or the only one that it has anywhere."""
        order = sorted(before.state, key=lambda one: one != before.domain)
        values = [self._value_of(domain, slot, before) for domain in order]
        known = [one for one in values if one is not None]
        at_hand = values[0] if order and order[0] == before.domain else None
        if at_hand is not None:
            return at_hand
        return known[0] if len(set(known)) == 1 else None

    def _value_of(self, domain: str, slot: str, before: Before) -> str | None:
        value = before.state[domain].get(slot, "")
        if value not in _NO_VALUE:
            return value
        name = self.venue(domain, before)
        row = None if name is None else self._knowledge.entity(domain, name)
        return (row or {}).get(slot) or None

    def _rides(self, utterance: str, before: Before) -> Iterator[Piece]:
        """Name the ends of a way between venues, and the time by which one must be there."""
        if not (self._ride.search(utterance) or before.domain in self._riders):
            return
        venues = {
            domain: name
            for domain in before.state
            if domain in self._indexes and (name := self.venue(domain, before)) is not None
        }
        ends = list(venues)
        for domain, name in venues.items():
            if self._names_in(utterance, domain):
                continue  # "from the whipple museum, leaving the museum at 9": it says itself which
            for match in self._nouns[domain].finditer(utterance):
                if not self._whole.tears(utterance, *match.span()):
                    yield *match.span(), name
        at_hand = venues.get(before.domain or "")
        if at_hand is not None:
            yield from ((*match.span(), at_hand) for match in self._there.finditer(utterance))
        for match in self._between.finditer(utterance):
            if len(ends) == 2:
                # Where one of them is booked for a time, that is where one goes.
                ends.sort(key=lambda one: self._words.in_time_slot in before.state[one])
                yield (
                    *match.span(),
                    self._words.from_to.replace("{departure}", venues[ends[0]]).replace(
                        "{destination}", venues[ends[1]]
                    ),
                )
        values = (slots.get(self._words.in_time_slot, "") for slots in before.state.values())
        times = {one for one in values if one not in _NO_VALUE}
        if len(times) == 1 and not any(one in utterance for one in times):
            (time,) = times
            for match in self._in_time.finditer(utterance):
                yield *match.span(), self._words.in_time_as.replace("{value}", time)

    def _is_denied(self, utterance: str, start: int) -> bool:
        return self._denied.search(utterance[:start]) is not None

    def _all_nouns(self) -> dict[str, tuple[str, ...]]:
        """Return the words for a venue of each service: its own name and the kinds it has."""
        found = {}
        for domain in self._indexes:
            kinds = self._knowledge.values(domain, _TYPE)
            found[domain] = (domain, *self._words.nouns.get(domain, ()), *map(re.escape, kinds))
        return found


def _index(names: Iterable[str], forms: WordForms) -> PhraseIndex:
    index = PhraseIndex(forms)
    for name in names:
        index.add(name, [name])
    return index


class _OneOf:
    """Compiles words for one of a list: with a noun anywhere, bare only where a clause ends."""

    def __init__(self, words: PointingWords, numbers: Mapping[str, str]) -> None:
        self._numbers = numbers
        self._things, self._article = alternatives(words.things), alternatives(words.articles)
        self._numbered = alternatives(words.numbered)
        self._of_them = rf"(?:\s+{alternatives(words.of_them)})?"
        # What a bare "the second" may stand before: the end of a clause, or words that are no noun.
        self._ends = rf"(?=\s*(?:[,.;:!?)]|-\s|$|\s{alternatives(words.going_on)}\b))"
        self._alone = rf"(?=\W*(?:{alternatives(words.polite)}\W*)?$)"
        located = rf"(?:{alternatives(words.located)}\s+)?"
        self.valued = re.compile(
            rf"(?<!\w){self._article}\s+(?:(?P<before>\w+)\s+{self._things}|"
            rf"{self._things}\s+{located}(?P<behind>\w+))(?!\w)",
            re.IGNORECASE,
        )

    def pattern(self, phrases: Iterable[str], place: int = 0) -> re.Pattern[str]:
        """Return what finds one of a list; with a ``place``, also by its number."""
        known, numbered = alternatives(phrases), "(?!)"
        if place > 0:
            words = [word for word, number in self._numbers.items() if number == str(place)]
            numbered = rf"{self._numbered}\s?{alternatives((str(place), *words))}"
        article = self._article
        return re.compile(
            rf"(?<!\w)(?:{article}\s+)?{known}\s+{self._things}{self._of_them}(?!\w)|"
            rf"(?<!\w){article}\s+{known}{self._of_them}{self._ends}|^{known}{self._alone}|"
            rf"(?<!\w){numbered}{self._ends}",
            re.IGNORECASE,
        )


def _words(schema: Schema, slot: str) -> set[str]:
    """Return the values of a slot, of whatever service, that are words and no numbers."""
    values = (one for domain in schema.domains for one in schema.values(domain, slot))
    return {one for one in values if one.isalpha()}


def _is_free(schema: Schema, domain: str, slot: str) -> bool:
    return schema.has(domain, slot) and not schema.values(domain, slot)
