"""``tod evaluate sgd``: score a checkpoint on a split folder by the challenge's rules (DSTC8).

It reads the split, rolls the dialogues out, and scores the frames. Example:
``run_sgd(AnswererSource(checkpoint=folder), Path("dstc8/test"))["joint_goal_accuracy"]``.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from todserve.evaluation.answerer import AnswererSource, ScoredAnswerer
from todserve.evaluation.dialogue_selection import TEST_WARNING, select
from todserve.evaluation.figures import save_figures
from todserve.evaluation.rollout import PROTOCOL, Outcome, roll_out
from todserve.evaluation.scorecard import Signature, code_version
from todserve.evaluation.suites.sgd.sgd_metrics import METRICS, FrameScore, averages, score_frame
from todserve.evaluation.suites.sgd.sgd_prediction import FrameTracker, labels_of
from todserve.evaluation.suites.sgd.sgd_split import SgdSplit, read_split, service_names
from todserve.runtime.console import tell, warn
from todserve.runtime.language.dialogue import Dialogue

RULES = "dstc8-fuzzy,frames-of-the-reference,times-as-said"
"""Names the rules in the signature, beside the rollout's protocol."""

REQUESTED_SLOTS = "slots of the predicted reply's inform acts; the model has no task of its own"
"""Says in every file of figures where the requested slots come from."""


def run_sgd(
    source: AnswererSource,
    split_dir: Path,
    json_out: Path | None = None,
    *,
    limit: int | None = None,
    train_schema: Path | None = None,
    batch: int = 32,
    progress: bool = True,
) -> dict[str, Any]:
    """Roll the checkpoint out over a split, print the figures and return them.

    A service the checkpoint has never heard of scores what an empty state scores; that is no
    error. A turn the pipeline refuses is wrong in every metric.

    Args:
        source: who answers.
        split_dir: a folder with ``schema.json`` and ``dialogues_*.json``.
        json_out: write the figures to this file.
        limit: score at most so many dialogues, always the same ones.
        train_schema: the ``schema.json`` that says which services are seen, by the challenge's
            rules that of the train split; the checkpoint's own when None.
        batch: turns in one pipeline call.
        progress: show a progress bar on stderr.

    Returns:
        The four metrics, the same under ``seen``, ``unseen`` and ``services`` (each with its
        number of ``frames``), ``counts``, ``requested_slots`` and ``signature``.

    Raises:
        ConfigError: a wrong checkpoint, schema or limit.
        CorpusError: the folder is not in the publisher's layout.
    """
    split = read_split(split_dir)
    if split.name == "test":
        warn(TEST_WARNING)
    chosen = select(split.plain_dialogues(), limit=limit)
    pipeline = source.open()
    try:
        seen = service_names(train_schema or source.checkpoint / "schema.json")
        outcomes = _rolled_out(pipeline, chosen, batch=batch, progress=progress)
        signature = Signature(
            corpus="sgd",
            split=f"{split.name}:{split.checksum}",
            subset="all" if limit is None else f"all-first-{limit}",
            checkpoint=source.signed_name(pipeline),
            code=code_version(),
            protocol=f"{PROTOCOL},{RULES}",
        )
    finally:
        pipeline.close()
    figures = {
        **sgd_figures(frame_scores(outcomes, split), seen),
        "counts": _counts(outcomes, split, len(chosen)),
        "seen_by": "schema.json of the training split" if train_schema else "the checkpoint",
        "requested_slots": REQUESTED_SLOTS,
        "signature": str(signature),
    }
    tell(sgd_table(figures))
    if json_out is not None:
        save_figures(figures, json_out)
        tell(f"written to {json_out}")
    return figures


def frame_scores(outcomes: Sequence[Outcome], split: SgdSplit) -> list[FrameScore]:
    """Return the scores of every frame of the outcomes' turns.

    Args:
        outcomes: of each dialogue from its first turn on, in order; dialogues may alternate.
        split: has their references.
    """
    trackers: dict[str, FrameTracker] = {}
    scores: list[FrameScore] = []
    for one in outcomes:
        tracker = trackers.setdefault(one.dialogue_id, FrameTracker(schema=split.schema))
        turn = split.dialogues[one.dialogue_id][one.index]
        predicted = tracker.frames(turn, labels_of(one))
        scores += [
            score_frame(frame, guess, split.services[frame.service])
            for frame, guess in zip(turn.frames, predicted, strict=True)
        ]
    return scores


def sgd_figures(scores: Sequence[FrameScore], seen: Collection[str]) -> dict[str, Any]:
    """Return the metrics over all frames, over those of seen and unseen services, and by service.

    Args:
        scores: of all frames.
        seen: names of the services that training saw.
    """
    services = sorted({one.service for one in scores})
    return {
        **averages(scores),
        "seen": _part([one for one in scores if one.service in seen]),
        "unseen": _part([one for one in scores if one.service not in seen]),
        "services": {
            name: {
                **_part([one for one in scores if one.service == name]),
                "seen": name in seen,
            }
            for name in services
        },
    }


def sgd_table(figures: Mapping[str, Any]) -> str:
    """Return the figures of all, seen and unseen services as aligned text."""
    counts = figures["counts"]
    lines = [f"{counts['dialogues']} dialogues, {counts['user_turns']} turns"]
    lines.append(f"  {'':<24} {'all':>7} {'seen':>7} {'unseen':>7}")
    for name in METRICS:
        row = (figures, figures["seen"], figures["unseen"])
        cells = " ".join(f"{_shown(part[name]):>7}" for part in row)
        lines.append(f"  {name:<24} {cells}")
    frames = (counts["frames"], figures["seen"]["frames"], figures["unseen"]["frames"])
    lines.append(f"  {'frames':<24} " + " ".join(f"{number:>7}" for number in frames))
    lines.append(f"requested slots: {figures['requested_slots']}")
    lines.append(str(figures["signature"]))
    return "\n".join(lines)


def _part(scores: Sequence[FrameScore]) -> dict[str, Any]:
    return {**averages(scores), "frames": len(scores)}


def _counts(outcomes: Sequence[Outcome], split: SgdSplit, dialogues: int) -> dict[str, int]:
    frames = [
        frame for one in outcomes for frame in split.dialogues[one.dialogue_id][one.index].frames
    ]
    return {
        "dialogues": dialogues,
        "user_turns": len(outcomes),
        "frames": len(frames),
        # Nothing asked and nothing predicted scores 1.0, so the F1 of silence is far from 0.
        "frames_with_requested_slots": sum(bool(one.requested_slots) for one in frames),
        "refused_turns": sum(one.answer is None for one in outcomes),
    }


def _rolled_out(
    pipeline: ScoredAnswerer, dialogues: list[Dialogue], *, batch: int, progress: bool
) -> list[Outcome]:
    from tqdm import tqdm

    turns = sum(len(one.turns) for one in dialogues)
    with tqdm(total=turns, unit=" turns", disable=not progress, dynamic_ncols=True) as bar:
        return list(roll_out(pipeline, dialogues, batch=batch, on_batch=bar.update))


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
