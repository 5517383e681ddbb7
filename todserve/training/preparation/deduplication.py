"""Deduplication: one training example of each kind, across turns, dialogues and corpora.

The preparation calls it before it writes the training turns. An example is one task's context and
target (Su et al. write d = (task, prompt, context, target)), so a turn may lose one target and keep
the others. Example: "hi" -> ``[general]`` is trained on once, not four hundred times.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator

from todserve.runtime.language.tasks import TASKS, TaskName
from todserve.training.preparation.fingerprints import fingerprint
from todserve.training.preparation.training_turns import TARGET_FIELDS, TrainingTurn


class Deduplicator:
    """Remembers every example it has let through, as a fingerprint.

    Attributes:
        examples: examples seen.
        dropped: (corpus, task) -> examples left out because they had been seen.
        turns: turns of which nothing was left.
    """

    def __init__(self) -> None:
        """Start without any memory."""
        self._seen: set[bytes] = set()
        self.examples = 0
        self.dropped: Counter[tuple[str, TaskName]] = Counter()
        self.turns = 0

    def __call__(self, turns: Iterable[TrainingTurn]) -> Iterator[TrainingTurn]:
        """Yield the turns with their new examples alone, those without any not at all."""
        for turn in turns:
            tasks = turn.tasks
            fresh = [task for task in tasks if self._is_new(turn, task)]
            if fresh:
                yield turn.only(fresh)
            elif tasks:
                self.turns += 1

    def lines(self) -> Iterator[str]:
        """Yield the counts as plain text."""
        total = sum(self.dropped.values())
        yield (
            f"deduplication: {total} of {self.examples} examples seen before and left out, "
            f"{self.turns} turns with them"
        )
        for (corpus, task), count in sorted(self.dropped.items()):
            yield f"  {count:>6}  {corpus} {task}"

    def _is_new(self, turn: TrainingTurn, task: TaskName) -> bool:
        self.examples += 1
        key = _example(turn, task)
        if key in self._seen:
            self.dropped[turn.corpus, task] += 1
            return False
        self._seen.add(key)
        return True


def _example(turn: TrainingTurn, task: TaskName) -> bytes:
    """Return the fingerprint of everything the model is shown and asked to write."""
    spoken = [text for user, plain, _ in turn.history for text in (user, plain)]
    target = json.dumps(
        [turn.previous_state, getattr(turn, TARGET_FIELDS[task])], ensure_ascii=False
    )
    shown = turn.database_token if TASKS[task].needs_database else ""
    return fingerprint([task, target, shown, turn.user, *spoken])
