"""What the gateway adds to a turn, and what it holds: beside the bare endpoint, in one run.

Needs a running server (``tod start``); starts gateways of its own on a database of its own.
Example: ``python -m benchmarks.gateway_turn --json runs/gateway.json``.

Both sides hold the same dialogues through the same HTTP client; beside the bare endpoint the client
carries history, state and domain itself, as the gateway does for its clients. One client: the sides
take turns, dialogue by dialogue, and medians are of the same turns. Many clients: each holds its
own dialogues in a closed loop. Every turn the gateway acknowledged is counted in its store after.
"""

import argparse
import http.client
import json
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import count, cycle
from pathlib import Path
from typing import Any

from benchmarks.latency import LatencySummary, summarise
from benchmarks.load import closed_loop
from benchmarks.machine import describe
from benchmarks.peers.plain_torchserve import ROOT
from benchmarks.peers.process import OwnProcess
from benchmarks.ports import Ports
from benchmarks.scripted_users import Bare, Kept, Script, load_scripts, scripts_from
from todserve.evaluation.scorecard import code_version

_WARM = 1.0
_WINDOW = 8.0
_COMMITS = 200
_BETWEEN_TURNS = 0.015
_BYTES_OF_A_TURN = 2500


def main() -> None:
    """Measure, print, and write the figures where asked to."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--port", type=int, default=8080, help="of the running endpoint")
    parser.add_argument("--name", default="tod", help="of its model")
    parser.add_argument("--rounds", type=int, default=5, help="of each measurement")
    parser.add_argument("--clients", type=int, default=64, help="at once")
    parser.add_argument("--gateways", type=int, default=1, help="processes on one database")
    parser.add_argument("--held", type=int, default=10_000, help="open dialogues in the store")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    arguments = parser.parse_args()
    scripts, source = load_scripts()
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "dialogues.sqlite"
        with gateways(arguments, database, Path(folder)) as ports:
            found = measured(arguments, scripts, ports, database)
    found = {"source": source, "code": code_version(), "machine": describe(), **found}
    print(json.dumps(found, indent=1))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


@contextmanager
def gateways(
    arguments: argparse.Namespace, database: Path, folder: Path
) -> Iterator[tuple[int, ...]]:
    """Run gateways on one new SQLite file, and yield their ports."""
    ports = Ports().take(arguments.gateways)
    running = []
    try:
        for port in ports:
            home = folder / str(port)
            home.mkdir()
            command = [sys.executable, "-m", "todserve", "gateway", "--port", str(port)]
            command += ["--database", f"sqlite:///{database}", "--name", arguments.name]
            command += ["--url", f"http://127.0.0.1:{arguments.port}", "requests_per_minute=0"]
            server = OwnProcess(command, home, cwd=ROOT)
            running.append(server)
            server.start()
            server.wait_for(partial(_lives, port), seconds=60, what="a gateway")
        yield ports
    finally:
        for server in running:
            server.stop()


def measured(
    arguments: argparse.Namespace,
    scripts: Sequence[Script],
    ports: Sequence[int],
    database: Path,
) -> dict[str, Any]:
    """Return all figures."""
    alone = alternating(arguments, scripts, ports[0])
    several = crowded(arguments, scripts, ports)
    begun = time.perf_counter()
    with Kept(ports[0], iter(())) as client:
        for _ in range(arguments.held):
            client.begin()
    spent = time.perf_counter() - begun
    full = alternating(arguments, scripts, ports[0])
    stored = _stored(database)
    return {
        "gateways": arguments.gateways,
        "sync_of_a_commit_p50_ms": sync_of_a_commit(database.with_name("sync.sqlite")),
        "one_client": alone,
        f"{arguments.clients}_clients": several,
        f"one_client_with_{arguments.held}_more_dialogues_held": full,
        "dialogues_begun_a_second": round(arguments.held / spent, 1) if spent else None,
        "stored": stored,
        "acknowledged": alone["turns"] + full["turns"] + several["acknowledged"],
    }


def alternating(
    arguments: argparse.Namespace, scripts: Sequence[Script], port: int
) -> dict[str, Any]:
    """Let one client hold the same dialogues with either side in turn.

    Returns:
        Percentiles of each side in milliseconds, and the median of the differences turn by turn.
    """
    asked = list(scripts[: arguments.rounds * 5])
    times: dict[str, list[float]] = {"bare": [], "gateway": []}
    with (
        Bare(arguments.port, arguments.name, cycle(asked)) as bare,
        Kept(port, cycle(asked)) as kept,
    ):
        for script in [*asked[:2], *asked]:
            for side, client in (("bare", bare), ("gateway", kept)):
                for _ in script:
                    begun = time.perf_counter()
                    client.ask(b"")
                    times[side].append(1e3 * (time.perf_counter() - begun))
    warm = sum(len(script) for script in asked[:2])
    bare_times, kept_times = (times[side][warm:] for side in ("bare", "gateway"))
    differences = [k - b for k, b in zip(kept_times, bare_times, strict=True)]
    return {
        "bare_ms": _figures(summarise(bare_times)),
        "gateway_ms": _figures(summarise(kept_times)),
        "overhead_p50_ms": round(statistics.median(differences), 2),
        "turns": len(times["gateway"]),
    }


def crowded(
    arguments: argparse.Namespace, scripts: Sequence[Script], ports: Sequence[int]
) -> dict[str, Any]:
    """Let many clients hold dialogues at once, with either side in turn.

    Returns:
        The median over the rounds of turns a second and of the median latency, of each side.
    """
    kept: list[Kept] = []
    numbers = count()

    def with_bare() -> Bare:
        return Bare(arguments.port, arguments.name, scripts_from(scripts, next(numbers)))

    def with_gateway() -> Kept:
        number = next(numbers)
        client = Kept(ports[number % len(ports)], scripts_from(scripts, number))
        kept.append(client)
        return client

    rates: dict[str, list[float]] = {"bare": [], "gateway": []}
    medians: dict[str, list[float]] = {"bare": [], "gateway": []}
    errors = 0
    connects: tuple[tuple[str, Callable[[], Bare | Kept]], ...] = (
        ("bare", with_bare),
        ("gateway", with_gateway),
    )
    for _ in range(arguments.rounds):
        for side, connect in connects:
            load = closed_loop(
                connect,
                [b""],
                clients=arguments.clients,
                warm=_WARM,
                window=_WINDOW,
                patience=30.0,
            )
            rates[side].append(load.rate)
            medians[side].append(summarise(load.milliseconds).p50)
            errors += len(load.errors)
    return {
        "bare_turns_a_second": round(statistics.median(rates["bare"]), 1),
        "gateway_turns_a_second": round(statistics.median(rates["gateway"]), 1),
        "share_of_bare": round(
            statistics.median(g / b for g, b in zip(rates["gateway"], rates["bare"], strict=True)),
            3,
        ),
        "bare_p50_ms": round(statistics.median(medians["bare"]), 1),
        "gateway_p50_ms": round(statistics.median(medians["gateway"]), 1),
        "errors": errors,
        "acknowledged": sum(client.acknowledged for client in kept),
    }


def sync_of_a_commit(database: Path) -> float:
    """Return what syncing a commit of a turn's size to disk takes, in milliseconds, the median.

    SQLite alone, on the gateway's disk, as it is set there and as far apart as one client's turns;
    the same commits unsynced are taken off.
    """
    medians = {}
    connection = sqlite3.connect(database, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE turns (answer TEXT)")
        for level in ("FULL", "NORMAL"):
            connection.execute(f"PRAGMA synchronous={level}")
            times = []
            for _ in range(_COMMITS):
                time.sleep(_BETWEEN_TURNS)
                begun = time.perf_counter()
                connection.execute("INSERT INTO turns VALUES (?)", ("x" * _BYTES_OF_A_TURN,))
                times.append(1e3 * (time.perf_counter() - begun))
            medians[level] = statistics.median(times)
    finally:
        connection.close()
    return round(medians["FULL"] - medians["NORMAL"], 2)


def _figures(summary: LatencySummary) -> dict[str, float]:
    return {name: round(getattr(summary, name), 2) for name in ("p50", "p95", "p99")}


def _lives(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


def _stored(database: Path) -> dict[str, int]:
    connection = sqlite3.connect(database)
    try:
        return {
            table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("dialogues", "turns")
        }
    finally:
        connection.close()


if __name__ == "__main__":
    main()
