"""Content: the parts of the JSON that say what ran, on what, and how each peer fared.

Example: ``head_content(options, turns)["checkpoint"]["checksum"]`` is ``6be1f66b1a28``.
"""

import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from benchmarks.agreement import agreement
from benchmarks.comparison import Comparison
from benchmarks.machine import describe
from benchmarks.options import BenchOptions
from benchmarks.peers.base import Peer
from benchmarks.plan import QUICK
from benchmarks.report import FORMAT
from benchmarks.turns import Turns
from todserve.evaluation.scorecard import code_version
from todserve.runtime.checkpoint import CHECKSUM_LENGTH, weights_checksum
from todserve.runtime.engines.engine_spec import EngineName

PACKAGES = (
    *dict.fromkeys(package for engine in EngineName for package in engine.spec.needs),
    "torchserve",
    "flask",
    "litserve",
    "ray",
    "openvino",
    "torch-workflow-archiver",
)


def peer_content(
    peer: Peer, comparison: Comparison, reference: Mapping[int, Mapping[str, Any]]
) -> dict[str, Any]:
    """Return one entry of ``peers``."""
    standing = comparison.standings[peer.name]
    # Without a database the replies are meant to be others.
    comparable = peer.name != "plug_and_play_no_db"
    agreed = agreement(standing.answers, reference, peer.form) if comparable else None
    return {
        "title": peer.title,
        "error": standing.error,
        "startup_seconds": peer.startup_seconds,
        "size_bytes": peer.size_bytes,
        "workers": standing.workers,
        "worker_memory": [asdict(one) for one in standing.memory],
        "all_rss": standing.all_rss,
        "idle_cpu_share": standing.idle_cpu_share,
        "agreement": asdict(agreed) if agreed else None,
    }


def head_content(options: BenchOptions, turns: Turns) -> dict[str, Any]:
    """Return what a reader must know before any figure."""
    return {
        "format": FORMAT,
        "quick": options.plan == QUICK,
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": describe(),
        "versions": _versions(),
        "checkpoint": {
            "folder": options.checkpoint.name,
            "checksum": weights_checksum(options.checkpoint)[:CHECKSUM_LENGTH],
        },
        "code": code_version(),
        "turns": {
            "source": turns.source,
            "number": len(turns.bodies),
            "checksum": turns.checksum,
            "left_out": turns.refused,
        },
        "repeats": asdict(options.plan),
    }


def _versions() -> dict[str, str]:
    found = {"python": sys.version.split()[0]}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
