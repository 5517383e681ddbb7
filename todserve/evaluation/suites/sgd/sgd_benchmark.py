"""``tod evaluate sgd``: Schema-Guided Dialogue by the rules of its challenge.

Example: ``run_benchmark("sgd", split_dir=Path("dstc8/test")).figures["joint_goal_accuracy"]``.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from todserve.evaluation.benchmark import Benchmark
from todserve.evaluation.benchmark_options import BenchmarkOptions, Typed
from todserve.evaluation.scorecard import Scores


class SgdOptions(BenchmarkOptions):
    """The common options, and where a split is that the corpus's reader does not know."""

    split: Annotated[str, Typed("dev or train", "NAME")] = "dev"
    split_dir: Annotated[Path | None, Typed("a folder in SGD's layout", "DIR")] = None
    train_schema: Annotated[Path | None, Typed("services that are seen", "FILE")] = None


def _run(options: SgdOptions) -> Scores:
    if options.split_dir is not None:
        options.without("split", why="--split-dir is one")
        return _scored(options.split_dir, options)
    from todserve.corpora.registry import find

    source = find("sgd", options.corpora)
    with TemporaryDirectory() as scratch:
        # Of an archive too: the challenge's rules want every spelling in the files themselves.
        folder = Path(scratch) / options.split
        folder.mkdir()
        for path, content in source.files(options.split, ".json"):
            (folder / Path(path).name).write_bytes(content)
        return _scored(folder, options)


def _scored(folder: Path, options: SgdOptions) -> Scores:
    from todserve.evaluation.suites.sgd.sgd_metrics import METRICS
    from todserve.evaluation.suites.sgd.sgd_run import run_sgd

    content = run_sgd(
        options.answerer(),
        folder,
        options.out,
        limit=options.limit,
        train_schema=options.train_schema,
        progress=options.progress,
    )
    return Scores(
        figures={name: content[name] for name in METRICS},
        signature=content["signature"],
        content=content,
    )


def _needs(options: SgdOptions) -> tuple[str, ...]:
    return () if options.split_dir else ("sgd",)


BENCHMARK = Benchmark(
    name="sgd",
    measures="Schema-Guided Dialogue: the four official metrics, of seen and unseen services",
    corpora=("sgd",),
    splits=("dev", "train"),
    needs=_needs,
    options=SgdOptions,
    run=_run,
)
