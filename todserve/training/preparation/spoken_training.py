"""Spoken training: made turns of how people really talk, added to each epoch.

`epochs` asks it for such turns, and it calls the maker in `todserve.corpora.spoken`, which knows no
training. A turn is spoken into a context whose values the augmentation has varied, so that what is
said and what stood before agree.
Example: with ``spoken: {share: 0.3}`` three turns are added to ten.
"""

import random
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from todserve.corpora.spoken.spoken_maker import SpokenTurns
from todserve.corpora.spoken.spoken_turns import LabelledTurn, SpokenTurn
from todserve.corpora.spoken.spoken_vocabulary import KnownValues
from todserve.runtime.knowledge.knowledge_base import KnowledgeBase
from todserve.runtime.language.schema import Schema
from todserve.training.preparation.augmentation import Augmenter
from todserve.training.preparation.training_turns import TrainingTurn
from todserve.training.training_config import TrainingConfig

_SAMPLED = 4000


class SpokenTraining:
    """The made turns of a run, if its configuration asks for any."""

    def __init__(
        self,
        config: TrainingConfig,
        schema: Schema,
        turns: Sequence[TrainingTurn],
        augment: Augmenter,
        known: KnownValues | None = None,
    ) -> None:
        """Sort ``turns`` where any are to be made.

        Args:
            config: its ``spoken`` says how much, and of which kinds.
            schema: of the run.
            turns: of the run, each dialogue's in order.
            augment: gives contexts other values.
            known: more values of open slots, such as those of a database.
        """
        self._share = config.spoken.share
        self._seed = config.seed
        self._augment = augment
        self._make = (
            SpokenTurns(turns, schema, config.spoken, vary=self._varied, known=known)
            if self._share
            else None
        )

    def beside(self, epoch: int, number: int) -> Iterator[TrainingTurn]:
        """Yield the spoken turns that stand beside turn ``number`` of an epoch."""
        if self._make is None:
            return
        whole, part = divmod(self._share, 1)
        chance = random.Random(f"{self._seed}/spoken/{epoch}/{number}")
        for _ in range(int(whole) + (chance.random() < part)):
            turn = self._make(chance)
            if turn is not None:
                made = training_turn(turn)
                # Two turns in one are nobody's context: they are varied as a whole.
                yield self._augment(made, chance) if turn.kind == "merged" else made

    def _varied(self, turn: LabelledTurn, chance: random.Random) -> LabelledTurn:
        return self._augment(turn, chance) if isinstance(turn, TrainingTurn) else turn


def training_turn(turn: SpokenTurn) -> TrainingTurn:
    """Return a spoken turn as one to train on; it was made of checked ones and is not checked."""
    return TrainingTurn.model_construct(
        dialogue_id=turn.dialogue_id,
        corpus=turn.corpus,
        history=turn.history,
        previous_state=turn.previous_state,
        user=turn.user,
        state=turn.state,
        intent=turn.intent,
        acts=turn.acts,
        response=turn.response,
        database_token=turn.database_token,
    )


def spoken_sample(
    config: TrainingConfig,
    schema: Schema,
    turns: Sequence[TrainingTurn],
    known: KnownValues | None = None,
) -> list[TrainingTurn]:
    """Return some spoken turns, so that a vocabulary has their labels and words; none without."""
    if not config.spoken.share:
        return []
    make = SpokenTurns(turns, schema, config.spoken, known=known)
    made = (make.at(seed=config.seed, epoch=-1, index=index) for index in range(_SAMPLED))
    return [training_turn(turn) for turn in made if turn is not None]


def known_values(knowledge: Path, schema: Schema) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return (domain, slot) -> the values that a database has for slots of the schema."""
    with closing(KnowledgeBase.open(knowledge)) as base:
        return {
            (domain, slot): values
            for domain in schema.domains
            if domain in base.domains
            for slot in schema.slots(domain)
            if slot in base.columns(domain) and (values := base.values(domain, slot))
        }
