"""UnknownWishes: numbers, days and places that somebody wishes, and that the schema does not know.

Belief tracking calls it after it has taken the values that the network wrote: under a constraint
the network writes a known value near what was said, or none. Example: of "a table for 25", where
the schema counts to 20, it makes five people; the wish is for ``people 25``, and the reply says how
many there can be.

Where somebody goes or comes from is looked for only where the network wrote an end of the way that
nobody said, where both ends are told, where little else is, or where the service itself stands
before it ("a train from oxford").
"""

import difflib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from todserve.runtime.language.dialogue import BeliefState
from todserve.runtime.language.schema import Schema
from todserve.runtime.tracking.pointing_words import alternatives, any_of
from todserve.runtime.tracking.ways_of_saying import WaysOfSaying
from todserve.runtime.values.said_numbers import read_number
from todserve.runtime.values.unreadable import UnreadableValue
from todserve.runtime.values.value_words import ValueWords, languages

_NEAR = 0.8
_SHORTEST = 4  # letters of a word that may be misspelt
_FEW_WORDS = 5  # of which an end of a way may be all there is: "no, to oxford"
_ALONE = re.compile(r"\s*(?:$|[,.;!?])")
_LONGEST = 999  # of a number without its unit: longer ones are codes
_PLACE = r"(\w+(?:[ '-]\w+){0,2})"


@dataclass(frozen=True, kw_only=True, slots=True)
class UnknownWish:
    """What somebody wishes of a slot, in his own words."""

    domain: str
    slot: str
    value: str


