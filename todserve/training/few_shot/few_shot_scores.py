"""Evaluations a few-shot run can be told by name: a benchmark, and the split it is scored on.

``tod few-shot --evaluation NAME`` calls it to score the checkpoints it has trained. Example:
``evaluation_named("banking77-test", root=None)(checkpoint)["accuracy"]``. A test split only for
figures that nothing is chosen by.
"""

from collections.abc import Mapping
from pathlib import Path

from todserve.evaluation.benchmark_registry import BENCHMARKS
from todserve.runtime.errors import ConfigError
from todserve.training.few_shot.few_shot_runs import Evaluate

EVALUATIONS = tuple(
    f"{benchmark.name}-{split}"
    for benchmark in BENCHMARKS.values()
    if not any(option.required for option in benchmark.described())
    for split in benchmark.splits or ()
)
"""The benchmarks that need no more than a split, with each of theirs."""


def evaluation_named(name: str, root: Path | None) -> Evaluate:
    """Return the evaluation called ``name``.

    Args:
        name: one of `EVALUATIONS`.
        root: where the corpora are; TOD_DATA when None.

    Raises:
        ConfigError: there is no such evaluation.
    """
    if name not in EVALUATIONS:
        expected = ", ".join(EVALUATIONS)
        raise ConfigError(f"unknown evaluation {name!r}; expected one of {expected}")
    benchmark, _, split = name.rpartition("-")

    def evaluate(checkpoint: Path) -> Mapping[str, float | None]:
        scores = BENCHMARKS[benchmark].scores(
            checkpoint=checkpoint, split=split, corpora=root, progress=False
        )
        return scores.figures

    return evaluate
