"""``tod evaluate truth``: how many untrue statements whole dialogues hold.

Example: ``run_benchmark("truth", dialogues=50).figures["untrue"]``.
"""

from typing import Annotated

from todserve.evaluation.benchmark import Benchmark
from todserve.evaluation.benchmark_options import BenchmarkOptions, Typed
from todserve.evaluation.scorecard import Scores


class TruthOptions(BenchmarkOptions):
    """The common options, and how dialogues are driven."""

    dialogues: Annotated[int, Typed("how many", "N")] = 200
    constrained: Annotated[bool, Typed("hold answers to the schema")] = False
    unchecked: Annotated[bool, Typed("read every first reply")] = False


def _run(options: TruthOptions) -> Scores:
    from todserve.evaluation.suites.truth.truth_run import run_truth

    dialogues = options.dialogues
    content = run_truth(
        options.answerer(constrained=options.constrained, checked=not options.unchecked),
        dialogues=dialogues if options.limit is None else min(dialogues, options.limit),
        split=options.split,
        out=options.out,
        root=options.corpora,
    )
    return Scores(
        figures={"untrue": content["untrue"]}, signature=content["signature"], content=content
    )


BENCHMARK = Benchmark(
    name="truth",
    measures="whole MultiWOZ dialogues: statements in replies that the database does not bear out",
    corpora=("multiwoz21",),
    splits=("dev", "test"),
    options=TruthOptions,
    run=_run,
)