@dataclass(frozen=True, kw_only=True)
class UnknownWishes:
    """Finds what is wished and cannot be.

    Attributes:
        schema: knows what there is.
        ways: the words.
    """

    schema: Schema
    ways: WaysOfSaying

    def of(
        self,
        utterance: str,
        *,
        domain: str | None,
        state: BeliefState,
        written: Mapping[str, Mapping[str, str]],
        unsaid: Collection[tuple[str, str]],
    ) -> tuple[UnknownWish, ...]:
        """Return the wishes that the schema does not know.

        Args:
            utterance: the user's words as they are read.
            domain: the active domain before them.
            state: the belief state before them.
            written: what the network wrote of them and somebody said.
            unsaid: (domain, slot) of what it wrote and nobody said.
        """
        text = utterance.lower()
        at_hand = () if domain is None else (domain,)
        services = tuple(dict.fromkeys((*written, *(one for one, _ in unsaid), *at_hand)))
        found = [
            *self._numbers(text, services, unsaid),
            *self._phrases(text, services, state, written, unsaid),
            *self._places(text, domain, written, unsaid),
        ]
        by_slot = {one.slot: one for one in reversed(found)}
        return tuple(by_slot.values())

    def of_service(self, utterance: str) -> str | None:
        """Return the service of which somebody wishes for a place that it does not know."""
        found = next(self._places(utterance.lower(), None, {}, ()), None)
        return None if found is None else found.domain

    def _numbers(
        self, text: str, services: Collection[str], unsaid: Collection[tuple[str, str]]
    ) -> Iterator[UnknownWish]:
        said = list(self._said_numbers(text))
        units = self.ways.pointing.counting
        for domain in services if said else ():
            for slot, unit in units.items():
                most = self.most(domain, slot)
                for number, start, end in said:
                    least = 1 if slot in self.ways.relative.counts else 0
                    if most is None or least <= number <= most:
                        continue
                    others = any(one.match(text, end) for one in units.values())
                    heard = (domain, slot) in unsaid or self._is_of_a_party(slot, text, start, end)
                    bare = heard and most < number <= _LONGEST and not others
                    if unit.match(text, end) or (bare and not self._is_time(text, start)):
                        yield UnknownWish(domain=domain, slot=slot, value=text[start:end])

    def most(self, domain: str, slot: str) -> int | None:
        """Return the greatest number that a slot knows; None where it knows more than numbers."""
        values = self.schema.values(domain, slot)
        if not values or not all(one.isdigit() for one in values):
            return None
        return max(map(int, values))

    def _is_of_a_party(self, slot: str, text: str, start: int, end: int) -> bool:
        """Say whether a number with nothing behind it is one of people: "a table for a hundred"."""
        ends = _ALONE.match(text, end) or self._before_more.match(text, end)
        return slot == self._party and bool(ends and self._before_party.search(text[:start]))

    def _is_time(self, text: str, start: int) -> bool:
        return self.ways.clocks.search(text[:start]) is not None

    def _said_numbers(self, text: str) -> Iterator[tuple[int, int, int]]:
        """Yield every number that a text says: how much it is, and where it begins and ends."""
        for match in self._number.finditer(text):
            if match[0].isdigit():
                yield int(match[0]), match.start(), match.end()
            elif self._words is not None:
                try:
                    number = int(read_number(match[0].replace("-", " "), self._words))
                except UnreadableValue:
                    continue
                yield number, match.start(), match.end()

    def _phrases(
        self,
        text: str,
        services: Collection[str],
        state: BeliefState,
        written: Mapping[str, Mapping[str, str]],
        unsaid: Collection[tuple[str, str]],
    ) -> Iterator[UnknownWish]:
        for slot, pattern in self._beyond.items():
            said = pattern.search(text)
            if said is None or self.ways.ruling_out.search(text[: said.start()]):
                continue  # "not today, thanks"
            for domain in services:
                known = written.get(domain, {}).get(slot, "")
                new = (domain, slot) in unsaid or slot not in state.get(domain, {})
                closed = self.schema.values(domain, slot)
                if closed and (known.isdigit() or (new and not known)):
                    yield UnknownWish(domain=domain, slot=slot, value=said[0])

    def _places(
        self,
        text: str,
        domain: str | None,
        written: Mapping[str, Mapping[str, str]],
        unsaid: Collection[tuple[str, str]],
    ) -> Iterator[UnknownWish]:
        for service in self.schema.domains:
            ends = [
                slot
                for pair in self.ways.pointing.pairs
                for slot in pair
                if self.schema.values(service, slot)
            ]
            said = {slot: self._behind(self._leads[slot], service, text) for slot in ends}
            named = bool(ends) and self._nouns[service].search(text) is not None
            # "From leeds to cambridge", and nothing else goes between two places.
            whole = named and all(said.values()) and not self._goes_otherwise(service, text)
            short = service == domain and len(text.split()) <= _FEW_WORDS
            for slot in ends:
                value = written.get(service, {}).get(slot, "")
                others = [place for end in ends if end != slot for place in said[end]]
                # "From leeds to cambridge" says cambridge of the other end alone.
                taken = any(self._is_known(service, slot, one, (value,)) for one in others)
                if value and not taken and self._is_known(service, slot, text, (value,)):
                    continue
                places = said[slot]
                if not (whole or short or (service, slot) in unsaid):
                    places = self._behind(self._journeys[service, slot], service, text)
                known = self.schema.values(service, slot)
                if places and not any(self._is_known(service, slot, one, known) for one in places):
                    yield UnknownWish(domain=service, slot=slot, value=places[0])

    def _goes_otherwise(self, service: str, text: str) -> bool:
        """Say whether a text names another service that has ends of a way: a taxi."""
        ends = {slot for pair in self.ways.pointing.pairs for slot in pair}
        return any(
            domain != service and ends & {*self.schema.slots(domain)} and noun.search(text)
            for domain, noun in self._nouns.items()
        )

    def _behind(self, lead: re.Pattern[str], domain: str, text: str) -> list[str]:
        """Return the places that stand behind a lead."""
        found = (self._place_in(match[1]) for match in lead.finditer(text))
        return [place for place in found if place and not self._is_value(domain, place)]

    def _place_in(self, words: str) -> str:
        """Return the place that some words begin with; empty where they begin with none."""
        end = self._ended.search(words)
        place = words[: end.start()].strip(" '-") if end else words
        return "" if not place or place[0].isdigit() or self._placeless.match(place) else place

    def _is_value(self, domain: str, words: str) -> bool:
        """Say whether words are another thing that the service knows: a day."""
        key = self.schema.forms.comparison_key(words)
        return any(
            self.schema.forms.comparison_key(value) == key
            for slot in self.schema.slots(domain)
            for value in self.schema.values(domain, slot)
            if not any(slot in pair for pair in self.ways.pointing.pairs)
        )

    def _is_known(self, domain: str, slot: str, text: str, values: Iterable[str]) -> bool:
        """Say whether a text says one of some values of a slot, or a word of one."""
        key = self.schema.forms.comparison_key
        words = [key(word) for word in text.split()]
        return any(
            self.ways.says(domain, slot, value, text)
            or key(text) in key(value)
            or any(_is_near(key(word), words) for word in value.split())
            for value in values
        )

    @cached_property
    def _words(self) -> ValueWords | None:
        language = self.schema.forms.language
        return ValueWords.of_language(language) if language in languages() else None

    @cached_property
    def _number(self) -> re.Pattern[str]:
        """Finds a number in figures or in words, of whatever length."""
        if self._words is None:
            return re.compile(r"(?<![\w:.£$€#/-])\d+(?![\w:/]|[.,]\d)")
        numbers = self._words.numbers
        words = "|".join(
            re.escape(one) for one in sorted((*numbers.words, *numbers.scales), key=len)[::-1]
        )
        joining = alternatives(self.ways.joining)
        return re.compile(
            rf"(?<![\w:.£$€#/-])(?:\d+(?![\w:/]|[.,]\d)"
            rf"|(?:a )?(?:{words})(?:[ -](?:{joining} )?(?:{words}))*(?!\w))"
        )

    @property
    def _party(self) -> str:
        """The slot that counts people: of them alone lists are made."""
        return next(iter(self.ways.relative.counts), "")

    @cached_property
    def _before_party(self) -> re.Pattern[str]:
        return re.compile(rf"(?<!\w){alternatives(self.ways.pair_behind)}\s+$")

    @cached_property
    def _before_more(self) -> re.Pattern[str]:
        return re.compile(rf"\s+{alternatives(self.ways.company.after)}(?!\w)")

    @cached_property
    def _beyond(self) -> Mapping[str, re.Pattern[str]]:
        return {slot: any_of(known) for slot, known in self.ways.pointing.beyond.items()}

    @cached_property
    def _leads(self) -> Mapping[str, re.Pattern[str]]:
        """Slot of a pair -> what finds a place behind its lead, in its group 1."""
        pointing = self.ways.pointing
        article = rf"(?:{alternatives(pointing.articles)}\s+)?"
        return {
            slot: re.compile(rf"(?<!\w){alternatives(leads)}\s+(?={article}{_PLACE})")
            for slot, leads in pointing.leading.items()
        }

    @cached_property
    def _nouns(self) -> Mapping[str, re.Pattern[str]]:
        return self.ways.pointing.services(self.schema.domains)

    @cached_property
    def _journeys(self) -> Mapping[tuple[str, str], re.Pattern[str]]:
        """(domain, slot) -> the same, only where the service itself stands before the lead."""
        return {
            (domain, slot): re.compile(rf"{noun.pattern}\s+{lead.pattern}")
            for domain, noun in self._nouns.items()
            for slot, lead in self._leads.items()
        }

    @cached_property
    def _ended(self) -> re.Pattern[str]:
        leads = (word for known in self.ways.pointing.leading.values() for word in known)
        return any_of((*self.ways.pointing.ended, *self.ways.pointing.going_on, *leads, r"\d\S*"))

    @cached_property
    def _placeless(self) -> re.Pattern[str]:
        return any_of(self.ways.pointing.placeless)


def _is_near(word: str, said: Collection[str]) -> bool:
    """Say whether a word is one of some, or one of them misspelt."""
    if word in said or len(word) < _SHORTEST:
        return word in said
    matcher = difflib.SequenceMatcher(None, b=word)
    for one in said:
        matcher.set_seq1(one)
        if matcher.quick_ratio() >= _NEAR and matcher.ratio() >= _NEAR:
            return True
    return False
