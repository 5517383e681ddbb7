"""Evaluations a few-shot run can be told by name.

Stands between ``tod few-shot --evaluation NAME`` and the evaluations. Example:
``evaluation_named("banking77-test", root=None)(checkpoint)["accuracy"]``.
"""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from todserve.corpora.registry import find
from todserve.evaluation.suites.intents.intent_benchmarks import run_banking77
from todserve.evaluation.suites.multiwoz.multiwoz_benchmark import run_evaluation
from todserve.runtime.errors import ConfigError
from todserve.training.few_shot.few_shot_runs import Evaluate

_BANKING77_FIGURES = ("accuracy", "macro_f1", "invented")


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
    return lambda checkpoint: EVALUATIONS[name](checkpoint, root)


def _multiwoz(split: str) -> Callable[[Path, Path | None], Mapping[str, float | None]]:
    def evaluate(checkpoint: Path, root: Path | None) -> Mapping[str, float | None]:
        card = run_evaluation(
            checkpoint, split=split, root=root, allow_test=split == "test", progress=False
        )
        return {one.figure.name: one.figure.value for one in card.figures}

    return evaluate


def _banking77(checkpoint: Path, root: Path | None) -> Mapping[str, float | None]:
    with tempfile.TemporaryDirectory() as folder, find("banking77", root).open("test.csv") as rows:
        file = Path(folder) / "test.csv"
        file.write_bytes(rows.read())
        figures = run_banking77(checkpoint, file, progress=False)
    return {name: figures[name] for name in _BANKING77_FIGURES}


EVALUATIONS: Mapping[str, Callable[[Path, Path | None], Mapping[str, float | None]]] = (
    MappingProxyType(
        {
            "multiwoz-dev": _multiwoz("dev"),
            "multiwoz-test": _multiwoz("test"),
            "banking77-test": _banking77,
        }
    )
)
"""name -> evaluation; a test split only for figures that nothing is chosen by."""
