"""Figure: a number, what it is counted over, and how.

The metrics and benchmarks return their results as figures, and the reports print them. Example:
``Figure(name="intent_accuracy", value=0.91, of=712, unit="turns")``.

What an evaluation measured is saved as JSON that is never half written: ``save_figures({"accuracy":
0.93}, Path("scores.json"))``.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from todserve.runtime.whole_files import write_whole


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A number that an evaluation measured.

    Attributes:
        name: e.g. ``joint_goal_accuracy``.
        value: the score; None when there was nothing to count.
        of: how many ``unit`` it is counted over.
        unit: ``turns``, ``slots``, ``acts`` or ``replies``.
        note: what a reader must know to compare it.
    """

    name: str
    value: float | None
    of: int
    unit: str
    note: str = ""


def share(part: float, whole: int) -> float | None:
    """Return ``part / whole``, None for nothing of nothing."""
    return part / whole if whole else None


def f1(right: int, predicted: int, expected: int) -> float | None:
    """Return the F1 of ``right`` hits; None when nothing was predicted and nothing expected."""
    return share(2 * right, predicted + expected)


def save_figures(content: Mapping[str, object], path: Path) -> None:
    """Write ``content`` to ``path`` at once, making its folder where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
