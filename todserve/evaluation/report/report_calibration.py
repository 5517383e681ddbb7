"""The report's part on calibration, read back from the JSON that a calibration wrote.

The HTML report calls it with the file that ``run_calibration`` wrote. Example row:
``intent  T 1.38  ECE 0.031 -> 0.009`` with the bars of both reliability diagrams.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from todserve.evaluation.calibration.calibration_report import AFTER, BEFORE
from todserve.runtime.errors import ConfigError

Bars = tuple[tuple[float, float, int], ...]
"""(mean confidence, share that was right, count) of the bins that hold anything."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClaimRow:
    """One kind of claim, before (temperature 1) and after (the fitted one).

    Attributes:
        task: whose confidence it is.
        claim: what was judged: ``slot``, ``intent``, ``act``, ``act_set``.
        temperature: the task's.
        count: claims judged.
        accuracy: share of them that was right.
        ece: expected calibration errors, before and after.
        log_loss: nats, before and after.
        before: the reliability diagram.
        after: likewise.
    """

    task: str
    claim: str
    temperature: float
    count: int
    accuracy: float | None
    ece: tuple[float | None, float | None]
    log_loss: tuple[float | None, float | None]
    before: Bars
    after: Bars


def claim_rows(calibration: Mapping[str, Any]) -> tuple[ClaimRow, ...]:
    """Return a row for every task and kind of claim.

    Args:
        calibration: as ``CalibrationReport.as_json`` gives it.

    Raises:
        ConfigError: it is not of that form.
    """
    try:
        return tuple(
            _row(task, claim, found[BEFORE], found[AFTER], one["temperature"])
            for task, one in calibration["tasks"].items()
            for claim, found in one["claims"].items()
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise ConfigError(
            f"the calibration's figures lack {error}; expected the JSON that a calibration "
            "writes, with tasks, claims, before and after"
        ) from None


def _row(
    task: str, claim: str, before: Mapping[str, Any], after: Mapping[str, Any], temperature: float
) -> ClaimRow:
    return ClaimRow(
        task=task,
        claim=claim,
        temperature=temperature,
        count=before["count"],
        accuracy=before["accuracy"],
        ece=(before["ece"], after["ece"]),
        log_loss=(before["log_loss"], after["log_loss"]),
        before=_bars(before),
        after=_bars(after),
    )


def _bars(one: Mapping[str, Any]) -> Bars:
    return tuple((bar["confidence"], bar["accuracy"], bar["count"]) for bar in one["diagram"])
