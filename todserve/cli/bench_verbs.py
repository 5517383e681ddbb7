"""The verb that measures: ``tod bench``, ours against what a user could pick instead.

The benchmark and its peers lie in the checkout, not in the installed package.
Example: ``tod bench --quick --json runs/bench.json``.
"""

import sys
from enum import StrEnum
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from todserve.cli.options import (
    DEFAULT_CHECKPOINT,
    Checkpoint,
    Corpora,
    Json,
    ModelConfigFile,
)
from todserve.cli.verb_command import VerbCommand

PANEL = "Score"
_CHECKOUT = Path(__file__).resolve().parents[2]


class Device(StrEnum):
    """Where the stock archives run."""

    CPU = "cpu"
    GPU = "gpu"


def add_bench_verbs(app: typer.Typer) -> None:
    """Add ``bench``, which measures."""
    app.command("bench", cls=VerbCommand, rich_help_panel=PANEL)(_bench)


def _bench(
    quick: Annotated[
        bool, typer.Option("--quick", help="a short run, under five minutes on two quiet cores")
    ] = False,
    json: Json = None,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", metavar="FILE", help="write the report there")
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE", help="draw a picture there (.svg, .png, .pdf)"),
    ] = None,
    peers: Annotated[
        str,
        typer.Option("--peers", metavar="A,B", help="these alone; else all, or the usual if quick"),
    ] = "",
    checkpoint: Checkpoint = DEFAULT_CHECKPOINT,
    archive: Annotated[
        list[str] | None,
        typer.Option(
            "--archive",
            metavar="NAME=FILE",
            help="a finished archive of ours; FILE alone replaces the one built here",
        ),
    ] = None,
    engines: Annotated[
        str,
        typer.Option(
            "--engines",
            metavar="E:D,E:D",
            help="further engines of ours, e.g. torch:float32,onnx:float32",
        ),
    ] = "",
    model_config: ModelConfigFile = None,
    corpora: Corpora = None,
    stock_workers: Annotated[
        int, typer.Option("--stock-workers", metavar="N", min=1, help="of the stock handler")
    ] = 1,
    device: Annotated[Device, typer.Option("--device", help="of the stock archives")] = Device.CPU,
    flask_lock: Annotated[
        bool, typer.Option("--flask-lock", help="Flask answers one turn at a time")
    ] = False,
) -> None:
    """Measure a served turn against its peers, in one run."""
    if not _found():
        from todserve.runtime.errors import ConfigError

        raise ConfigError(
            "the benchmark lies in a checkout of the repository; clone it, run `make setup` and "
            "call `tod bench` there"
        )
    from todserve.serving.terminal.painted_lines import json_file

    # By name: no list of packages holds what is not installed with todserve.
    chosen = import_module("benchmarks.options").bench_options(
        checkpoint=checkpoint,
        quick=quick,
        peers=peers,
        archives=archive or [],
        engines=engines,
        model_config=model_config,
        corpora=corpora,
        stock_workers=stock_workers,
        device=device.value,
        flask_lock=flask_lock,
    )
    with json_file(json) as out:
        import_module("benchmarks.bench").run(
            chosen, json_out=out, markdown_out=markdown, plot=plot
        )


def _found() -> bool:
    if str(_CHECKOUT) not in sys.path:
        # The console script does not put the checkout on the path by itself.
        sys.path.append(str(_CHECKOUT))
    return find_spec("benchmarks") is not None and find_spec("benchmarks.options") is not None
