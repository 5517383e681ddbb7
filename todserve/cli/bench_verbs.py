"""The verb that measures: ``tod bench``, ours against what a user could pick instead.

The benchmark and its peers lie in the checkout, not in the installed package.
Example: ``tod bench --quick --json runs/bench.json``.
"""

import argparse
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from todserve.cli.verb_parser import Adder

_CHECKOUT = Path(__file__).resolve().parents[2]


def add_measuring(add: Adder) -> None:
    """Add the verb, with the benchmark's own options where there is a benchmark."""
    bench = add("bench", _bench, "measure a served turn against its peers, in one run")
    if _found():
        # By name: no list of packages holds what is not installed with todserve.
        import_module("benchmarks.options").add_options(bench)


def _bench(arguments: argparse.Namespace) -> None:
    if not _found():
        from todserve.runtime.errors import ConfigError

        raise ConfigError(
            "the benchmark lies in a checkout of the repository; clone it, run `make setup` and "
            "call `tod bench` there"
        )
    import_module("benchmarks.bench").run(arguments)


def _found() -> bool:
    if str(_CHECKOUT) not in sys.path:
        # The console script does not put the checkout on the path by itself.
        sys.path.append(str(_CHECKOUT))
    return find_spec("benchmarks") is not None and find_spec("benchmarks.options") is not None
