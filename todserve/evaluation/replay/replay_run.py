"""A replay run: asks remembered dialogues again, shows the differences, and gives a verdict.

``tod replay DIALOGUES --against URL_OR_ARCHIVE`` calls it once the model is open. The utterances it
prints are its user's own and go to the output given, never to a log. Example of its last lines::

    turns           30 in 5 dialogues; tod 1.0, checkpoint 6be1f66b1a28
    same state      28 of 30   expected
    same acts       21 of 30
    same reply      17 of 30
    2 turns differ in what was expected
"""

import sys
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TextIO

from todserve.corpora.files.dialogue_layouts import open_dialogues
from todserve.corpora.read_report import ReadReport
from todserve.evaluation.replay.correction_changes import (
    Before,
    Change,
    answered,
    answered_by,
    change_lines,
    changes,
    has_answers,
)
from todserve.evaluation.replay.replay_differences import Aspect
from todserve.evaluation.replay.replayed_dialogues import ReplayedTurn, replay
from todserve.runtime.console import one_line
from todserve.runtime.errors import CorpusError
from todserve.runtime.language.dialogue import Dialogue
from todserve.runtime.turn_answerer import Answerer

HOLDS, DIFFERS = 0, 1
"""Exit statuses: every expectation held, or some turn differs."""


def run_replay(
    path: Path,
    answers: Answerer,
    *,
    only: Sequence[Aspect] = (Aspect.STATE,),
    own_states: bool = False,
    limit: int | None = None,
    before: Answerer | None = None,
    out: TextIO | None = None,
) -> int:
    """Replay the dialogues at ``path``, print differences and a summary, return the exit status.

    Args:
        path: dialogues in any layout that ``open_dialogues`` knows.
        answers: the model that is tried.
        only: the aspects that must be as remembered, and whose differences are shown.
        own_states: carry the model's own belief states, see ``replay``.
        limit: dialogues to replay; all when None.
        before: another model, to tell what has changed since; when None, what an export of
            corrections says was answered then.
        out: standard output when None.

    Raises:
        CorpusError: no dialogues there, or none that remembers what must hold.
    """
    out = out or sys.stdout
    report = ReadReport()
    _, opened = open_dialogues(path, report=report)
    dialogues = list(islice(opened, limit))
    turns = _replayed(answers, dialogues, own_states=own_states)
    compared = sum(aspect in turn.differences for turn in turns for aspect in only)
    if not compared:
        raise CorpusError(
            f"{path}: {len(turns)} turns, none of which remembers {' or '.join(only)}; expected "
            "dialogues that do; choose other aspects with --only"
        )
    for note in report.notes.values():
        print(f"{note.kind} {note.count}: {one_line(note.reason)}", file=out)
    differing = [turn for turn in turns if _differs(turn, only)]
    changed = changes(turns, _known(path, dialogues, before), only=only)
    became = {(one.turn.place, one.turn.index): one.change for one in changed}
    for turn in differing:
        _show(turn, only, became.get((turn.place, turn.index)), out)
    for one in changed:
        if one.change is Change.MENDED:
            _name(one.turn, one.change, out)
    _summarise(turns, dialogues, only, out)
    if changed:
        print("\n".join(change_lines(changed)), file=out)
    if not differing:
        print("everything expected holds", file=out)
        return HOLDS
    plural = "turn differs" if len(differing) == 1 else "turns differ"
    print(f"{len(differing)} {plural} in what was expected", file=out)
    return DIFFERS


def _known(path: Path, dialogues: Sequence[Dialogue], before: Answerer | None) -> Before:
    """Return what was answered before; empty where nobody knows."""
    if before is not None:
        return answered_by(before, dialogues)
    return answered(path, dialogues) if has_answers(path) else {}


def _replayed(
    answers: Answerer, dialogues: Sequence[Dialogue], *, own_states: bool
) -> list[ReplayedTurn]:
    from tqdm import tqdm  # only a person watching needs it

    total = sum(len(one.turns) for one in dialogues)
    # None: a bar on a terminal, and nothing in a pipeline's log.
    with tqdm(total=total, unit=" turns", disable=None, dynamic_ncols=True) as bar:
        found = replay(answers, dialogues, own_states=own_states, on_batch=bar.update)
        return sorted(found, key=lambda turn: (turn.place, turn.index))


def _differs(turn: ReplayedTurn, only: Sequence[Aspect]) -> bool:
    return any(turn.differences.get(aspect) is not None for aspect in only)


def _name(turn: ReplayedTurn, change: Change | None, out: TextIO) -> None:
    told = "" if change is None else f": {change}"
    print(f"\n{one_line(turn.dialogue_id)} turn {turn.index + 1}{told}", file=out)
    print(_line("user", turn.user), file=out)


def _show(turn: ReplayedTurn, only: Sequence[Aspect], change: Change | None, out: TextIO) -> None:
    _name(turn, change, out)
    for aspect in only:
        difference = turn.differences.get(aspect)
        if difference is None:
            continue
        texts = [f"- {text}" for text in difference.missing]
        texts += [f"+ {text}" for text in difference.added]
        for place, text in enumerate(texts):
            print(_line("" if place else aspect, text), file=out)


def _line(label: str, text: str) -> str:
    return f"  {label:<10} {one_line(text)}".rstrip()


def _summarise(
    turns: Sequence[ReplayedTurn],
    dialogues: Sequence[Dialogue],
    only: Sequence[Aspect],
    out: TextIO,
) -> None:
    models = {turn.model: None for turn in turns if turn.model is not None}
    names = [f"{one.name} {one.version}, checkpoint {one.checkpoint}" for one in models]
    answered = " and ".join(names) or "no turn was answered"
    told = f"{len(turns)} in {len(dialogues)} dialogues; {one_line(answered)}"
    print(f"\n{'turns':<15} {told}", file=out)
    for aspect in Aspect:
        compared = [turn.differences[aspect] for turn in turns if aspect in turn.differences]
        if not compared and aspect not in only:
            continue
        figure = f"{sum(one is None for one in compared)} of {len(compared)}"
        wanted = "expected" if aspect in only else ""
        print(f"{f'same {aspect}':<15} {figure:<10} {wanted}".rstrip(), file=out)
