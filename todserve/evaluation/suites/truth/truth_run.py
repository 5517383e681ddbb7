"""``tod evaluate truth``: how many untrue statements whole dialogues hold.

It rolls dialogues out and has `truth_reader` read the replies. The users' turns are the corpus's,
everything else is the model's own. Example: ``run_truth(AnswererSource(checkpoint=folder))`` prints
``0 untrue statements in 1,450 replies of 200 dialogues`` and, before it, each one in its words.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from todserve.corpora.registry import find
from todserve.evaluation.answerer import AnswererSource
from todserve.evaluation.dialogue_selection import check_split
from todserve.evaluation.figures import save_figures
from todserve.evaluation.metrics.rule_counts import RuleCounts
from todserve.evaluation.rollout import Outcome, Protocol, roll_out
from todserve.evaluation.scorecard import code_version
from todserve.evaluation.suites.multiwoz.multiwoz_checkpoint import GoalDialogues
from todserve.evaluation.suites.truth.truth_reader import SaidTurn, TruthReader, references_in
from todserve.runtime.console import tell
from todserve.runtime.knowledge.knowledge_base import KnowledgeBase

_CORPUS = "multiwoz21"


def run_truth(
    source: AnswererSource,
    *,
    dialogues: int = 200,
    split: str = "dev",
    out: Path | None = None,
    root: Path | None = None,
    batch: int = 32,
) -> dict[str, Any]:
    """Drive dialogues end to end, read every reply, print and return what is untrue.

    Args:
        source: who answers.
        dialogues: how many of the split.
        split: ``dev``; the test split is for final reports.
        out: write the figures as JSON to this file.
        root: where the corpora are; the environment variable TOD_DATA when None.
        batch: turns in one call.

    Raises:
        ConfigError: a wrong checkpoint or split.
        CorpusError: the corpus is missing or malformed.
    """
    check_split(split, allow_test=True)
    goals = GoalDialogues.read(find(_CORPUS, root), split, limit=dialogues)
    pipeline = source.open()
    # The reader trusts what it is given; whether the file is plain knowledge is seen here.
    KnowledgeBase.open(source.checkpoint / "knowledge.sqlite").close()
    reader = TruthReader(source.checkpoint / "knowledge.sqlite")
    try:
        outcomes = list(
            roll_out(pipeline, goals.dialogues, protocol=Protocol.END_TO_END, batch=batch)
        )
        named = source.signed_name(pipeline)
        found = [
            (one, untruth)
            for one, turn in said_turns(outcomes)
            for untruth in reader.untruths(turn)
        ]
    finally:
        reader.close()
        pipeline.close()
    counts = RuleCounts.of(outcomes)
    for outcome, untruth in found:
        tell(f"{outcome.dialogue_id} turn {outcome.index}: {untruth.kind}: {untruth.words}")
    kinds = Counter(untruth.kind for _, untruth in found)
    tell(counts.told())
    tell(
        f"{len(found)} untrue statements in {counts.replies} replies of {len(goals.dialogues)} "
        f"dialogues{': ' if kinds else ''}"
        + ", ".join(f"{kind} {number}" for kind, number in kinds.most_common())
    )
    figures: dict[str, Any] = {
        "untrue": len(found),
        "kinds": dict(kinds.most_common()),
        "dialogues": len(goals.dialogues),
        "rules": counts.figures(),
        "signature": f"{_CORPUS}|{split}|first-{dialogues}|checkpoint:{named}|"
        f"todserve:{code_version()}|{Protocol.END_TO_END}",
    }
    tell(figures["signature"])
    if out is not None:
        save_figures(figures, out)
    return figures


def said_turns(outcomes: Iterable[Outcome]) -> Iterator[tuple[Outcome, SaidTurn]]:
    """Yield each reply with what was said and booked before it, dialogue by dialogue."""
    by_dialogue: dict[str, list[Outcome]] = {}
    for one in sorted(outcomes, key=lambda one: one.index):
        by_dialogue.setdefault(one.dialogue_id, []).append(one)
    for turns in by_dialogue.values():
        before: list[str] = []
        booked: dict[str, str] = {}
        for one in turns:
            answer = one.answer
            reply = answer.response.text if answer and answer.response else ""
            domain = answer.domain.active if answer and answer.domain else None
            yield (
                one,
                SaidTurn(
                    user=one.turn.user,
                    reply=reply,
                    state=one.state,
                    domain=domain,
                    before=tuple(before),
                    booked=dict(booked),
                ),
            )
            before += [one.turn.user, reply]
            told = references_in(reply)
            if told and domain:
                booked[domain] = told[-1]
