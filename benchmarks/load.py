"""Load: a number of clients, each sending its next turn as soon as the last one is answered.

The comparison, the soak and the other load runs ask their peers through this module. One client
takes whole rounds of the same turns, so that every peer's median is over the same work; several
clients run against the clock, and what completes within the window counts, which is unbiased once
the queue is full.
Example: ``closed_loop(peer.client, bodies, clients=16, warm=1.0, window=5.0).rate`` turns/s.
"""

import http.client
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from benchmarks.peers.base import Client, PeerError

FAILURES = (PeerError, OSError, http.client.HTTPException, ValueError)
_PAUSE = 0.05  # seconds after an error, so that a refusing server is not hammered
_LOOK = 0.02  # seconds between two looks at how many turns are answered


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """One turn that was asked.

    Attributes:
        turn: its place among the turns.
        milliseconds: until the answer or the error.
        ended: when, on the clock of ``time.perf_counter``.
        error: what went wrong; None for an answer.
    """

    turn: int
    milliseconds: float
    ended: float
    error: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """What a load did.

    Attributes:
        counted: the turns within the window, errors among them.
        seconds: length of the window.
        asked: all turns, warm-up and those after the window included.
        answers: place of a turn -> its first answer.
    """

    counted: tuple[Asked, ...]
    seconds: float
    asked: int
    answers: dict[int, dict[str, Any]] = field(default_factory=dict)

    @property
    def milliseconds(self) -> list[float]:
        """Latencies of the answered turns."""
        return [one.milliseconds for one in self.counted if one.error is None]

    @property
    def errors(self) -> list[str]:
        """What went wrong, one line for each failed turn."""
        return [one.error for one in self.counted if one.error is not None]

    @property
    def rate(self) -> float:
        """Answered turns a second."""
        return len(self.milliseconds) / self.seconds if self.seconds > 0 else 0.0


def one_by_one(
    connect: Callable[[], Client],
    bodies: Sequence[bytes],
    *,
    warm: int,
    seconds: float,
    first: int = 0,
) -> Load:
    """Ask all ``bodies`` in order, again and again until ``seconds`` are over.

    Args:
        connect: makes the client.
        bodies: the turns.
        warm: turns asked before, not counted.
        seconds: the round under way then is finished.
        first: place of the first body among all turns.
    """
    counted: list[Asked] = []
    answers: dict[int, dict[str, Any]] = {}
    with connect() as client:
        for place in range(warm):
            _ask(client, bodies[place % len(bodies)], first + place % len(bodies), answers)
        begun = time.perf_counter()
        while not counted or time.perf_counter() - begun < seconds:
            counted.extend(
                _ask(client, body, first + place, answers) for place, body in enumerate(bodies)
            )
        spent = time.perf_counter() - begun
    return Load(counted=tuple(counted), seconds=spent, asked=warm + len(counted), answers=answers)


def closed_loop(
    connect: Callable[[], Client],
    bodies: Sequence[bytes],
    *,
    clients: int,
    warm: float,
    window: float,
    patience: float,
) -> Load:
    """Let ``clients`` ask at once; count what completes within the window.

    Warm-up and window last until the server has answered as many turns as there are clients, so
    that a slow one is watched with its queue full and over whole batches, if patience allows.

    Args:
        connect: makes a client; called in the client's own thread.
        bodies: the turns, handed out in order, over and over.
        clients: threads.
        warm: least seconds before the window.
        window: least seconds of the window.
        patience: most seconds of each.
    """
    asked: list[Asked] = []
    answers: dict[int, dict[str, Any]] = {}
    places, over = count(), threading.Event()

    def run() -> None:
        with connect() as client:
            while not over.is_set():
                place = next(places) % len(bodies)  # next() of a count is one step of the GIL
                asked.append(_ask(client, bodies[place], place, answers))

    threads = [threading.Thread(target=run, daemon=True) for _ in range(clients)]
    for thread in threads:
        thread.start()
    _watch(asked, clients, warm, patience)
    begun = time.perf_counter()
    _watch(asked, clients, window, patience)
    over.set()
    ended = time.perf_counter()
    for thread in threads:
        thread.join()
    return Load(
        counted=tuple(one for one in asked if begun <= one.ended < ended),
        seconds=ended - begun,
        asked=len(asked),
        answers=answers,
    )


def _watch(asked: Sequence[Asked], more: int, seconds: float, patience: float) -> None:
    """Return after ``seconds`` and ``more`` further turns, but at the latest after ``patience``."""
    begun, before = time.perf_counter(), len(asked)
    time.sleep(seconds)
    while len(asked) - before < more and time.perf_counter() - begun < patience:
        time.sleep(_LOOK)


def _ask(client: Client, body: bytes, place: int, answers: dict[int, dict[str, Any]]) -> Asked:
    begun = time.perf_counter()
    try:
        answer = client.ask(body)
    except FAILURES as error:
        time.sleep(_PAUSE)
        ended = time.perf_counter()
        message = f"{type(error).__name__}: {error}"
        return Asked(
            turn=place, milliseconds=1e3 * (ended - begun), ended=ended, error=message[:300]
        )
    ended = time.perf_counter()
    answers.setdefault(place, answer)
    seconds = ended - begun if client.inside_seconds is None else client.inside_seconds
    return Asked(turn=place, milliseconds=1e3 * seconds, ended=ended)
