"""Stopwatch: measures how long each stage of a batch took.

The pipeline times its stages with it; the numbers become ``timing_ms`` of the answer. Example:
``with watch.stage("act"): ...`` then ``watch.milliseconds()["act"]``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter


class Stopwatch:
    """Measures the time of stages, from its making on."""

    def __init__(self) -> None:
        """Start."""
        self._start = perf_counter()
        self._stages: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time of the block to ``name``."""
        start = perf_counter()
        try:
            yield
        finally:
            self._stages[name] = self._stages.get(name, 0.0) + perf_counter() - start

    def milliseconds(self) -> dict[str, float]:
        """Return each stage so far and ``total``, to a hundredth of a millisecond."""
        times = {**self._stages, "total": perf_counter() - self._start}
        return {name: round(1000 * seconds, 2) for name, seconds in times.items()}
