"""Soak: an hour, or as long as is asked for, at a steady share of what the machine can answer.

Needs a running server (``tod start``); starts a gateway of its own. Example:
``python -m benchmarks.soak --minutes 60 --json runs/soak.json``.

First 16 clients ask as fast as they are answered: that is the capacity. Then turns come at 80% of
it, each when it is due whether those before it are answered or not, and its time counts from when
it was due; so a pause of the server shows in all that it kept waiting. Minute by minute: answered
turns, p50, p99, refusals, and the memory of every process. At the end each acknowledged turn is
looked for in the store, and the verdict says whether all held: exit status 1 where it did not.

The file of ``--json`` is whole after every minute, so it can be looked at meanwhile, and nothing
is gone where a soak is broken off: ``python -m benchmarks.soak --read runs/soak.json`` judges it.
"""

import argparse
import json
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import psutil

from benchmarks.gateway_turn import gateways
from benchmarks.latency import percentile
from benchmarks.load import FAILURES, closed_loop
from benchmarks.machine import describe
from benchmarks.overload import listener
from benchmarks.scripted_users import Kept, Script, load_scripts, scripts_from
from todserve.evaluation.scorecard import code_version
from todserve.runtime.whole_files import write_whole

_CLIENTS = 64
"""Connections of the steady load; each waits for its own answer only."""
_LOOK = 5.0
_PATIENCE = 30.0
_SETTLING = 6
"""Caches fill at first: one minute of so many is left out of what memory is judged by."""
_GROWTH_MB, _GROWTH_SHARE = 5.0, 0.03
"""What a process may grow by from then to the end: the larger of the two."""
_LEAST_ANSWERED = 0.99


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """A turn of the steady load.

    Attributes:
        minute: in which it was due.
        milliseconds: from then to its answer.
        error: what came instead of one; None for an answer.
    """

    minute: int
    milliseconds: float
    error: str | None = None


@dataclass(kw_only=True, slots=True)
class Steady:
    """What a steady load did.

    Attributes:
        turns: every turn that was due.
        memory: minute -> process -> most bytes seen.
        acknowledged: dialogue and message id of every turn that was answered.
    """

    turns: list[Due] = field(default_factory=list)
    memory: dict[int, dict[str, int]] = field(default_factory=dict)
    acknowledged: list[tuple[str, str]] = field(default_factory=list)


def main() -> None:
    """Measure or read, print, and write the figures where asked to; end with the verdict."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--share", type=float, default=0.8, help="of the capacity")
    parser.add_argument("--capacity", type=float, help="turns a second, instead of measuring it")
    parser.add_argument("--few", type=int, default=16, help="clients that the capacity is of")
    parser.add_argument("--seconds", type=float, default=20.0, help="to measure it")
    parser.add_argument("--port", type=int, default=8080, help="of the running endpoint")
    parser.add_argument("--name", default="tod", help="of its model")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    parser.add_argument("--read", type=Path, metavar="FILE", help="judge what such a file has")
    arguments = parser.parse_args()
    if arguments.read is None:
        told = soak(arguments)
    else:
        told = json.loads(arguments.read.read_text(encoding="utf-8"))
        told["verdict"] = verdict_of(told)
    print(json.dumps(told, indent=1))
    sys.exit(0 if told["verdict"]["held"] else 1)


def soak(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure, and return all figures."""
    arguments.gateways = 1
    scripts, source = load_scripts()
    told: dict[str, Any] = {"source": source, "code": code_version(), "machine": describe()}

    def note(figures: Mapping[str, Any]) -> None:
        told.update(figures)
        told["verdict"] = verdict_of(told)
        if arguments.json is not None:
            write_whole(arguments.json, json.dumps(told, indent=1) + "\n")

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        database = folder / "dialogues.sqlite"
        with gateways(arguments, database, folder) as (port,):
            capacity = arguments.capacity or capacity_of(
                port, scripts, clients=arguments.few, seconds=arguments.seconds
            )
            told["capacity_turns_a_second"] = round(capacity, 1)
            told["asked_a_second"] = round(arguments.share * capacity, 1)
            found = steady(
                port,
                scripts,
                rate=arguments.share * capacity,
                minutes=arguments.minutes,
                watched=lambda: named({"gateway": port, "endpoint": arguments.port}),
                passed=lambda so_far: note(summed(so_far)),
            )
        note(summed(found, stored_in(database)))
    return told


def capacity_of(port: int, scripts: Sequence[Script], *, clients: int, seconds: float) -> float:
    """Return the turns a second that some clients get who ask as fast as they are answered."""
    numbers = count()
    load = closed_loop(
        lambda: Kept(port, scripts_from(scripts, next(numbers))),
        [b""],
        clients=clients,
        warm=min(5.0, seconds),
        window=seconds,
        patience=_PATIENCE,
    )
    return load.rate


