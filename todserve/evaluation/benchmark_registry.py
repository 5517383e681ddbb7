"""The registry of benchmarks: finds each by its name.

The command line, few-shot runs and ``todserve.evaluate`` run benchmarks through it. Example:
``run_benchmark("truth", dialogues=50).figures``.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType
from typing import Any

from todserve.evaluation import suites
from todserve.evaluation.benchmark import Benchmark
from todserve.evaluation.scorecard import Scores
from todserve.runtime.console import tell
from todserve.runtime.errors import ConfigError


def _declared() -> Iterator[Benchmark[Any]]:
    """Yield what the modules ``NAME_benchmark.py`` of every folder declare."""
    for folder in iter_modules(suites.__path__, f"{suites.__name__}."):
        inside = import_module(folder.name).__path__ if folder.ispkg else ()
        for module in iter_modules(inside, f"{folder.name}."):
            if module.name.endswith("_benchmark"):
                benchmark = getattr(import_module(module.name), "BENCHMARK", None)
                if not isinstance(benchmark, Benchmark):
                    raise ConfigError(
                        f"{module.name}: got BENCHMARK {benchmark!r}; expected a Benchmark; "
                        "docs/evaluation.md shows how one is declared"
                    )
                yield benchmark


def _by_name() -> dict[str, Benchmark[Any]]:
    found: dict[str, Benchmark[Any]] = {}
    for benchmark in sorted(_declared(), key=lambda one: one.name):
        if benchmark.name in found:
            raise ConfigError(
                f"two benchmarks are named {benchmark.name!r}; expected one; rename the newer"
            )
        found[benchmark.name] = benchmark
    return found


BENCHMARKS: Mapping[str, Benchmark[Any]] = MappingProxyType(_by_name())
"""name -> benchmark."""


def benchmark_of(name: str) -> Benchmark[Any]:
    """Return the benchmark called ``name``.

    Raises:
        ConfigError: there is none.
    """
    if name not in BENCHMARKS:
        raise ConfigError(f"unknown benchmark {name!r}; expected one of {', '.join(BENCHMARKS)}")
    return BENCHMARKS[name]


def run_benchmark(benchmark: str, /, **given: Any) -> Scores:
    """Run a benchmark; see `Benchmark.scores`.

    Args:
        benchmark: one of `BENCHMARKS`.
        given: its options by name.

    Raises:
        ConfigError: there is no such benchmark or option.
        CorpusError: a corpus that it needs is missing.
    """
    return benchmark_of(benchmark).scores(**given)


def list_benchmarks() -> None:
    """Print every benchmark with its sentence, and whether the corpora it needs are at hand."""
    from todserve.corpora.registry import find
    from todserve.runtime.errors import CorpusError

    width = max(map(len, BENCHMARKS))
    for benchmark in BENCHMARKS.values():
        tell(f"  {benchmark.name:<{width}}  {benchmark.measures}")
        for corpus in benchmark.corpora:
            try:
                find(corpus)
                told = "is at hand"
            except CorpusError:
                told = f"is missing: `tod data get {corpus}`, or set TOD_DATA to where it is"
            tell(f"  {'':<{width}}    {corpus} {told}")
