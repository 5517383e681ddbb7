"""Correction changes: what another model made of the turns that people corrected.

``tod replay`` and a training on corrections call it after a replay. A turn was wrong before where
what was answered differs from what people stand for, by the export's own record or by asking
another model; with what is answered now it falls into one of four: ``now right``, ``still wrong``,
``no longer right``, ``right as before``.
Example: ``changes(turns, answered(Path("corrections")), only=(Aspect.STATE,))``.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import Path

from todserve.corpora.files.dialogue_layouts import ANSWERED, open_dialogues
from todserve.evaluation.replay.replay_differences import Aspect, Difference, compare_turns
from todserve.evaluation.replay.replayed_dialogues import ReplayedTurn, replay
from todserve.runtime.language.dialogue import Dialogue
from todserve.runtime.private_files import private_file
from todserve.runtime.turn_answerer import Answerer
from todserve.runtime.whole_files import written_whole

Differences = Mapping[Aspect, Difference | None]
Before = Mapping[tuple[str, int], Differences]
"""(dialogue id, turn) -> how what was answered before differs from what people stand for."""

JUDGED = (Aspect.INTENT, Aspect.STATE, Aspect.ACTS)
"""What a corrected turn is held to: of a reply there are many right ones."""

_MOST_DIALOGUES = 1000


class Change(StrEnum):
    """What became of a turn."""

    MENDED = "now right"
    LEFT = "still wrong"
    BROKEN = "no longer right"
    HELD = "right as before"

    @classmethod
    def of(cls, *, was_right: bool, is_right: bool) -> "Change":
        """Return what became of it."""
        if was_right:
            return cls.HELD if is_right else cls.BROKEN
        return cls.MENDED if is_right else cls.LEFT


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangedTurn:
    """A turn, and what became of it.

    Attributes:
        turn: as it is answered now.
        change: beside what was answered before.
    """

    turn: ReplayedTurn
    change: Change


def has_answers(folder: Path) -> bool:
    """Say whether a folder of dialogues knows how they were answered before people corrected."""
    return (folder / ANSWERED).is_dir()


def answered(folder: Path, dialogues: Sequence[Dialogue]) -> Before:
    """Return how what was answered then differs from dialogues as they stand corrected.

    Raises:
        CorpusError: a fault in the folder's record.
    """
    _, then = open_dialogues(folder / ANSWERED)
    known = {one.dialogue_id: one for one in then}
    return {
        (one.dialogue_id, index): compare_turns(expected, was)
        for one in dialogues
        if one.dialogue_id in known
        for index, (expected, was) in enumerate(
            zip(one.turns, known[one.dialogue_id].turns, strict=False)
        )
    }


def answered_by(model: Answerer, dialogues: Sequence[Dialogue]) -> Before:
    """Return how a model's answers differ from dialogues as they stand corrected."""
    return {(turn.dialogue_id, turn.index): turn.differences for turn in replay(model, dialogues)}


def changes(
    turns: Sequence[ReplayedTurn], before: Before, *, only: Sequence[Aspect]
) -> list[ChangedTurn]:
    """Return what became of every turn that is known from before and remembers an aspect."""
    return [
        ChangedTurn(
            turn=turn,
            change=Change.of(was_right=_right(then, only), is_right=_right(turn.differences, only)),
        )
        for turn in turns
        if (then := before.get((turn.dialogue_id, turn.index))) is not None
        and any(aspect in turn.differences for aspect in only)
    ]


def change_lines(changed: Sequence[ChangedTurn]) -> Iterator[str]:
    """Yield how many turns became what: those that were wrong before, and the others."""
    count = Counter(one.change for one in changed)
    for label, kinds in (
        ("were wrong", (Change.MENDED, Change.LEFT)),
        ("were right", (Change.HELD, Change.BROKEN)),
    ):
        told = ", ".join(f"{count[kind]} {kind}" for kind in kinds)
        yield f"{label:<15} {sum(count[kind] for kind in kinds):<10} {told}"


def report_changes(model: Answerer, folder: Path, file: Path) -> tuple[str, ...]:
    """Ask a model what people corrected, write what became of each turn, return the figures.

    Args:
        model: as it is now.
        folder: corrections, with the answers of then.
        file: written as JSON, for its owner alone: it holds what was said.

    Raises:
        CorpusError: a fault in the folder.
    """
    _, opened = open_dialogues(folder)
    dialogues = list(islice(opened, _MOST_DIALOGUES))
    turns = sorted(replay(model, dialogues), key=lambda turn: (turn.place, turn.index))
    changed = changes(turns, answered(folder, dialogues), only=JUDGED)
    told = [
        {
            "dialogue_id": one.turn.dialogue_id,
            "turn": one.turn.index,
            "user": one.turn.user,
            "change": one.change,
            "differences": {
                aspect: {"missing": found.missing, "added": found.added}
                for aspect in JUDGED
                if (found := one.turn.differences.get(aspect)) is not None
            },
        }
        for one in changed
    ]
    with written_whole(file) as partial:
        private_file(partial)
        partial.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return tuple(change_lines(changed))


def _right(found: Differences, only: Sequence[Aspect]) -> bool:
    return all(found.get(aspect) is None for aspect in only)
