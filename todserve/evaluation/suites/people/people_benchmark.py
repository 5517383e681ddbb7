"""``tod evaluate people``: how many typed steps a checkpoint understands.

Example: ``run_benchmark("people", constrained=True).figures["right"]``.
"""

from pathlib import Path
from typing import Annotated

from todserve.evaluation.benchmark import Benchmark
from todserve.evaluation.benchmark_options import BenchmarkOptions, Typed
from todserve.evaluation.scorecard import Scores


class PeopleOptions(BenchmarkOptions):
    """The common options, and whose steps."""

    file: Annotated[Path | None, Typed("your own steps (YAML)", "FILE")] = None
    everyday: Annotated[bool, Typed("the second shipped set, with replies")] = False
    constrained: Annotated[bool, Typed("hold answers to the schema")] = False
    show: Annotated[bool, Typed("print each step that went wrong")] = False


def _run(options: PeopleOptions) -> Scores:
    from todserve.evaluation.suites.people.people_run import run_people
    from todserve.evaluation.suites.people.people_steps import EVERYDAY
    from todserve.runtime.errors import ConfigError

    if options.everyday and options.file is not None:
        raise ConfigError("got both everyday and a file of steps; expected one of them")

    content = run_people(
        options.answerer(constrained=options.constrained),
        EVERYDAY if options.everyday else options.file,
        options.out,
        limit=options.limit,
        show=options.show,
    )
    figures: dict[str, float | None] = {name: content[name] for name in ("right", "steps")}
    return Scores(figures=figures, signature=content["signature"], content=content)


BENCHMARK = Benchmark(
    name="people",
    measures="dialogues as people type them: how many steps are understood, state and intent",
    options=PeopleOptions,
    run=_run,
)
