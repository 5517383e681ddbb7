"""``tod evaluate banking77``: which of 77 intents a question to a bank has.

Example: ``run_benchmark("banking77", csv=Path("test.csv")).figures["accuracy"]``.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from todserve.evaluation.benchmark import Benchmark
from todserve.evaluation.benchmark_options import BenchmarkOptions, Typed
from todserve.evaluation.scorecard import Scores


class Banking77Options(BenchmarkOptions):
    """The common options, and a file in place of the corpus."""

    split: Annotated[str, Typed("test, for a final report, or train", "NAME")] = "test"
    csv: Annotated[Path | None, Typed("a file in its layout, such as test.csv", "FILE")] = None


def _run(options: Banking77Options) -> Scores:
    if options.csv is not None:
        options.without("split", why="--csv is the file of one")
        return _scored(options.csv, options)
    from todserve.corpora.registry import find

    name = f"{options.split}.csv"
    with TemporaryDirectory() as scratch, find("banking77", options.corpora).open(name) as rows:
        file = Path(scratch) / name
        file.write_bytes(rows.read())
        return _scored(file, options)


def _scored(file: Path, options: Banking77Options) -> Scores:
    from todserve.evaluation.suites.intents.intent_run import run_banking77

    content = run_banking77(
        options.answerer(),
        file,
        options.out,
        limit=options.limit,
        progress=options.progress,
    )
    return Scores(
        figures={name: content[name] for name in ("accuracy", "macro_f1", "invented")},
        signature=content["signature"],
        content=content,
    )


def _needs(options: Banking77Options) -> tuple[str, ...]:
    return () if options.csv else ("banking77",)


BENCHMARK = Benchmark(
    name="banking77",
    measures="Banking77: accuracy and macro F1 of the intents of questions to a bank",
    corpora=("banking77",),
    splits=("test", "train"),
    needs=_needs,
    options=Banking77Options,
    run=_run,
)
