"""NamedVenues: the places of the database that a user names in full, though the model wrote none.

Stands inside the tracker, after the model's own slots. Example: "do you have information on la
raza?" of which the model wrote nothing gives ``restaurant name: la raza``.

A small network overlooks a name it has seldom seen; whoever types one in full means it. So that
nothing is taken for a name that is none, a name of a single word counts only where the last reply
said it too ("cocum sounds interesting") or where a place is spoken of ("a table at cocum"), a name
that stands in two domains or behind a "not" does not count, and where a way or a journey is spoken
of the model alone says which end it is.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from todserve.runtime.knowledge.domain_table import Comparison
from todserve.runtime.knowledge.knowledge_base import KnowledgeBase
from todserve.runtime.language.dialogue import DELETED, BeliefState
from todserve.runtime.language.phrases import PhraseIndex
from todserve.runtime.language.schema import Schema
from todserve.runtime.language.word_forms import WordForms


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

    def overlooked(
        self,
        utterance: str,
        reply: str,
        state: BeliefState,
        written: Mapping[str, Mapping[str, str]],
    ) -> NamedVenue | None:
        """Return the one venue that is named in full and that no slot holds; None without one.

        Args:
            utterance: the user's words.
            reply: the last reply.
            state: the belief state before them.
            written: domain -> slot -> value, what the model wrote of them.
        """
        if any(domain not in self._domains for domain in written):
            return None
        forms, text = self._forms, utterance.lower()
        spans = list(self._index.find(forms.words_of(text)))
        if not spans:
            return None  # as most often; the reply need not be read
        said = forms.words_of(reply.lower())
        of_reply = {span.slot for span in self._index.find(said)}
        found: dict[str, NamedVenue] = {}
        for span in spans:
            venue = self._venues[int(span.slot)]
            telling = forms.without_article(text[span.start : span.end])
            shown = span.slot in of_reply or self._led_to.search(text[: span.start]) is not None
            if len(forms.words_of(telling)) == 1 and (telling in forms.too_common or not shown):
                continue
            if self._ruled_out.search(text[: span.start]):
                continue
            found[span.slot] = venue
        if len(found) != 1:
            return None
        venue = next(iter(found.values()))
        key = forms.comparison_key(venue.name)
        taken = (
            value for slots in (*state.values(), *written.values()) for value in slots.values()
        )
        if venue.slot in written.get(venue.domain, {}) or any(
            value != DELETED and forms.comparison_key(value) == key for value in taken
        ):
            return None
        return venue
