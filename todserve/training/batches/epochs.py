"""Epochs: the examples of one pass over the training turns.

`batch_order` makes batches of them. Each epoch varies the turns anew, by the seed and its own
number alone: a resumed run, in whatever number of processes, meets the same examples.
Example: ``Epochs(config, builder, turns)(3)`` are the examples of the fourth epoch, and
``(3, places=(5, 6))`` those of two of its turns.
"""

import random
from collections.abc import Iterable, Sequence

from todserve.corpora.spoken.spoken_vocabulary import KnownValues
from todserve.runtime.language.prompts import PromptBuilder
from todserve.training.batches.examples import Example, encode_turn
from todserve.training.batches.mixture import Mixture
from todserve.training.preparation.augmentation import Augmenter
from todserve.training.preparation.copy_turns import CopyTurns
from todserve.training.preparation.spoken_training import SpokenTraining
from todserve.training.preparation.training_turns import TrainingTurn
from todserve.training.training_config import TrainingConfig


class Epochs:
    """Mixes, varies and encodes the training turns."""

    def __init__(
        self,
        config: TrainingConfig,
        builder: PromptBuilder,
        turns: Sequence[TrainingTurn],
        known: KnownValues | None = None,
    ) -> None:
        """Collect what augmentation draws from; nothing is encoded yet.

        Args:
            config: of the run.
            builder: of its format.
            turns: of its corpora, each dialogue's in order.
            known: values of slots that no turn has, for spoken turns.
        """
        self._seed = config.seed
        self._augmentation = config.augmentation
        self._builder = builder
        self._mixture = Mixture(turns, config.mixing, config.seed)
        self._augment = Augmenter(turns, config.augmentation, builder.schema)
        self._copy_turns = CopyTurns(builder.schema, self._augment.words)
        self._spoken = SpokenTraining(config, builder.schema, turns, self._augment, known)
        self._drawn: tuple[int, Sequence[TrainingTurn]] | None = None

    def size(self, epoch: int) -> int:
        """Return how many places an epoch has, counted from 0: turns it meets or makes up."""
        if self._copies_only(epoch):
            return self._augmentation.copy_warmup
        return len(self._turns(epoch))

    def __call__(self, epoch: int, places: Iterable[int] | None = None) -> list[Example]:
        """Return the examples of an epoch, or of some places of it, in their order."""
        examples: list[Example] = []
        places = range(self.size(epoch)) if places is None else places
        if self._copies_only(epoch):
            for number in places:
                chance = random.Random(f"{self._seed}/copy/{number}")
                examples += encode_turn(self._copy_turns(chance), self._builder)
            return examples
        turns = self._turns(epoch)
        for number in places:
            turn = turns[number]
            chance = random.Random(f"{self._seed}/{epoch}/{number}")
            shown = chance.random() < self._augmentation.delexicalised
            turn = self._augment(turn, chance)
            examples += encode_turn(turn, self._builder, show_placeholders=shown)
            if chance.random() < self._augmentation.copy_turns:
                examples += encode_turn(self._copy_turns(chance), self._builder)
            for spoken in self._spoken.beside(epoch, number):
                examples += encode_turn(spoken, self._builder)
        return examples

    def _copies_only(self, epoch: int) -> bool:
        return epoch == 0 and self._augmentation.copy_warmup > 0

    def _turns(self, epoch: int) -> Sequence[TrainingTurn]:
        # Parts of one epoch are asked for one after the other; drawing them takes a while.
        if self._drawn is None or self._drawn[0] != epoch:
            self._drawn = (epoch, self._mixture.epoch(epoch))
        return self._drawn[1]
