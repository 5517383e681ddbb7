"""Label shares: how often each label came in training, and how far what is said now is from that.

Training counts the shares into a checkpoint's ``labels.json``, the checkpoint's description tells
them, and the gateway compares what its model answers with them. Example:
``divergence({"find_train": 0.5}, Counter())`` is None, for nothing has been said yet.
"""

import math
from collections import Counter
from collections.abc import Mapping

from todserve.runtime.language.dialogue import BeliefState, state_update

Shares = Mapping[str, float]
"""label -> share of all, from 0 to 1."""

_DIGITS = 6
_HALF = 0.5
"""What each label is thought to have come once more than it did: one that is new is no miracle."""


def shares_of(counted: Counter[str]) -> dict[str, float]:
    """Return the share of each label, in the order of their names."""
    total = counted.total()
    return {name: round(counted[name] / total, _DIGITS) for name in sorted(counted)}


def changed_slots(before: BeliefState, after: BeliefState) -> list[str]:
    """Return the slots that a turn set, changed or withdrew, as ``train-day``."""
    update = state_update(before, after)
    return [f"{domain}-{slot}" for domain, slots in update.items() for slot in slots]


def divergence(usual: Shares, now: Counter[str]) -> float | None:
    """Return the Kullback-Leibler divergence of what comes now from what was usual, in nats.

    0 where labels come as often as they did; None where either says nothing.
    """
    if not usual or not now:
        return None
    names = {*usual, *now}
    total = now.total() + _HALF * len(names)
    # As many in all as now: what was never seen in training weighs as half a turn of now.
    whole = now.total() * sum(usual.values()) + _HALF * len(names)
    found = 0.0
    for name in names:
        share = (now[name] + _HALF) / total
        before = (usual.get(name, 0.0) * now.total() + _HALF) / whole
        found += share * math.log(share / before)
    return max(0.0, found)
