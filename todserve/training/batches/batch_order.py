"""Batch order: the batches of a run, made and served a part of an epoch at a time.

The feeder takes the parts from it. What a part holds is a function of the seed, the epoch and its
number alone, so parts can be made by any process, several at once, and a resumed run goes on in the
middle of one.
Example: ``Servings(config, epochs, pad_id)(2, part=5)`` are the batches of the sixth part.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from todserve.runtime.errors import ConfigError
from todserve.training.batches.batch import Parcel, pack, plan, shaped_plan
from todserve.training.batches.epochs import Epochs
from todserve.training.training_config import TrainingConfig

_BATCHES = 192  # about so many make a part: enough of like lengths
_TURN_TOKENS = 100  # of an ordinary turn, padding included
_MOST = 12_000  # turns of a part: made in six seconds, before which nothing can be trained on


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """The place of the next batch among all of a run.

    Attributes:
        epoch: counted from 0.
        part: of the epoch.
        batch: of the part.
    """

    epoch: int = 0
    part: int = 0
    batch: int = 0


class Servings:
    """Makes the batches of any part of a run."""

    def __init__(
        self, config: TrainingConfig, epochs: Epochs, pad_id: int, *, shaped: bool = False
    ) -> None:
        """Note what parts are made from.

        Args:
            config: gives seed and size of a batch.
            epochs: the examples.
            pad_id: fills the batches up.
            shaped: batches of a few fixed shapes, see `shaped_plan`.
        """
        self._config = config
        self._epochs = epochs
        self._pad_id = pad_id
        self._shaped = shaped
        self._size = min(_MOST, max(256, _BATCHES * config.batch_tokens // _TURN_TOKENS))
        self._order: tuple[int, list[int]] | None = None

    def parts(self, epoch: int) -> int:
        """Return how many parts an epoch has."""
        return max(1, round(self._epochs.size(epoch) / self._size))

    def order(self, start: Place) -> Iterator[Place]:
        """Yield the places of all parts from ``start`` on, without end."""
        epoch, part = start.epoch, start.part
        while True:
            for number in range(part, self.parts(epoch)):
                yield Place(epoch=epoch, part=number)
            epoch, part = epoch + 1, 0

    def __call__(self, epoch: int, part: int) -> list[Parcel]:
        """Return the batches of a part, one at least.

        Raises:
            ConfigError: there is nothing to train on.
        """
        if self._order is None or self._order[0] != epoch:
            places = list(range(self._epochs.size(epoch)))
            random.Random(f"{self._config.seed}/order/{epoch}").shuffle(places)
            self._order = (epoch, places)
        # Every n-th of a shuffled order: parts differ by one turn at most.
        mine = self._order[1][part :: self.parts(epoch)]
        examples = self._epochs(epoch, sorted(mine))
        if not examples:
            raise ConfigError(
                f"part {part} of epoch {epoch} has no example; expected turns with targets; check "
                "`corpora` and `mixing`"
            )
        seed = self._config.seed + epoch * 100_003 + part
        if self._shaped:
            return [
                pack([examples[index] for index in chosen], self._pad_id, shape)
                for shape, chosen in shaped_plan(examples, self._config.batch_tokens, seed)
            ]
        return [
            pack([examples[index] for index in chosen], self._pad_id)
            for chosen in plan(examples, self._config.batch_tokens, seed)
        ]