def steady(
    port: int,
    scripts: Sequence[Script],
    *,
    rate: float,
    minutes: int,
    watched: Callable[[], Iterator[tuple[str, psutil.Process]]],
    passed: Callable[[Steady], object] = lambda _: None,
    minute: float = 60.0,
) -> Steady:
    """Ask at a steady rate.

    Args:
        port: the gateway's.
        scripts: where dialogues come from.
        rate: turns a second.
        minutes: how many.
        watched: the processes whose memory counts, each with a name.
        passed: is told after each minute.
        minute: how long one is, in seconds.
    """
    found = Steady()
    numbers, began = count(), time.perf_counter()

    def run(number: int) -> None:
        with Kept(port, scripts_from(scripts, number)) as client:
            while (place := next(numbers)) < rate * minutes * minute:
                due = began + place / rate
                time.sleep(max(0.0, due - time.perf_counter()))
                error = None
                try:
                    client.ask(b"")
                    found.acknowledged.append(client.newest)
                except FAILURES as failure:
                    error = f"{type(failure).__name__}: {failure}"[:200]
                spent = 1e3 * (time.perf_counter() - due)
                which = int((due - began) / minute)
                found.turns.append(Due(minute=which, milliseconds=spent, error=error))

    threads = [threading.Thread(target=run, args=(one,), daemon=True) for one in range(_CLIENTS)]
    for thread in threads:
        thread.start()
    told = 0
    while any(thread.is_alive() for thread in threads):
        which = int((time.perf_counter() - began) / minute)
        if which < minutes:
            seen = found.memory.setdefault(which, {})
            for name, process in watched():
                with suppress(psutil.Error):
                    seen[name] = max(seen.get(name, 0), process.memory_info().rss)
        while told < min(which, minutes):
            print(json.dumps(minute_of(found, told)), file=sys.stderr)
            told += 1
            passed(found)
        threads[0].join(min(_LOOK, minute / 4))
    for thread in threads:
        thread.join()
    return found


def minute_of(found: Steady, which: int) -> dict[str, Any]:
    """Return the figures of one minute."""
    turns = [one for one in found.turns if one.minute == which]
    answered = [one.milliseconds for one in turns if one.error is None]
    memory = found.memory.get(which, {})
    return {
        "minute": which + 1,
        "answered": len(answered),
        "p50_ms": round(percentile(answered, 50), 1) if answered else None,
        "p99_ms": round(percentile(answered, 99), 1) if answered else None,
        "errors": dict(Counter(one.error for one in turns if one.error is not None)),
        "memory_mb": {name: round(size / 1e6, 1) for name, size in sorted(memory.items())},
    }


def summed(found: Steady, stored: set[tuple[str, str]] | None = None) -> dict[str, Any]:
    """Return all figures.

    Args:
        found: what the load did.
        stored: dialogue and message id of every turn in the store; None while it goes on.
    """
    turns = list(found.turns)
    answered = [one.milliseconds for one in turns if one.error is None]
    return {
        "due": len(turns),
        "answered": len(answered),
        "without_an_answer": len(turns) - len(answered),
        "lost": None if stored is None else len({*found.acknowledged} - stored),
        "p50_ms": round(percentile(answered, 50), 1) if answered else None,
        "p99_ms": round(percentile(answered, 99), 1) if answered else None,
        "minutes": [minute_of(found, which) for which in sorted({one.minute for one in turns})],
    }


def verdict_of(told: Mapping[str, Any]) -> dict[str, Any]:
    """Judge the figures: whether memory stayed as it was, nothing was lost, and who was answered.

    Returns:
        ``mb_an_hour`` is the slope of a line through each process's memory; ``held`` is whether
        the whole soak held, and false while it goes on.
    """
    minutes = told["minutes"]
    settled = minutes[len(minutes) // _SETTLING :]
    slopes, growing = {}, []
    seen = [name for one in settled for name in one["memory_mb"]]
    for name in sorted({*seen}):
        points = [
            (one["minute"], one["memory_mb"][name]) for one in settled if name in one["memory_mb"]
        ]
        if len(points) < 2:
            continue
        places, sizes = zip(*points, strict=True)
        slope = statistics.linear_regression(places, sizes).slope
        slopes[name] = round(60 * slope, 2)
        if slope * (places[-1] - places[0]) > max(_GROWTH_MB, _GROWTH_SHARE * sizes[0]):
            growing.append(name)
    share = round(told["answered"] / told["due"], 4) if told["due"] else 0.0
    worst = [one["p99_ms"] for one in minutes if one["p99_ms"] is not None]
    return {
        "minutes": len(minutes),
        "finished": told["lost"] is not None,
        "mb_an_hour": slopes,
        "growing": growing,
        "answered_share": share,
        "p99_ms_of_the_worst_minute": max(worst, default=None),
        "held": told["lost"] == 0 and bool(slopes) and not growing and share >= _LEAST_ANSWERED,
    }


def stored_in(database: Path) -> set[tuple[str, str]]:
    """Return dialogue and message id of every turn in a gateway's SQLite file."""
    connection = sqlite3.connect(database)
    try:
        return {*connection.execute("SELECT dialogue_id, message_id FROM turns")}
    finally:
        connection.close()


def named(ports: dict[str, int]) -> Iterator[tuple[str, psutil.Process]]:
    """Yield the processes behind ports, each with a name that stays while it lives."""
    for name, port in ports.items():
        for place, process in enumerate(listener(port)):
            yield (name if not place else f"{name}, child {process.pid}"), process


if __name__ == "__main__":
    main()
