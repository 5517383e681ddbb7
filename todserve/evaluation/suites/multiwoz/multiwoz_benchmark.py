"""``tod evaluate multiwoz``: belief states, and whole dialogues by the standardised rules.

Example: ``run_benchmark("multiwoz", quick=True).figures["joint_goal_accuracy"]``.
"""

from pathlib import Path
from typing import Annotated

from todserve.evaluation.benchmark import Benchmark
from todserve.evaluation.benchmark_options import BenchmarkOptions, Typed
from todserve.evaluation.scorecard import Scores


class MultiwozOptions(BenchmarkOptions):
    """The common options, how dialogues are rolled out, and what is written beside the figures."""

    quick: Annotated[bool, Typed("a fixed sample of 100 dialogues")] = False
    html: Annotated[Path | None, Typed("a report to read", "OUT")] = None
    curves: Annotated[Path | None, Typed("run folder for its curves", "RUN")] = None
    oracle_context: Annotated[bool, Typed("PPTOD's own protocol, which leaks")] = False
    states_only: Annotated[bool, Typed("leave the end-to-end rollout out")] = False
    constrained: Annotated[bool, Typed("hold every answer to the schema")] = False
    as_typed: Annotated[bool, Typed("read misspelt words as they stand")] = False
    unchecked: Annotated[bool, Typed("send every first reply, true or not")] = False
    predictions_out: Annotated[Path | None, Typed("in public format", "OUT")] = None
    predictions: Annotated[Path | None, Typed("score this file", "FILE")] = None
    allow_partial: Annotated[bool, Typed("though it lacks turns")] = False


def _run(options: MultiwozOptions) -> Scores:
    if options.predictions is not None:
        return _of_predictions(options.predictions, options)
    from todserve.evaluation.suites.multiwoz.multiwoz_run import run_evaluation

    options.without("allow_partial", why="no file of predictions is scored")
    card = run_evaluation(
        options.answerer(
            constrained=options.constrained,
            spelling=not options.as_typed,
            checked=not options.unchecked,
        ),
        split=options.split,
        quick=options.quick,
        limit=options.limit,
        out=options.out,
        root=options.corpora,
        end_to_end=not options.states_only,
        oracle_context=options.oracle_context,
        predictions_out=options.predictions_out,
        html=options.html,
        curves=options.curves,
        progress=options.progress,
    )
    return card.scores()


def _of_predictions(file: Path, options: MultiwozOptions) -> Scores:
    from todserve.evaluation.suites.multiwoz.predictions_run import run_predictions

    content = run_predictions(
        file, options.out, options.corpora, allow_partial=options.allow_partial
    )
    names = ("inform", "success", "bleu", "combined", "flips")
    return Scores(
        figures={name: content[name] for name in names},
        signature=content["signature"],
        content=content,
    )


BENCHMARK = Benchmark(
    name="multiwoz",
    measures="MultiWOZ 2.1: states, intents and acts, and Inform, Success and BLEU end to end",
    corpora=("multiwoz21",),
    splits=("dev", "test"),
    options=MultiwozOptions,
    run=_run,
)
