"""NamedVenues: the places of the database that a user names in full, though the model wrote none.

Belief tracking calls it after it has taken the values that the network wrote. Example: "do you have
information on la raza?" of which the model wrote nothing gives ``restaurant name: la raza``.

A small network overlooks a name it has seldom seen; whoever types one in full means it. So that
nothing is taken for a name that is none, a name of a single word, or one without the word that many
names end with ("the acorn"), counts only where the last reply said it too ("cocum sounds
interesting") or where a place is spoken of ("a table at cocum"), a name that stands in two domains
or behind a "not" does not count, and where a way or a journey is spoken of the model alone says
which end it is.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from todserve.runtime.knowledge.domain_table import Comparison
from todserve.runtime.knowledge.knowledge_base import KnowledgeBase
from todserve.runtime.language.dialogue import DELETED, DONTCARE, BeliefState
from todserve.runtime.language.phrases import PhraseIndex
from todserve.runtime.language.schema import Schema
from todserve.runtime.language.word_forms import WordForms

_COMMON = 3
"""Names that end with a word from which the word says only what kind of place it is."""
_SHORTEST = 4
_MANY = 3  # words that nobody says of anything else
_ALONE = re.compile(r"\s*(?:$|[,:?!–]|-\s)")


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedVenue:
    """A place somebody named: the domain and slot of its name, as the database spells it."""

    domain: str
    slot: str
    name: str


class NamedVenues:
    """Finds the names of a database in what people type."""

    def __init__(
        self,
        venues: Iterable[NamedVenue],
        *,
        ruled_out: re.Pattern[str],
        led_to: re.Pattern[str] = re.compile(r"(?!)"),
        forms: WordForms,
    ) -> None:
        """Index venues; use ``of`` for a checkpoint.

        Args:
            venues: all that can be named.
            ruled_out: what stands before a name that is not wished, such as "not".
            led_to: what stands before a place, such as "a table at".
            forms: how the language writes a name otherwise.
        """
        self._forms = forms
        by_key: dict[str, list[NamedVenue]] = {}
        for venue in venues:
            by_key.setdefault(forms.comparison_key(venue.name), []).append(venue)
        self._venues = [found[0] for found in by_key.values() if len(found) == 1]
        self._domains = frozenset(venue.domain for venue in self._venues)
        self._ruled_out, self._led_to = ruled_out, led_to
        self._index = PhraseIndex(forms)
        for place, venue in enumerate(self._venues):
            self._index.add(str(place), [venue.name])
        self._whole: dict[tuple[str, str, str], str] = {}
        for place, short in self._short_names():
            self._index.add(str(place), [short])
            venue = self._venues[place]
            key = forms.comparison_key(short)
            self._whole[venue.domain, venue.slot, key] = venue.name

    @classmethod
    def of(
        cls,
        schema: Schema,
        knowledge: KnowledgeBase,
        *,
        ruled_out: re.Pattern[str],
        led_to: re.Pattern[str],
    ) -> "NamedVenues":
        """Return the venues of a checkpoint: every column that is compared as a name."""
        return cls(
            (
                NamedVenue(domain=domain, slot=column, name=name)
                for domain, table in knowledge.tables.items()
                for column, how in table.comparisons.items()
                if how is Comparison.NAME and column in schema.slots(domain)
                for name in knowledge.values(domain, column)
            ),
            ruled_out=ruled_out,
            led_to=led_to,
            forms=knowledge.forms,
        )

    def _short_names(self) -> Iterator[tuple[int, str]]:
        """Yield the place of every venue whose name without its common end is its alone."""
        names = [venue.name.lower().split() for venue in self._venues]
        ends = Counter(words[-1] for words in names)
        for words in names:
            while len(words) > 1 and ends[words[-1]] >= _COMMON:
                words.pop()
        keys = [self._forms.comparison_key(" ".join(words)) for words in names]
        often = Counter(keys)
        for place, (key, words) in enumerate(zip(keys, names, strict=True)):
            telling = [word for word in words if word not in self._forms.too_common]
            if often[key] == 1 and len("".join(words)) >= _SHORTEST and telling:
                yield place, " ".join(words)

    def whole(self, domain: str, slot: str, value: str) -> str:
        """Return the whole name that a value is short for, or the value: "trinity" is a college."""
        if not self._whole or value in (DELETED, DONTCARE):
            return value
        name = self._whole.get((domain, slot, self._forms.comparison_key(value)), value)
        same = self._forms.comparison_key(name) == self._forms.comparison_key(value)
        return value if same else name

    def tears(self, utterance: str, at: int) -> bool:
        """Say whether a place in an utterance is inside a name."""
        spans = self._index.find(self._forms.words_of(utterance.lower()))
        return any(span.start < at < span.end for span in spans)

    def named(self, utterance: str, reply: str) -> NamedVenue | None:
        """Return the one venue that is named; None without one, or of several.

        Args:
            utterance: the user's words.
            reply: the last reply.
        """
        forms, text = self._forms, utterance.lower()
        spans = list(self._index.find(forms.words_of(text)))
        if not spans:
            return None  # as most often; the reply need not be read
        said = forms.words_of(reply.lower())
        of_reply = {span.slot for span in self._index.find(said)}
        found: set[str] = set()
        read_from, read_to = len(text) - len(text.lstrip()), 0
        for span in spans:
            if span.start < read_to:
                continue  # inside another name
            read_to = span.end
            telling = forms.without_article(text[span.start : span.end])
            shown = (
                span.slot in of_reply
                or self._led_to.search(text[: span.start]) is not None
                # "Trinity?", "the acorn, please"
                or (span.start == read_from and _ALONE.match(text, span.end))
            )
            if not shown and self._is_short(telling, self._venues[int(span.slot)]):
                continue
            if telling in forms.too_common or self._ruled_out.search(text[: span.start]):
                continue
            found.add(span.slot)
        return self._venues[int(found.pop())] if len(found) == 1 else None

    def _is_short(self, telling: str, venue: NamedVenue) -> bool:
        """Say whether so few words alone do not tell that a name is meant."""
        forms = self._forms
        words = len(forms.words_of(telling))
        whole = forms.comparison_key(telling) == forms.comparison_key(venue.name)
        return words == 1 or (not whole and words < _MANY)

    def overlooked(
        self,
        utterance: str,
        reply: str,
        state: BeliefState,
        written: Mapping[str, Mapping[str, str]],
    ) -> NamedVenue | None:
        """Return the one venue that is named in full and that no slot holds; None without one.

        One that is named takes the place of another that the model wrote and only the last reply
        says: the first of the list that "limehouse sounds good" chooses from.

        Args:
            utterance: the user's words.
            reply: the last reply.
            state: the belief state before them.
            written: domain -> slot -> value, what the model wrote of them.
        """
        if any(domain not in self._domains for domain in written):
            return None
        venue = self.named(utterance, reply)
        if venue is None:
            return None
        forms = self._forms
        key = forms.comparison_key(venue.name)
        taken = (
            value for slots in (*state.values(), *written.values()) for value in slots.values()
        )
        heard = written.get(venue.domain, {}).get(venue.slot)
        if heard is not None and not self._only_listed(heard, utterance, reply):
            return None
        if any(value != DELETED and forms.comparison_key(value) == key for value in taken):
            return None
        return venue

    def _only_listed(self, name: str, utterance: str, reply: str) -> bool:
        """Say whether the last reply says a name, in whole or in short, and the user does not."""
        short = self._forms.without_kinds(name) or name
        said = self._forms.named_in
        return said(short, reply.lower()) and not said(short, utterance.lower())
