"""Overload: what is answered, and how fast, when more ask than can be served.

Needs a running server (``tod start``); starts a gateway of its own. The load is locust, in a
process of its own, see ``overload_users.py``. Example:
``python -m benchmarks.overload --json runs/overload.json``.

16 clients, then 128, 512, and 16 again, round by round, so that every share is of two measurements
that lie a minute apart. The last one shows how long the server takes to be itself again: what it
answers in the first five seconds after the crowd has gone.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

import psutil

from benchmarks.gateway_turn import gateways
from benchmarks.machine import describe
from benchmarks.peers.plain_torchserve import ROOT
from todserve.evaluation.scorecard import code_version

_WARM = 5.0
_RECOVERY = 5.0
Seen = tuple[float, float, int]
"""When an answer came, the seconds it took, its status."""


def main() -> None:
    """Measure, print, and write the figures where asked to."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--port", type=int, default=8080, help="of the running endpoint")
    parser.add_argument("--name", default="tod", help="of its model")
    parser.add_argument("--clients", type=int, nargs="+", default=[128, 512], help="crowds")
    parser.add_argument("--few", type=int, default=16, help="clients that the shares are of")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=15, help="of one load")
    parser.add_argument("--bare", action="store_true", help="the endpoint itself, no gateway")
    parser.add_argument("--rude", action="store_true", help="clients that do not wait when asked")
    parser.add_argument("--gateway-port", type=int, help="of a gateway that runs already")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    arguments = parser.parse_args()
    arguments.gateways = 1
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if arguments.bare or arguments.gateway_port:
            port = arguments.gateway_port or arguments.port
            figures = measured(arguments, port, folder)
        else:
            with gateways(arguments, folder / "dialogues.sqlite", folder) as ports:
                figures = measured(arguments, ports[0], folder)
    found = {"code": code_version(), "machine": describe(), **figures}
    print(json.dumps(found, indent=1))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def measured(arguments: argparse.Namespace, port: int, folder: Path) -> dict[str, Any]:
    """Return all figures: of every round, and the medians of their shares."""
    rounds: list[dict[str, Any]] = []
    for _ in range(arguments.rounds):
        loads: dict[str, dict[str, Any]] = {}
        for clients in (arguments.few, *arguments.clients):
            loads[str(clients)] = loaded(arguments, port, clients, folder)
        loads["after"] = loaded(arguments, port, arguments.few, folder, first=_RECOVERY)
        rounds.append(loads)
        print(json.dumps(loads), file=sys.stderr)

    def share(name: str) -> float:
        before = [one[str(arguments.few)]["answered_a_second"] for one in rounds]
        shares = [
            one[name]["answered_a_second"] / peak
            for one, peak in zip(rounds, before, strict=True)
            if peak
        ]
        return round(statistics.median(shares), 3) if shares else 0.0

    return {
        "through": "endpoint" if arguments.bare else "gateway",
        "clients_wait_when_asked": not arguments.rude,
        "share_of_few": {name: share(name) for name in rounds[0] if name != str(arguments.few)},
        "rounds": rounds,
    }


def loaded(
    arguments: argparse.Namespace,
    port: int,
    clients: int,
    folder: Path,
    *,
    first: float = 0.0,
) -> dict[str, Any]:
    """Run one load, and return its figures; of the ``first`` seconds alone where given."""
    report = folder / "seen.json"
    command = [sys.executable, "-m", "locust", "-f", str(ROOT / "benchmarks/overload_users.py")]
    command += ["--headless", "--only-summary", "--loglevel", "ERROR", "--report", str(report)]
    command += ["--host", f"http://127.0.0.1:{port}", "-u", str(clients), "-r", str(clients)]
    command += ["-t", f"{arguments.seconds}s", "--stop-timeout", "0"]
    command += [] if arguments.bare else ["--gateway"]
    command += ["--rude"] if arguments.rude else []
    watched = listener(port)
    running = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    most = 0.0
    while running.poll() is None:
        most = max(most, *(one.memory_info().rss for one in watched), 0)
        time.sleep(0.2)
    told = json.loads(report.read_text(encoding="utf-8"))
    start = told["began"] + (0.0 if first else _WARM)
    end = told["began"] + (first or arguments.seconds)
    seen: list[Seen] = [tuple(one) for one in told["seen"]]
    return {**_figures(seen, start, end), "memory_mb": round(most / 1e6)}


def _figures(seen: Sequence[Seen], start: float, end: float) -> dict[str, Any]:
    counted = [one for one in seen if start <= one[0] < end]
    answered = sorted(one[1] for one in counted if one[2] == HTTPStatus.OK)
    at: Callable[[float], float | None] = lambda part: (  # noqa: E731
        round(1e3 * answered[min(len(answered) - 1, int(part * len(answered)))], 1)
        if answered
        else None
    )
    return {
        "answered_a_second": round(len(answered) / (end - start), 1),
        "p50_ms": at(0.5),
        "p99_ms": at(0.99),
        "statuses": dict(sorted(Counter(str(one[2]) for one in counted).items())),
    }


def listener(port: int) -> list[psutil.Process]:
    """Return the process that listens on a port of this machine, and its children."""
    found = [
        one.pid
        for one in psutil.net_connections("tcp")
        if one.status == psutil.CONN_LISTEN and one.laddr and one.laddr.port == port and one.pid
    ]
    owners = [psutil.Process(pid) for pid in found[:1]]
    return [each for one in owners for each in (one, *one.children(recursive=True))]


if __name__ == "__main__":
    main()
