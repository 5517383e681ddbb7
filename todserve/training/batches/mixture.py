"""The mixture: which turns an epoch meets, over corpora and tasks, by temperature.

`epochs` asks it which turns to make examples of; an epoch is a function of the seed and its number
alone, so that a resumed run repeats it. As in T5 (Raffel et al., 2020) and mT5 (Xue et al., 2021),
a pair i of a corpus and a task with n_i examples is met with rate
``p_i = min(n_i, cap)^(1/T) / sum``. Example: 8,000 and 1,000 examples are met 8:1 at T = 1, 2:1 at
T = 3. Or the share of each corpus is stated, ``weights: {multiwoz21: 0.7, sgd: 0.3}``: of turns,
each with all its tasks.

The tasks of one turn share one encoding, so pairs of one corpus draw from one order of its turns:
a turn met for several tasks is met once, with all of them.
"""

import random
from collections import Counter
from collections.abc import Mapping, Sequence

from todserve.runtime.errors import ConfigError
from todserve.runtime.language.tasks import TaskName
from todserve.training.preparation.training_turns import TrainingTurn
from todserve.training.training_config import Mixing

Pair = tuple[str, TaskName]
"""A corpus and a task it annotates."""


class Mixture:
    """The training turns in the shares in which an epoch meets them.

    Attributes:
        counts: examples of each pair.
        drawn: examples of each pair that an epoch meets.
    """

    def __init__(self, turns: Sequence[TrainingTurn], settings: Mixing, seed: int) -> None:
        """Count what there is; ``seed`` is the run's.

        Raises:
            ConfigError: weights for other corpora than there are.
        """
        self._turns = turns
        self._seed = seed
        self.counts: Counter[Pair] = Counter(
            (turn.corpus, task) for turn in turns for task in turn.tasks
        )
        self._whole = settings == Mixing()
        if settings.weights:
            self.drawn: Mapping[Pair, int] = examples_weighted(
                self.counts, Counter(turn.corpus for turn in turns), settings
            )
        else:
            self.drawn = self.counts if self._whole else examples_drawn(self.counts, settings)
        self._corpora: dict[str, list[int]] = {}
        if not self._whole:
            for number, turn in enumerate(turns):
                self._corpora.setdefault(turn.corpus, []).append(number)

    def epoch(self, number: int) -> Sequence[TrainingTurn]:
        """Return the turns of an epoch, each with the targets it is met for.

        At temperature 1, without a limit, these are the turns as they stand.
        """
        if self._whole:
            return self._turns
        met: list[TrainingTurn] = []
        for corpus, numbers in self._corpora.items():
            left = {task: n for (owner, task), n in self.drawn.items() if owner == corpus}
            passes = 0
            while any(left.values()):
                order = list(numbers)
                random.Random(f"{self._seed}/mixture/{number}/{corpus}/{passes}").shuffle(order)
                met += self._pass(order, left)
                passes += 1
        return met

    def lines(self) -> list[str]:
        """Return the rates as plain text, one line a pair."""
        total = sum(self.drawn.values())
        return [
            f"{corpus or 'corpus'} {task}: {self.counts[corpus, task]} examples, "
            f"{drawn} met in an epoch ({drawn / total:.1%})"
            for (corpus, task), drawn in sorted(self.drawn.items())
        ]

    def _pass(self, order: Sequence[int], left: dict[TaskName, int]) -> list[TrainingTurn]:
        """Go through a corpus once, taking off ``left`` what is met; each example once at most."""
        met: list[TrainingTurn] = []
        for index in order:
            turn = self._turns[index]
            wanted = [task for task in turn.tasks if left[task]]
            if wanted:
                met.append(turn.only(wanted))
                for task in wanted:
                    left[task] -= 1
            elif not any(left.values()):
                break
        return met


def examples_drawn(counts: Mapping[Pair, int], settings: Mixing) -> dict[Pair, int]:
    """Return how many examples of each pair an epoch meets.

    They add up to ``epoch_examples`` exactly (to all examples when None): shares are rounded
    down, and the largest remainders are rounded up.
    """
    total = settings.epoch_examples or sum(counts.values())
    limit = settings.cap or max(counts.values(), default=1)
    pairs = sorted(pair for pair, count in counts.items() if count)
    weights = {pair: min(counts[pair], limit) ** (1 / settings.temperature) for pair in pairs}
    return _shared_out(weights, total)


def examples_weighted(
    counts: Mapping[Pair, int], turns: Mapping[str, int], settings: Mixing
) -> dict[Pair, int]:
    """Return how many examples of each pair an epoch meets where corpora have weights.

    Args:
        counts: examples of each pair.
        turns: turns of each corpus.
        settings: a weight for each corpus.

    Raises:
        ConfigError: a corpus without a weight, or a weight without its corpus.
    """
    given = settings.weights
    if set(given) != set(turns):
        raise ConfigError(
            f"mixing.weights names {', '.join(sorted(given))}, the prepared corpora are "
            f"{', '.join(sorted(turns))}; expected a weight for each of them, 0 to leave one out"
        )
    if not any(given.values()):
        raise ConfigError("every weight in mixing.weights is 0; expected one above")
    pairs = sorted(pair for pair, count in counts.items() if count and given[pair[0]])
    # A corpus of weight w is met for w turns, and each of those for the tasks that it has.
    weights = {pair: given[pair[0]] * counts[pair] / turns[pair[0]] for pair in pairs}
    total = settings.epoch_examples or sum(counts[pair] for pair in pairs)
    return _shared_out(weights, total)


def _shared_out(weights: Mapping[Pair, float], total: int) -> dict[Pair, int]:
    """Return whole numbers in proportion to ``weights`` that add up to ``total``."""
    pairs = list(weights)
    whole = sum(weights.values())
    exact = {pair: total * weight / whole for pair, weight in weights.items()}
    drawn = {pair: int(share) for pair, share in exact.items()}
    short = total - sum(drawn.values())
    for pair in sorted(pairs, key=lambda pair: drawn[pair] - exact[pair])[:short]:
        drawn[pair] += 1
    return drawn
