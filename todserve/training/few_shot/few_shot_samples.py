"""Few-shot samples: a share of the training dialogues, or a few utterances per intent.

``tod few-shot`` draws its training turns with it. Dialogues are ordered by a hash of seed and id
and the first are kept, so a sample is the same on every machine, and of one seed the smaller sample
lies inside the larger: 1% inside 5% inside 10% inside 20%, 10 per intent inside 30.
Example: ``Share(amount=0.05).sample(turns, seed=3)``.
"""

import hashlib
import shutil
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from todserve.runtime.errors import ConfigError
from todserve.training.preparation.training_turns import PREPARED, TrainingTurn, save_turns

_TRAIN, _DEV = "train.jsonl.gz", "dev.jsonl.gz"


class Sample(Protocol):
    """How much of a corpus is kept."""

    @property
    def name(self) -> str:
        """Names the sample's files, e.g. ``share-0.05``."""

    def sample(self, turns: Sequence[TrainingTurn], seed: int) -> list[TrainingTurn]:
        """Return the turns kept, in their order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """A share of the dialogues, in (0, 1], rounded to whole ones; at least one."""

    amount: float

    def __post_init__(self) -> None:
        """Refuse what is no share."""
        if not 0 < self.amount <= 1:
            raise ConfigError(f"share {self.amount}; expected more than 0 and at most 1 (0.05: 5%)")

    @property
    def name(self) -> str:
        """Return e.g. ``share-0.05``."""
        return f"share-{self.amount:g}"

    def sample(self, turns: Sequence[TrainingTurn], seed: int) -> list[TrainingTurn]:
        """Return all turns of the dialogues kept."""
        ordered = sorted({_dialogue(turn) for turn in turns}, key=lambda one: _order(seed, *one))
        kept = set(ordered[: max(1, round(self.amount * len(ordered)))])
        return [turn for turn in turns if _dialogue(turn) in kept]


@dataclass(frozen=True, kw_only=True, slots=True)
class PerIntent:
    """So many turns of each intent, all of an intent that has fewer; others have no place."""

    count: int

    def __post_init__(self) -> None:
        """Refuse less than one."""
        if self.count < 1:
            raise ConfigError(f"{self.count} per intent; expected at least 1")

    @property
    def name(self) -> str:
        """Return e.g. ``per-intent-10``."""
        return f"per-intent-{self.count}"

    def sample(self, turns: Sequence[TrainingTurn], seed: int) -> list[TrainingTurn]:
        """Return the turns kept; a dialogue is torn apart where it has several intents."""
        places: defaultdict[str, list[int]] = defaultdict(list)
        for place, turn in enumerate(turns):
            if turn.intent is not None:
                places[turn.intent].append(place)
        kept: set[int] = set()
        for of_intent in places.values():
            ordered = sorted(
                of_intent,
                key=lambda place: _order(
                    seed, *_dialogue(turns[place]), str(len(turns[place].history))
                ),
            )
            kept.update(ordered[: self.count])
        return [turn for place, turn in enumerate(turns) if place in kept]


def derive(prepared: Path, out: Path, turns: Sequence[TrainingTurn]) -> None:
    """Write a prepared folder with other training turns; everything else is as in ``prepared``.

    A folder left half written is no prepared folder: dev comes last, as in `prepare`.
    """
    out.mkdir(parents=True, exist_ok=True)
    for path in sorted(prepared.iterdir()):
        if path.is_file() and path.name not in (_TRAIN, _DEV):
            shutil.copyfile(path, out / path.name)
    save_turns(turns, out / _TRAIN)
    partial = out / "dev.partial"
    shutil.copyfile(prepared / _DEV, partial)
    partial.replace(out / _DEV)
    assert PREPARED[-1] == _DEV


def dialogues_in(turns: Sequence[TrainingTurn]) -> int:
    """Return how many dialogues the turns are from."""
    return len({_dialogue(turn) for turn in turns})


def _dialogue(turn: TrainingTurn) -> tuple[str, str]:
    return turn.corpus, turn.dialogue_id


def _order(seed: int, *parts: str) -> bytes:
    return hashlib.sha256("\n".join([str(seed), *parts]).encode()).digest()
