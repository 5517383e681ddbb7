"""BenchOptions: what to measure, as ``tod bench`` was asked.

Example: ``BenchOptions(peers=("ours", "bare", "stock"))``.
"""

from collections.abc import Iterable, Mapping
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
    "ray_serve",
    "openvino",
    *IN_PROCESS,
)
"""In the order they take turns."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchOptions:
    """What to measure and where to write it.

    Attributes:
        checkpoint: whose weights all peers run.
        plan: how much.
        peers: which; when empty all but what the plan leaves out. ``ours`` and ``bare`` are one
            archive.
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


def bench_options(
    *,
    checkpoint: Path,
    quick: bool,
    peers: str,
    archives: Iterable[str],
    engines: str,
    model_config: Path | None,
    corpora: Path | None,
    stock_workers: int,
    device: str,
    flask_lock: bool,
) -> BenchOptions:
    """Return what the words of a command line ask for; ``tod bench --help`` describes them."""
    named = {}
    for word in archives:
        name, separator, path = word.rpartition("=")
        named[name if separator else "ours"] = Path(path)
    return BenchOptions(
        checkpoint=checkpoint,
        plan=QUICK if quick else FULL,
        peers=_listed(peers),
        archives=named,
        engines=_listed(engines),
        model_config=model_config,
        corpora=corpora,
        stock_workers=stock_workers,
        device=device,
        flask_lock=flask_lock,
    )


def _listed(words: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in words.split(",") if word.strip())
