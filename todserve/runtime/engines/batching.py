"""Batching: which contexts go together, and what became of rows that end one after another.

Beside the engines: what each of them would otherwise write for itself.
Example: ``similar_lengths([30, 8, 31]) == [[1], [0, 2]]``.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from todserve.runtime.engines.base import Generation, Row
from todserve.runtime.engines.rows import generation_of

_WASTE = 1.5  # a context joins others if it is at most this many times shorter than the longest
_WORTH_A_CALL = 16  # positions that must be padded before a call of their own is cheaper


def similar_lengths(lengths: Sequence[int]) -> list[list[int]]:
    """Return groups of indices, shortest first, in which little is padded.

    Args:
        lengths: tokens of each context.
    """
    by_length = sorted(range(len(lengths)), key=lambda index: lengths[index])
    groups: list[list[int]] = [[]]
    for index in reversed(by_length):
        group = groups[-1]
        longest = lengths[group[0]] if group else lengths[index]
        padded = longest - lengths[index]
        if padded > _WORTH_A_CALL and longest > _WASTE * lengths[index]:
            groups.append([index])
        else:
            group.append(index)
    return [sorted(group) for group in reversed(groups)]


class Chosen:
    """Collects what rows chose, step by step, until each has its generation."""

    def __init__(self, rows: Sequence[Row]) -> None:
        """Start with nothing chosen."""
        self._rows = rows
        self._tokens: list[list[int]] = [[] for _ in rows]
        self._log_probs: list[list[float]] = [[] for _ in rows]
        self._allowed: list[list[float]] = [[] for _ in rows]

    def add(
        self,
        which: NDArray[np.int64],
        tokens: NDArray[np.int64],
        log_probs: NDArray[np.float32],
        allowed_log_probs: NDArray[np.float32],
    ) -> None:
        """Take over some steps of the rows ``which``, all arrays (steps, rows)."""
        parts = zip(
            which.tolist(),
            tokens.T.tolist(),
            log_probs.T.tolist(),
            allowed_log_probs.T.tolist(),
            strict=True,
        )
        for index, chosen, probable, allowed in parts:
            self._tokens[index] += chosen
            self._log_probs[index] += probable
            self._allowed[index] += allowed

    def generations(self) -> list[Generation]:
        """Return each row up to its end token or cap, its prefix left out.

        Raises:
            ConfigError: a log-probability is not finite.
        """
        return [self._generation(index) for index in range(len(self._rows))]

    def _generation(self, index: int) -> Generation:
        row = self._rows[index]
        given = len(row.prefix) - 1
        return generation_of(
            row,
            self._tokens[index][given:],
            self._log_probs[index][given:],
            self._allowed[index][given:],
        )
