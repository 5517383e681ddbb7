"""Reliability: how often what is said with a confidence of, say, 80% is right.

The calibration report and the temperature fit call it. Pure arithmetic on (confidence, right)
pairs. Example: four slots at 0.9 of which two are right are off by 0.4.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from math import ceil, log, log1p

from todserve.evaluation.figures import share

BINS = 15
"""Guo et al.'s number of bins."""

_SUREST = 1 - 1e-6
"""Beyond this fp32's log-sum-exp cannot tell probabilities apart, and the log-loss runs away."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """Something the model said with ``confidence`` in [0, 1], and whether it was right."""

    confidence: float
    right: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Bin:
    """One bar of a reliability diagram.

    Attributes:
        low: of equal width: its confidences are above it (in the first, or equal); of equal
            count: the lowest of them.
        high: the confidences are not above it.
        confidence: their mean.
        accuracy: share of them that were right.
        count: how many; a bar without any is left out.
    """

    low: float
    high: float
    confidence: float
    accuracy: float
    count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Reliability:
    """How far confidences can be believed.

    Attributes:
        count: things judged.
        accuracy: share that was right.
        confidence: mean confidence.
        ece: expected calibration error over equal-width bins: mean gap between a bin's confidence
            and accuracy, weighted by count (Naeini et al., AAAI 2015; Guo et al., ICML 2017).
        ece_equal_mass: the same over bins of equal count, which a pile-up near 1 cannot hide in
            (Nixon et al., 2019).
        brier: mean squared difference of confidence and outcome (Brier, 1950); 0 is best.
        log_loss: mean of -ln of the probability given to what happened; nats.
        diagram: the equal-width bins.
        diagram_equal_mass: the bins of equal count.
    """

    count: int
    accuracy: float | None
    confidence: float | None
    ece: float | None
    ece_equal_mass: float | None
    brier: float | None
    log_loss: float | None
    diagram: tuple[Bin, ...]
    diagram_equal_mass: tuple[Bin, ...]


def reliability(judged: Sequence[Judged], *, bins: int = BINS) -> Reliability:
    """Return every figure of ``judged``; None for those that need at least one."""
    width, mass = equal_width(judged, bins), equal_mass(judged, bins)
    count = len(judged)
    return Reliability(
        count=count,
        accuracy=share(sum(one.right for one in judged), count),
        confidence=share(sum(one.confidence for one in judged), count),
        ece=expected_calibration_error(width),
        ece_equal_mass=expected_calibration_error(mass),
        brier=share(sum((one.confidence - one.right) ** 2 for one in judged), count),
        log_loss=share(sum(map(log_loss, judged)), count),
        diagram=width,
        diagram_equal_mass=mass,
    )


def equal_width(judged: Sequence[Judged], bins: int = BINS) -> tuple[Bin, ...]:
    """Return bins ((m - 1) / bins, m / bins], empty ones left out."""
    members: dict[int, list[Judged]] = defaultdict(list)
    for one in judged:
        # 0.2 * 15 may come out a hair above 3, and so in the next bin, without the tolerance.
        members[max(1, ceil(one.confidence * bins - 1e-9))].append(one)
    return tuple(_bin(members[m], (m - 1) / bins, m / bins) for m in sorted(members))


def equal_mass(judged: Sequence[Judged], bins: int = BINS) -> tuple[Bin, ...]:
    """Return bins of as equal counts as ties allow: equal confidences always share a bin.

    So the result does not depend on the order of what is judged.
    """
    ordered = sorted(judged, key=lambda one: one.confidence)
    members: dict[int, list[Judged]] = defaultdict(list)
    before = 0
    for _, tied in groupby(ordered, key=lambda one: one.confidence):
        group = list(tied)
        members[before * bins // len(ordered)] += group
        before += len(group)
    return tuple(
        _bin(part, part[0].confidence, part[-1].confidence) for _, part in sorted(members.items())
    )


def expected_calibration_error(diagram: Sequence[Bin]) -> float | None:
    """Return sum over bins of count / all * |accuracy - confidence|; None without bins."""
    gaps = sum(one.count * abs(one.accuracy - one.confidence) for one in diagram)
    return share(gaps, sum(one.count for one in diagram))


def log_loss(one: Judged) -> float:
    """Return -ln of the probability given to what happened."""
    confidence = min(one.confidence, _SUREST)
    if one.right:
        return -log(max(confidence, 1 - _SUREST))
    return -log1p(-confidence)


def _bin(members: Sequence[Judged], low: float, high: float) -> Bin:
    count = len(members)
    return Bin(
        low=low,
        high=high,
        confidence=sum(one.confidence for one in members) / count,
        accuracy=sum(one.right for one in members) / count,
        count=count,
    )
