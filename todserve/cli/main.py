"""The ``tod`` command: verbs only; each calls one room, imported when it is called.

Stands beside the way of a request: it trains what answers, scores it, packs it, starts it and talks
to it. Nothing heavy is imported before a verb is chosen, so ``tod --help`` answers at once.
Example: ``tod archive checkpoints/multiwoz && tod start && tod chat``.
"""

import argparse
import sys
from collections.abc import Sequence

from todserve.cli.bench_verbs import add_measuring
from todserve.cli.bot_verbs import add_bots
from todserve.cli.corpus_verbs import add_sources
from todserve.cli.evaluation_verbs import add_evaluating
from todserve.cli.gateway_verbs import add_keeping
from todserve.cli.serving_verbs import add_serving
from todserve.cli.training_verbs import add_training
from todserve.cli.verb_parser import Verb, adder
from todserve.runtime.errors import TodError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit status.

    0 done, 1 done with findings (``data validate``, ``replay``), 2 a reported error, 130
    interrupted.
    """
    from todserve.runtime.console import console_door

    with console_door():
        return _run(argv)


def _run(argv: Sequence[str] | None) -> int:
    arguments = build_parser().parse_args(argv)
    verb: Verb = arguments.verb
    try:
        return verb(arguments) or 0
    except TodError as error:
        print(f"tod: {error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        # The learning verbs need the `train` extra, which a serving machine does without.
        if error.name is None or error.name.partition(".")[0] == "todserve":
            raise
        print(f"tod: package {error.name!r} is not installed; run `make setup`", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("tod: interrupted", file=sys.stderr)
        return 130


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all verbs; each sets ``verb`` to the function it calls."""
    parser = argparse.ArgumentParser(
        prog="tod", description="From labelled dialogues to a served dialogue turn."
    )
    add = adder(parser)
    add_training(add)
    add_evaluating(add)
    add_serving(add)
    add_keeping(add)
    add_bots(add)
    add_measuring(add)
    add_sources(add)
    add("version", _version, "print the version")
    return parser


def _version(arguments: argparse.Namespace) -> None:
    from importlib.metadata import version

    print(f"todserve {version('todserve')}")


if __name__ == "__main__":
    sys.exit(main())
