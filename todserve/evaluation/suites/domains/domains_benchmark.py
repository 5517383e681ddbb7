"""``tod evaluate domains``: the decision which domain a turn is about.

Three things by one name: the decision of a checkpoint, the ablation of what it is taken from, and
how restless the domains of somebody's predictions are. Example:
``run_benchmark("domains", limit=20).content["rows"]``.
"""

from pathlib import Path
from typing import Annotated, Any

from todserve.evaluation.benchmark import Benchmark
from todserve.evaluation.benchmark_options import BenchmarkOptions, Typed
from todserve.evaluation.scorecard import Scores


class DomainsOptions(BenchmarkOptions):
    """The common options, and which of the three."""

    ablation: Annotated[bool, Typed("of the classifier, on SGD")] = False
    predictions: Annotated[Path | None, Typed("flips of this file", "FILE")] = None
    model: Annotated[Path | None, Typed("another domain.json", "FILE")] = None


def _run(options: DomainsOptions) -> Scores:
    if options.ablation:
        return _ablation(options)
    return _flips(options) if options.predictions is not None else _comparison(options)


def _ablation(options: DomainsOptions) -> Scores:
    from todserve.evaluation.suites.domains.domain_run import run_domain_ablation

    options.without(
        *("url", "token_file", "limit", "engine", "dtype", "threads"),
        why="the ablation asks no checkpoint",
    )
    content = run_domain_ablation(options.out, root=options.corpora, progress=options.progress)
    return Scores(
        figures={
            f"{part} {row['sources']} ({row['previous']})": row["accuracy"]
            for part, found in content.items()
            for row in found["rows"]
        },
        signature="; ".join(found["signature"] for found in content.values()),
        content=content,
    )


def _flips(options: DomainsOptions) -> Scores:
    from todserve.evaluation.suites.domains.flips_run import run_domain_flips
    from todserve.runtime.checkpoint import Checkpoint

    assert options.predictions is not None
    options.without(
        *("url", "token_file", "limit", "engine", "dtype", "threads"),
        why="no checkpoint answers anything",
    )
    opened = Checkpoint.open(options.checkpoint)
    content = run_domain_flips(
        options.predictions,
        opened.schema,
        options.out,
        model=opened.domain_model,
        root=options.corpora,
    )
    return Scores(
        figures={f"flips {part}": content[part]["flips"] for part in ("estimated", "decided")},
        signature=content["signature"],
        content=content,
    )


def _comparison(options: DomainsOptions) -> Scores:
    from todserve.evaluation.suites.domains.domain_run import run_domain_comparison

    options.without("url", why="the decision's parts are seen in this process alone")
    content: dict[str, Any] = run_domain_comparison(
        options.checkpoint,
        options.out,
        limit=options.limit,
        model=options.model,
        root=options.corpora,
        settings=options.settings(),
        progress=options.progress,
    )
    return Scores(
        figures={row["decision"]: row["accuracy"] for row in content["rows"]},
        signature=content["signature"],
        content=content,
    )


def _needs(options: DomainsOptions) -> tuple[str, ...]:
    return ("sgd",) if options.ablation else ("multiwoz21",)


BENCHMARK = Benchmark(
    name="domains",
    measures="the decision which domain a turn is about: accuracy, switches and flips",
    corpora=("multiwoz21", "sgd"),
    needs=_needs,
    options=DomainsOptions,
    run=_run,
)
