"""``tod evaluate clinc150``: which of 150 intents an utterance has, or none of them.

Example: ``run_benchmark("clinc150", file=Path("data_full.json")).figures["accuracy"]``.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from todserve.evaluation.benchmark import Benchmark
from todserve.evaluation.benchmark_options import BenchmarkOptions, Typed
from todserve.evaluation.scorecard import Scores

_FILE = "data_full.json"


class Clinc150Options(BenchmarkOptions):
    """The common options, and a file in place of the corpus."""

    split: Annotated[str, Typed("test, for a final report, dev or train", "NAME")] = "test"
    file: Annotated[Path | None, Typed(f"a file in its layout, such as {_FILE}", "FILE")] = None


def _run(options: Clinc150Options) -> Scores:
    if options.file is not None:
        return _scored(options.file, options)
    from todserve.corpora.registry import find

    with TemporaryDirectory() as scratch, find("clinc150", options.corpora).open(_FILE) as rows:
        file = Path(scratch) / _FILE
        file.write_bytes(rows.read())
        return _scored(file, options)


def _scored(file: Path, options: Clinc150Options) -> Scores:
    from todserve.evaluation.suites.intents.intent_run import run_clinc150

    content = run_clinc150(
        options.answerer(),
        file,
        options.out,
        split=options.split,
        limit=options.limit,
        progress=options.progress,
    )
    return Scores(
        figures={
            name: value
            for name, value in content.items()
            if value is None or isinstance(value, float)
        },
        signature=content["signature"],
        content=content,
    )


def _needs(options: Clinc150Options) -> tuple[str, ...]:
    return () if options.file else ("clinc150",)


BENCHMARK = Benchmark(
    name="clinc150",
    measures="CLINC150: accuracy of 150 intents, and recall of what is out of scope",
    corpora=("clinc150",),
    splits=("test", "dev", "train"),
    needs=_needs,
    options=Clinc150Options,
    run=_run,
)
