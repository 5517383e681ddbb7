"""NearVenues: reads "near" a venue as the part of town where it is.

`UtteranceReader` calls it after the paraphrases. No network learns what is near what, but the
database knows the area of a venue. The words are data: ``near`` of ``ways_of_saying.json``.
Example: "a hotel near the fitzwilliam museum" is read as "a hotel in the centre".
"""

import re
from collections.abc import Iterator

from todserve.runtime.knowledge.domain_table import Comparison
from todserve.runtime.knowledge.knowledge_base import KnowledgeBase
from todserve.runtime.language.phrases import PhraseIndex
from todserve.runtime.language.schema import Schema
from todserve.runtime.spelling.paraphrases import Piece
from todserve.runtime.tracking.pointing_words import alternatives
from todserve.runtime.tracking.ways_of_saying import WaysOfSaying

_SHORT_NAME = 5  # letters; a shorter one may be any word


class NearVenues:
    """Finds what is wished near a venue.

    Args:
        ways: how one says near, and how a value is read.
        schema: services and their slots.
        knowledge: the venues.
    """

    def __init__(self, ways: WaysOfSaying, schema: Schema, knowledge: KnowledgeBase) -> None:
        words = ways.pointing
        self._knowledge, self._forms = knowledge, knowledge.forms
        self._read_as = words.same_as
        article = rf"(?:{alternatives(words.articles)}\s+)?"
        services = words.services(schema.domains)
        nouns = "|".join(one.pattern for one in services.values()) or r"(?!)"
        self._leads = {
            slot: re.compile(rf"(?<!\w){alternatives(known)}\s+{article}(?:(?:{nouns})\s+)?$")
            for slot, known in words.near.items()
        }
        self._elsewhere = {
            # A taxi goes to a place, and is in no part of town.
            slot: [services[one] for one in schema.domains if not schema.has(one, slot)]
            for slot in words.near
        }
        self._names: dict[str, PhraseIndex] = {}
        for domain, table in knowledge.tables.items() if words.near else ():
            for column, how in table.comparisons.items():
                if how is Comparison.NAME and schema.has(domain, column):
                    index = PhraseIndex(self._forms)
                    for name in knowledge.values(domain, column):
                        if len(name) >= _SHORT_NAME:
                            index.add(name, [name])
                    self._names[domain] = index

    def found(self, utterance: str) -> Iterator[Piece]:
        """Yield every place that is said so, and where it is."""
        text = utterance.lower()
        for slot, lead in self._leads.items():
            if any(one.search(text) for one in self._elsewhere[slot]):
                continue
            for domain, index in self._names.items():
                for span in index.find(self._forms.words_of(text)):
                    before = lead.search(text[: span.start])
                    row = self._knowledge.entity(domain, span.slot) if before else None
                    if before and row and row.get(slot):
                        read = self._read_as[slot].replace("{value}", row[slot])
                        yield before.start(), span.end, read
