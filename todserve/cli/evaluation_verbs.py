"""Verbs that score and compare: ``tod evaluate BENCHMARK``, ``tod replay``.

Example: ``tod evaluate multiwoz --checkpoint checkpoints/multiwoz --split dev --json OUT``.
"""

import argparse
from pathlib import Path
from typing import Any

from todserve.cli.verb_parser import Adder


def add_evaluating(add: Adder) -> None:
    """Add the verbs."""
    evaluate = add("evaluate", _evaluate, "list the benchmarks, or run one by its name")
    evaluate.add_argument("benchmark", nargs="?", metavar="NAME", help="all are listed without")
    evaluate.add_argument(
        "rest", nargs=argparse.REMAINDER, metavar="...", help="its options: NAME --help"
    )
    _replay_parser(add)


def _replay_parser(add: Adder) -> None:
    replay = add("replay", _replay, "ask remembered dialogues again and show what differs")
    replay.add_argument("dialogues", type=Path)
    replay.add_argument("--against", required=True, metavar="URL_OR_ARCHIVE")
    replay.add_argument("--only", default="state", metavar="ASPECTS", help="state,acts,reply")
    replay.add_argument("--own-states", action="store_true", help="carry the model's own states")
    replay.add_argument("--limit", type=int, metavar="N", help="dialogues")
    replay.add_argument("--name", default="tod", help="name of the model on a server")


def _evaluate(arguments: argparse.Namespace) -> None:
    from todserve.evaluation.benchmark_registry import benchmark_of, list_benchmarks

    if arguments.benchmark is None:
        list_benchmarks()
        return
    benchmark = benchmark_of(arguments.benchmark)
    parser = argparse.ArgumentParser(
        prog=f"tod evaluate {benchmark.name}", description=f"{benchmark.measures}."
    )
    for option in benchmark.described():
        told: dict[str, Any] = {"help": option.help}
        if option.type is bool:
            told["action"] = "store_true"
        else:
            told |= {"type": option.type, "metavar": option.metavar}
        if not option.positional:
            told |= {"dest": option.name, "required": option.required}
        # What is not given is left to the benchmark's own defaults.
        parser.add_argument(option.flag, default=argparse.SUPPRESS, **told)
    benchmark.scores(**vars(parser.parse_args(arguments.rest)))


def _replay(arguments: argparse.Namespace) -> int:
    from todserve.evaluation.replay.replay_differences import Aspect
    from todserve.evaluation.replay.replay_run import run_replay
    from todserve.runtime.errors import ConfigError
    from todserve.serving.client.served_answerer import open_answerer

    try:
        only = tuple(Aspect(name) for name in arguments.only.split(","))
    except ValueError:
        raise ConfigError(
            f"--only: got {arguments.only!r}; expected some of state,acts,reply"
        ) from None
    with open_answerer(arguments.against, name=arguments.name) as model:
        return run_replay(
            arguments.dialogues,
            model,
            only=only,
            own_states=arguments.own_states,
            limit=arguments.limit,
        )
