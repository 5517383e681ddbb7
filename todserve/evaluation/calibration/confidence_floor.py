"""The confidence floor: below which confidence a belief-state value is not worth acting on.

``tod calibrate --floor`` calls it: it rolls the same half of dev out with the temperatures that the
checkpoint has, and looks at every value that a turn wrote anew. Example: where of the values below
0.31 more are wrong than right, and of those above more are right, the floor is 0.31.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from todserve.corpora.silver.silver_annotator import DevHalf, dev_half
from todserve.evaluation.answerer import AnswererSource
from todserve.evaluation.calibration.calibration_dialogues import (
    CORPUS,
    SPLIT,
    Half,
    calibration_half,
    dev_dialogues,
)
from todserve.evaluation.dialogue_selection import select
from todserve.evaluation.rollout import PROTOCOL, Outcome, roll_out
from todserve.evaluation.scorecard import Signature, code_version
from todserve.runtime.console import tell
from todserve.runtime.decoding.calibration import CALIBRATION_FILE, Calibration, CalibrationFit

Judged = tuple[float, bool]
"""A value's confidence, and whether it is right."""


def run_confidence_floor(
    checkpoint: Path,
    *,
    write: bool = False,
    limit: int | None = None,
    root: Path | None = None,
    constrained: bool = True,
    batch: int = 32,
) -> float:
    """Fit the floor on dev, print and return it.

    Args:
        checkpoint: a checkpoint folder for MultiWOZ.
        write: put it into the folder's ``calibration.json``, for serving to use.
        limit: use at most so many dialogues.
        root: where the corpora are; the environment variable TOD_DATA when None.
        constrained: decode as serving does.
        batch: turns in one call.

    Raises:
        ConfigError: a wrong checkpoint.
        CorpusError: the corpus is missing or malformed.
    """
    # Unchecked: what an earlier floor, or the grounds, refused would never be judged.
    pipeline = AnswererSource(checkpoint=checkpoint, constrained=constrained, checked=False).open()
    try:
        opened = pipeline.checkpoint
        fitted_on = [
            one
            for one in dev_dialogues(opened, root)
            if dev_half(one.dialogue_id) is DevHalf.HELD_OUT
            and calibration_half(one.dialogue_id) is Half.FIT
        ]
        chosen = select(fitted_on, limit=limit)
        judged = judged_values(roll_out(pipeline, chosen, batch=batch))
    finally:
        pipeline.close()
    floor = confidence_floor(judged)
    below = [right for confidence, right in judged if confidence < floor]
    signature = Signature(
        corpus=CORPUS,
        split=SPLIT,
        subset=f"all/{DevHalf.HELD_OUT}/{Half.FIT}" + ("" if limit is None else f"-first-{limit}"),
        checkpoint=opened.checksum,
        code=code_version(),
        protocol=PROTOCOL,
    )
    tell(
        f"act_from {floor:.3f}: {len(below)} of {len(judged)} values lie below, "
        f"{sum(below)} of them right"
    )
    tell(signature)
    if write:
        path = checkpoint / CALIBRATION_FILE
        known = Calibration.load(path, checkpoint=opened.checksum)
        fit = known.fit or CalibrationFit(corpus=CORPUS, split=SPLIT, signature=str(signature))
        known.model_copy(
            update={"act_from": floor, "checkpoint": opened.checksum, "fit": fit}
        ).save(path)
        tell(f"written to {path}")
    return floor


def judged_values(outcomes: Iterable[Outcome]) -> list[Judged]:
    """Return every value that a turn wrote anew, with its confidence, and whether it is right."""
    judged: list[Judged] = []
    before: dict[str, dict[tuple[str, str], str]] = {}
    for one in outcomes:
        known = before.get(one.dialogue_id, {})
        state = (one.answer.belief_state if one.answer else None) or {}
        gold = one.turn.belief_state or {}
        now: dict[tuple[str, str], str] = {}
        for domain, slots in state.items():
            for slot, said in slots.items():
                now[domain, slot] = said.value
                if said.confidence is not None and known.get((domain, slot)) != said.value:
                    judged.append((said.confidence, gold.get(domain, {}).get(slot) == said.value))
        before[one.dialogue_id] = now
    return judged


def confidence_floor(judged: Sequence[Judged]) -> float:
    """Return the confidence below which most is gained by asking instead of acting.

    To leave out a wrong value gains what leaving out a right one loses.
    """
    best, gained, floor = 0, 0, 0.0
    ordered = sorted(judged)
    for place, (_, right) in enumerate(ordered):
        gained += -1 if right else 1
        following = ordered[place + 1][0] if place + 1 < len(ordered) else 1.0
        if gained > best and following > ordered[place][0]:
            best, floor = gained, following
    return round(floor, 3)
