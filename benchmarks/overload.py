"""Overload and many sessions: what is answered, and how fast, and what it costs.

Needs a running server (``tod start``); starts a gateway of its own. The load is locust, in a
process of its own, see ``overload_users.py``. Example:
``python -m benchmarks.overload --json runs/overload.json``.

16 clients, then 128, 512, and 16 again, round by round, so that every share is of two measurements
that lie a minute apart. The last one shows how long the server takes to be itself again: what it
answers in the first five seconds after the crowd has gone. ``--peers stock litserve`` puts the same
load on what a user could pick instead, in turn with ours.

``--few 100 --clients 1000 --think 20`` is many sessions instead: each says something, and thinks
for twenty seconds on average. Without ``--think`` every client has a turn in flight all the time.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import psutil

from benchmarks.gateway_turn import gateways
from benchmarks.latency import percentile
from benchmarks.machine import describe
from benchmarks.peers.plain_torchserve import ROOT
from benchmarks.peers.stock import StockPeer
from benchmarks.peers.web import WebPeer, litserve_peer, ray_peer
from benchmarks.ports import Ports
from benchmarks.resources import cpu_seconds
from todserve.evaluation.scorecard import code_version

_WARM = 5.0
_RECOVERY = 5.0
PEERS: Mapping[str, Callable[[Path, Path, Ports], StockPeer | WebPeer]] = {
    "stock": StockPeer,
    "litserve": litserve_peer,
    "ray_serve": ray_peer,
}
"""What a user could pick instead, of those that have a server."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """A server that is asked.

    Attributes:
        port: where it listens.
        path: where turns are posted, one by one; None where dialogues are held, as with a gateway.
    """

    port: int
    path: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What became of one request.

    Attributes:
        at: when, by the clock.
        seconds: it took.
        status: of HTTP; 0 where the connection broke.
        since: seconds since the turn was asked for first, what was refused included.
    """

    at: float
    seconds: float
    status: int
    since: float


def main() -> None:
    """Measure, print, and write the figures where asked to."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--port", type=int, default=8080, help="of the running endpoint")
    parser.add_argument("--name", default="tod", help="of its model")
    parser.add_argument("--clients", type=int, nargs="+", default=[128, 512], help="crowds")
    parser.add_argument("--few", type=int, default=16, help="clients that the shares are of")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=15, help="of one load")
    parser.add_argument("--think", type=float, default=0.0, help="seconds between a client's turns")
    parser.add_argument("--bare", action="store_true", help="the endpoint itself, no gateway")
    parser.add_argument("--rude", action="store_true", help="clients that do not wait when asked")
    parser.add_argument("--gateway-port", type=int, help="of a gateway that runs already")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=[], help="also load these")
    parser.add_argument(
        "--checkpoint", type=Path, default=ROOT / "checkpoints/multiwoz", help="that peers serve"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    arguments = parser.parse_args()
    arguments.gateways = 1
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        figures = measured(arguments, _sides(arguments, folder, stack), folder)
    found = {"code": code_version(), "machine": describe(), **figures}
    print(json.dumps(found, indent=1))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _sides(arguments: argparse.Namespace, folder: Path, stack: ExitStack) -> dict[str, Side]:
    """Return all that is asked, by name; what is started here ends with ``stack``."""
    found: dict[str, Side] = {}
    if arguments.bare:
        found["endpoint"] = Side(port=arguments.port, path=f"/predictions/{arguments.name}")
    elif arguments.gateway_port:
        found["gateway"] = Side(port=arguments.gateway_port)
    else:
        database = folder / "dialogues.sqlite"
        (port,) = stack.enter_context(gateways(arguments, database, folder))
        found["gateway"] = Side(port=port)
    ports = Ports()
    for name in arguments.peers:
        home = folder / name
        home.mkdir()
        peer = PEERS[name](arguments.checkpoint, home, ports)
        stack.callback(peer.stop)
        peer.start()
        port, path = peer.asked_at
        found[name] = Side(port=port, path=path)
    return found


def measured(arguments: argparse.Namespace, sides: dict[str, Side], folder: Path) -> dict[str, Any]:
    """Return all figures: of every round, and the medians of each side's shares."""
    rounds: list[dict[str, dict[str, Any]]] = []
    for _ in range(arguments.rounds):
        found: dict[str, dict[str, Any]] = {}
        for name, side in sides.items():
            loads = found[name] = {}
            for clients in (arguments.few, *arguments.clients):
                loads[str(clients)] = loaded(arguments, side, clients, folder)
            loads["after"] = loaded(arguments, side, arguments.few, folder, first=_RECOVERY)
        rounds.append(found)
        print(json.dumps(found), file=sys.stderr)

    def share(name: str, load: str) -> float:
        pairs = [(one[name][load], one[name][str(arguments.few)]) for one in rounds]
        shares = [
            crowd["answered_a_second"] / few["answered_a_second"]
            for crowd, few in pairs
            if few["answered_a_second"]
        ]
        return round(statistics.median(shares), 3) if shares else 0.0

    return {
        "clients_wait_when_asked": not arguments.rude,
        "think_seconds": arguments.think,
        "share_of_few": {
            name: {load: share(name, load) for load in rounds[0][name]} for name in sides
        },
        "rounds": rounds,
    }


