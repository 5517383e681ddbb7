"""Latencies to figures: percentiles, and a workflow's stalls taken out of them.

Example: ``percentile([10, 20, 30, 40], 50)`` is ``25.0``.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

STALL_MS = 2000.0
STALL_OF_MEDIAN = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class LatencySummary:
    """Latencies in milliseconds.

    Attributes:
        turns: how many the percentiles are of.
        p50: median.
        p95: 95th percentile.
        p99: 99th percentile.
        stalls: turns left out because the server stalled.
        longest_stall: the longest of them; 0 without any.
    """

    turns: int
    p50: float
    p95: float
    p99: float
    stalls: int = 0
    longest_stall: float = 0.0


def percentile(values: Sequence[float], share: float) -> float:
    """Return the ``share`` percentile, between the two nearest values where it falls there.

    Raises:
        ValueError: there are no values, or the share is not from 0 to 100.
    """
    if not values:
        raise ValueError("no values; a percentile needs at least one")
    if not 0 <= share <= 100:
        raise ValueError(f"share: got {share}; expected 0 to 100")
    ordered = sorted(values)
    place = (len(ordered) - 1) * share / 100
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def split_stalls(milliseconds: Sequence[float]) -> tuple[list[float], list[float]]:
    """Return the ordinary latencies and the stalls.

    A stall is a hop that TorchServe's workflow lost and tried again after its timeout: above two
    seconds and above ten times the median, so that mere queueing is none.
    """
    if not milliseconds:
        return [], []
    limit = max(STALL_MS, STALL_OF_MEDIAN * statistics.median(milliseconds))
    ordinary = [one for one in milliseconds if one <= limit]
    return ordinary, [one for one in milliseconds if one > limit]


def summarise(milliseconds: Sequence[float], *, stalls_apart: bool = False) -> LatencySummary:
    """Return the figures of at least one latency.

    Args:
        milliseconds: one for each turn.
        stalls_apart: leave stalls out of the percentiles and count them.
    """
    ordinary, stalls = split_stalls(milliseconds) if stalls_apart else (list(milliseconds), [])
    return LatencySummary(
        turns=len(ordinary),
        p50=percentile(ordinary, 50),
        p95=percentile(ordinary, 95),
        p99=percentile(ordinary, 99),
        stalls=len(stalls),
        longest_stall=max(stalls, default=0.0),
    )
