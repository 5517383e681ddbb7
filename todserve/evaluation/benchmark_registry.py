"""One way to every benchmark: its name says what is measured, and how it is run.

Stands between the suites and whoever runs one by name, such as ``todserve.evaluate``.
Example: ``run_benchmark("people", checkpoint="checkpoints/multiwoz").figures["right"]``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

from todserve.evaluation.scorecard import Scorecard
from todserve.runtime.errors import ConfigError

DEFAULT_CHECKPOINT = Path("checkpoints/multiwoz")

_SUITES = "todserve.evaluation.suites"
BENCHMARKS: Mapping[str, tuple[str, str]] = {
    "banking77": ("intents.intent_benchmarks", "run_banking77"),
    "clinc150": ("intents.intent_benchmarks", "run_clinc150"),
    "corpus": ("corpus_benchmark", "run_corpus"),
    "domains": ("domains.domain_benchmark", "run_domain_comparison"),
    "multiwoz": ("multiwoz.multiwoz_benchmark", "run_evaluation"),
    "people": ("people.people_benchmark", "run_people"),
    "sgd": ("sgd.sgd_benchmark", "run_sgd"),
    "truth": ("truth.truth_benchmark", "run_truth"),
}
"""name -> module below ``suites`` and function that runs it."""

# As an option is called -> as those who run a benchmark call it, where that differs.
_OTHER_NAMES = {"out": "json_out", "corpora": "root"}
_PATHS = {"checkpoint", "out", "corpora", "file", "split_dir", "csv", "train_schema", "model"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Scores:
    """What a benchmark measured.

    Attributes:
        figures: name -> score.
        signature: of what was measured.
    """

    figures: Mapping[str, Any]
    signature: str


def run_benchmark(benchmark: str, /, **given: Any) -> Scores:
    """Score a checkpoint, or the server that has it, and print the figures.

    Args:
        benchmark: one of ``BENCHMARKS``.
        given: its options as the command line has them: ``checkpoint``, ``url``, ``name``,
            ``limit``, ``split``, ``out``, ``corpora``, ...

    Raises:
        ConfigError: there is no such benchmark or option, or the checkpoint is wrong.
        CorpusError: a corpus that it needs is missing.
    """
    if benchmark not in BENCHMARKS:
        raise ConfigError(
            f"unknown benchmark {benchmark!r}; expected one of {', '.join(BENCHMARKS)}"
        )
    module, function = BENCHMARKS[benchmark]
    run = getattr(import_module(f"{_SUITES}.{module}"), function)
    known = set(signature(run).parameters)
    chosen: dict[str, Any] = {}
    for option, value in {"checkpoint": DEFAULT_CHECKPOINT, **given}.items():
        other = _OTHER_NAMES.get(option, option)
        place = option if option in known else other
        if place not in known:
            raise ConfigError(
                f"{benchmark}: unknown option {option!r}; expected one of {', '.join(known)}"
            )
        chosen[place] = Path(value) if option in _PATHS and value is not None else value
    return _scores(run(**chosen))


def _scores(measured: Any) -> Scores:
    if isinstance(measured, Scorecard):
        return Scores(
            figures={one.figure.name: one.figure.value for one in measured.figures},
            signature=str(measured.figures[0].signature),
        )
    return Scores(figures=measured, signature=str(measured.get("signature", "")))
