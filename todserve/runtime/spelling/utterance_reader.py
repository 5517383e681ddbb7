"""UtteranceReader: rewrites what a user typed, in words that the network was trained on.

The pipeline calls it before prompts are made of an utterance. It applies, in this order, shorthand,
the speller, the paraphrases, what is near a venue, what is taken back in the same breath, and, once
the state is known, the words that point at it. Example:
``reader.read("a swiming pool in the east, wait, north")`` is ``a swimming pool in the north``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.spelling.back_references import BackReferences, Before
from todserve.runtime.spelling.near_venues import NearVenues
from todserve.runtime.spelling.paraphrases import Paraphrases, WholeNames, replaced
from todserve.runtime.spelling.self_corrections import SelfCorrections
from todserve.runtime.spelling.shorthand import Shorthand
from todserve.runtime.spelling.speller import Spelled, Speller

_REMEMBERED = 1024
"""Utterances: every one comes again with the next turn, as the last of its history."""


@dataclass(frozen=True, kw_only=True)
class UtteranceReader:
    """Reads utterances; each part is None where a checkpoint has no words for it.

    Attributes:
        shorthand: reads what is typed short.
        speller: reads misspelt words.
        paraphrases: read phrases as plain words.
        near: reads "near" a venue as the part of town where it is.
        corrections: drop what is taken back in the same breath.
        references: name what is pointed at.
    """

    shorthand: Shorthand | None = None
    speller: Speller | None = None
    paraphrases: Paraphrases | None = None
    near: NearVenues | None = None
    corrections: SelfCorrections | None = None
    references: BackReferences | None = None

    @classmethod
    def of(cls, checkpoint: Checkpoint, speller: Speller | None) -> "UtteranceReader":
        """Return the reader of a checkpoint; without a speller nothing is read otherwise."""
        if speller is None:
            return cls()
        schema, knowledge, ways = checkpoint.schema, checkpoint.knowledge, checkpoint.grounds.ways
        whole = WholeNames.of(schema, knowledge)
        return cls(
            shorthand=Shorthand(ways, whole),
            speller=speller,
            paraphrases=Paraphrases.of(ways, knowledge, whole),
            near=NearVenues(ways, schema, knowledge),
            corrections=SelfCorrections.of(ways, schema, knowledge),
            references=BackReferences(ways, schema, knowledge, whole),
        )

    def read(self, utterance: str) -> Spelled:
        """Return an utterance as it is meant, whatever was said before."""
        return self._remembered(utterance)

    @cached_property
    def _remembered(self) -> Callable[[str], Spelled]:
        return lru_cache(maxsize=_REMEMBERED)(self._read)

    def _read(self, utterance: str) -> Spelled:
        spelled = self.shorthand.read(utterance) if self.shorthand else Spelled(text=utterance)
        if self.speller is not None:
            spelled = spelled.then(self.speller.read(spelled.text))
        if self.paraphrases is not None:
            spelled = spelled.then(self.paraphrases.read(spelled.text))
        if self.near is not None:
            spelled = spelled.then(replaced(spelled.text, self.near.found(spelled.text)))
        if self.corrections is not None:
            found = self.corrections.found(spelled.text)
            spelled = spelled.then(replaced(spelled.text, found))
        return spelled

    def resolved(self, spelled: Spelled, before: Before) -> Spelled:
        """Return an utterance that was read, with what it points at named."""
        if self.references is None:
            return spelled
        return spelled.then(self.references.read(spelled.text, before))
