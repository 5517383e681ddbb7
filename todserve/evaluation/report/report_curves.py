"""Learning curves of a training run, read from its TensorBoard folder.

The HTML report draws the curves that it returns. Example: ``read_curves(Path("runs/multiwoz"))[0]``
is the curve ``train/intent/nats``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from todserve.runtime.errors import ConfigError

NATS = "nats"
"""Last part of the tags of cross-entropy: ``train/belief_state/nats``."""

SPEED = "tokens_per_second"
"""The tag of useful tokens a second."""

MOST_POINTS = 300
"""A curve with more is averaged into so many stretches of equal counts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """A figure over the steps of a run.

    Attributes:
        tag: e.g. ``dev/intent/nats``.
        points: (step, value), by step.
    """

    tag: str
    points: tuple[tuple[float, float], ...]

    @property
    def split(self) -> str:
        """``train`` or ``dev``; the whole tag for a curve of neither."""
        return self.tag.partition("/")[0]

    @property
    def task(self) -> str:
        """The task; empty for a curve of none."""
        parts = self.tag.split("/")
        return parts[1] if len(parts) == 3 else ""


def read_curves(run: Path) -> tuple[Curve, ...]:
    """Return cross-entropy per split and task, and the speed, as far as the run has them.

    Args:
        run: a run's folder, or the TensorBoard folder in it.

    Raises:
        ConfigError: there are no curves in it.
    """
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder = run / "tensorboard" if (run / "tensorboard").is_dir() else run
    if not any(folder.glob("events.out.tfevents.*")):
        raise ConfigError(f"no learning curves in {run}; expected a folder that `tod train` wrote")
    # 0: every point; by default some would be dropped at random, and the report differ each time.
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    tags = [
        tag
        for tag in sorted(events.Tags()["scalars"])
        if tag == SPEED or (tag.count("/") == 2 and tag.endswith(f"/{NATS}"))
    ]
    return tuple(
        Curve(tag=tag, points=thinned([(one.step, one.value) for one in events.Scalars(tag)]))
        for tag in tags
    )


def thinned(
    points: Sequence[tuple[float, float]], *, most: int = MOST_POINTS
) -> tuple[tuple[float, float], ...]:
    """Return at most ``most`` points; of too many, the means of stretches of equal counts.

    A step seen twice, from a run that went on from an earlier checkpoint, counts by its last value.
    """
    ordered = sorted(dict(points).items())
    if len(ordered) <= most:
        return tuple(ordered)
    edges = [len(ordered) * part // most for part in range(most + 1)]
    return tuple(
        (
            sum(step for step, _ in ordered[low:high]) / (high - low),
            sum(value for _, value in ordered[low:high]) / (high - low),
        )
        for low, high in zip(edges, edges[1:], strict=False)
    )