def loaded(
    arguments: argparse.Namespace,
    side: Side,
    clients: int,
    folder: Path,
    *,
    first: float = 0.0,
) -> dict[str, Any]:
    """Run one load, and return its figures; of the ``first`` seconds alone where given."""
    report = folder / "seen.json"
    # Clients who think do not all begin at once.
    warm = 0.0 if first else _WARM + arguments.think
    command = [sys.executable, "-m", "locust", "-f", str(ROOT / "benchmarks/overload_users.py")]
    command += ["--headless", "--only-summary", "--loglevel", "ERROR", "--report", str(report)]
    command += ["--host", f"http://127.0.0.1:{side.port}", "-u", str(clients), "-r", str(clients)]
    command += ["-t", f"{round(arguments.seconds + arguments.think)}s", "--stop-timeout", "0"]
    command += ["--think", str(arguments.think), "--path", side.path or ""]
    command += ["--rude"] if arguments.rude else []
    watched = listener(side.port)
    before, most = cpu_seconds(watched), 0.0
    running = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while running.poll() is None:
        most = max(most, sum(one.memory_info().rss for one in watched))
        time.sleep(0.2)
    spent = cpu_seconds(watched) - before
    told = json.loads(report.read_text(encoding="utf-8"))
    start = told["began"] + warm
    end = told["began"] + first if first else told["ended"]
    seen = [
        Seen(at=at, seconds=took, status=status, since=since)
        for at, took, status, since in told["seen"]
    ]
    answered = sum(one.status == HTTPStatus.OK for one in seen)
    return {
        **figures_of(seen, start, end),
        "memory_mb": round(most / 1e6),
        "cpu_ms_a_turn": round(1e3 * spent / answered, 2) if answered else None,
    }


def figures_of(seen: Sequence[Seen], start: float, end: float) -> dict[str, Any]:
    """Return the figures of what came from ``start`` to ``end``."""
    counted = [one for one in seen if start <= one.at < end]
    answers = [one for one in counted if one.status == HTTPStatus.OK]

    def at(share: float, times: Sequence[float]) -> float | None:
        return round(1e3 * percentile(times, share), 1) if times else None

    took, since = [one.seconds for one in answers], [one.since for one in answers]
    return {
        "answered_a_second": round(len(answers) / (end - start), 1),
        "p50_ms": at(50, took),
        "p99_ms": at(99, took),
        "p50_with_refusals_ms": at(50, since),
        "p99_with_refusals_ms": at(99, since),
        "statuses": dict(sorted(Counter(str(one.status) for one in counted).items())),
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
