"""How verbs are put into the parser: shared by all groups of verbs.

Example: ``add("stop", _stop, "stop what start has started").add_argument("--logs")``.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

DEFAULT_CHECKPOINT = Path("checkpoints/multiwoz")

Verb = Callable[[argparse.Namespace], int | None]
"""Does its work; returns an exit status where 0 would not tell the whole story."""

Adder = Callable[[str, Verb, str], argparse.ArgumentParser]


def adder(parser: argparse.ArgumentParser) -> Adder:
    """Return a function that adds a verb to ``parser`` and gives back the verb's own parser."""
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)

    def add(name: str, verb: Verb, purpose: str) -> argparse.ArgumentParser:
        child = verbs.add_parser(
            name, help=purpose, description=f"{purpose[0].upper()}{purpose[1:]}."
        )
        child.set_defaults(verb=verb)
        return child

    return add


def family(add: Adder, name: str, purpose: str) -> Adder:
    """Add a verb that only groups others, e.g. ``data`` of ``data stats``."""
    return adder(add(name, _grouping, purpose))


def corpora_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--corpora``."""
    parser.add_argument("--corpora", type=Path, metavar="DIR", help="the corpora (TOD_DATA)")


def _grouping(arguments: argparse.Namespace) -> None:
    raise AssertionError("the parser demands one of the grouped verbs")
