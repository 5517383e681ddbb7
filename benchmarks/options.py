"""BenchOptions: what to measure, and the command line that says so.

Example: ``BenchOptions(peers=("ours", "bare", "stock"))``.
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.plan import FULL, QUICK, Plan

IN_PROCESS: Mapping[str, str] = {
    "plug_and_play_no_db": "stock generate in process: four tasks in one batch, no database",
    "plug_and_play": "stock generate in process: a batch a phase, with the database",
    "cascaded": "stock generate in process: four calls, with the database",
}
PEERS = (
    "ours",
    "bare",
    "stock",
    "cascade_workflow",
    "cascade_client",
    "flask",
    "litserve",
    *IN_PROCESS,
)
"""In the order they take turns."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchOptions:
    """What to measure and where to write it.

    Attributes:
        checkpoint: whose weights all peers run.
        plan: how much.
        peers: which; all when empty. ``ours`` and ``bare`` are one archive.
        archives: name -> finished archive; ``ours`` replaces the one that would be built.
        engines: further engines of ours as ``engine:dtype``.
        model_config: of the archive that is built.
        corpora: where MultiWOZ is; TOD_DATA when None.
        stock_workers: workers of the stock handler.
        device: ``cpu`` or ``gpu``, deviceType of the stock archives.
        flask_lock: Flask answers one turn at a time.
    """

    checkpoint: Path = Path("checkpoints/multiwoz")
    plan: Plan = QUICK
    peers: tuple[str, ...] = ()
    archives: Mapping[str, Path] = field(default_factory=dict)
    engines: tuple[str, ...] = ()
    model_config: Path | None = None
    corpora: Path | None = None
    stock_workers: int = 1
    device: str = "cpu"
    flask_lock: bool = False


def options_of(arguments: argparse.Namespace) -> BenchOptions:
    """Return what was asked for on the command line."""
    archives = {}
    for word in arguments.archive:
        name, separator, path = word.rpartition("=")
        archives[name if separator else "ours"] = Path(path)
    return BenchOptions(
        checkpoint=arguments.checkpoint,
        plan=QUICK if arguments.quick else FULL,
        peers=_listed(arguments.peers),
        archives=archives,
        engines=_listed(arguments.engines),
        model_config=arguments.model_config,
        corpora=arguments.corpora,
        stock_workers=arguments.stock_workers,
        device=arguments.device,
        flask_lock=arguments.flask_lock,
    )


def _listed(words: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in words.split(",") if word.strip())


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the benchmark's options to ``parser``."""
    add = parser.add_argument
    add("--quick", action="store_true", help="a short run, under ten minutes on two cores")
    add("--json", type=Path, metavar="FILE", help="write everything there")
    add("--markdown", type=Path, metavar="FILE", help="write the report there")
    add("--plot", type=Path, metavar="FILE", help="draw a picture there (.svg, .png, .pdf)")
    add("--peers", default="", metavar="A,B", help=f"some of {', '.join(PEERS)}; default all")
    add("--checkpoint", type=Path, default=Path("checkpoints/multiwoz"), metavar="DIR")
    add(
        "--archive",
        action="append",
        default=[],
        metavar="[NAME=]FILE",
        help="a finished archive of ours; without a name it replaces the one built here",
    )
    add(
        "--engines",
        default="",
        metavar="E:D,E:D",
        help="further engines of ours, e.g. torch:float32,onnx:float32",
    )
    add("--model-config", type=Path, metavar="FILE", help="of the archive that is built")
    add("--corpora", type=Path, metavar="DIR", help="where MultiWOZ is (default: TOD_DATA)")
    add("--stock-workers", type=int, default=1, metavar="N", help="of the stock handler")
    add("--device", choices=("cpu", "gpu"), default="cpu", help="of the stock archives")
    add("--flask-lock", action="store_true", help="Flask answers one turn at a time")
