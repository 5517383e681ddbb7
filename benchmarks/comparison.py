"""Comparison: the peers take turns, at each number of clients, on the same dialogue turns.

Only the peer under measurement is busy; the others run idle, and one that uses the processor even
then is suspended until it is its turn.
A peer that does not start, or fails, becomes a row with its cause. Interleaving (A, B, C, A, B, C)
spreads whatever else the machine does over all of them.
Example: ``Comparison(peers, turns, QUICK).run()`` fills ``cells``.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psutil

from benchmarks.load import Load, closed_loop, one_by_one
from benchmarks.peers.base import Peer
from benchmarks.plan import Plan
from benchmarks.resources import Memory, cpu_seconds, idle_shares, memory_of, own_cpu_seconds
from benchmarks.turns import Turns

Say = Callable[[str], None]

SETTLING_CLIENTS = 4
IDLE_SHARE = 0.02
"""Of one core; a peer above it is suspended while others are measured."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One peer under one load, once.

    Attributes:
        peer: its name.
        clients: how many asked.
        load: what happened.
        cpu_seconds: that the peer's processes used in the whole load.
        generator_cpu_seconds: that the load generator used.
        wall_seconds: of the whole load, warm-up included.
    """

    peer: str
    clients: int
    load: Load
    cpu_seconds: float
    generator_cpu_seconds: float
    wall_seconds: float


@dataclass(kw_only=True, slots=True)
class Standing:
    """What is known of a peer beside its latencies.

    Attributes:
        error: why it did not start; None if it did.
        workers: processes that hold a network.
        memory: the largest seen of each worker, by RSS.
        all_rss: resident bytes of all its processes after all loads.
        idle_cpu_share: of one core, while nobody asked anyone.
        answers: place of a turn -> first answer.
    """

    error: str | None = None
    workers: int = 0
    memory: list[Memory] = field(default_factory=list)
    all_rss: int = 0
    idle_cpu_share: float = 0.0
    answers: dict[int, dict[str, Any]] = field(default_factory=dict)


class Comparison:
    """Runs the plan; what it found is in ``cells`` and ``standings``."""

    def __init__(
        self, peers: Sequence[Peer], turns: Turns, plan: Plan, *, say: Say = print
    ) -> None:
        """Compare ``peers`` on ``turns``."""
        self._peers = peers
        self._turns = turns
        self._plan = plan
        self._say = say
        self._restless: set[str] = set()
        self.cells: list[Cell] = []
        self.standings = {peer.name: Standing() for peer in peers}

    @contextmanager
    def started(self) -> Iterator[list[Peer]]:
        """Start one peer after another, give those that run, and stop all at the end."""
        running: list[Peer] = []
        try:
            for peer in self._peers:
                self._say(f"starting {peer.name} ...")
                try:
                    peer.start()
                except Exception as error:  # whatever the cause: it becomes the peer's row
                    self.standings[peer.name].error = f"{type(error).__name__}: {error}"
                    self._say(f"  {peer.name} did not start: {error}")
                    with contextlib.suppress(Exception):
                        peer.stop()
                else:
                    running.append(peer)
                    self._say(f"  answered after {peer.startup_seconds:.1f} s")
            yield running
        finally:
            for peer in reversed(running):
                self._resume(peer)
                with contextlib.suppress(Exception):
                    peer.stop()

    def run(self, running: Sequence[Peer]) -> None:
        """Measure the peers that run."""
        idle = idle_shares({peer.name: peer.processes for peer in running})
        for peer in running:
            standing = self.standings[peer.name]
            standing.workers = len(peer.workers())
            standing.idle_cpu_share = idle[peer.name]
        self._restless = {
            peer.name for peer in running if self.standings[peer.name].idle_cpu_share > IDLE_SHARE
        }
        for peer in running:
            self._pause(peer)
        for peer in running:
            if self._most_clients(peer) >= SETTLING_CLIENTS:
                self._settle(peer)
        for clients, rounds in self._plan.rounds.items():
            for number in range(rounds):
                for peer in running:
                    if clients <= self._most_clients(peer):
                        self._measure(peer, clients, number)
        for peer in running:
            self._resume(peer)
            standing = self.standings[peer.name]
            standing.all_rss = sum(memory.rss for memory in memory_of(peer.processes()))

    def _most_clients(self, peer: Peer) -> int:
        return 1 if peer.name in self._plan.alone else peer.most_clients

    def _pause(self, peer: Peer) -> None:
        """Hold a peer that uses the processor while nobody asks it."""
        if peer.name in self._restless:
            for process in peer.processes():
                with contextlib.suppress(psutil.Error):
                    process.suspend()

    def _resume(self, peer: Peer) -> None:
        if peer.name in self._restless:
            for process in peer.processes():
                with contextlib.suppress(psutil.Error):
                    process.resume()

    def _settle(self, peer: Peer) -> None:
        self._say(f"  settling {peer.name}")
        self._resume(peer)
        closed_loop(
            peer.client,
            self._turns.bodies,
            clients=SETTLING_CLIENTS,
            warm=0.0,
            window=self._plan.settle,
            patience=self._plan.settle,
        )
        self._pause(peer)

    def _measure(self, peer: Peer, clients: int, number: int) -> None:
        self._resume(peer)
        self._measure_awake(peer, clients, number)
        self._pause(peer)

    def _measure_awake(self, peer: Peer, clients: int, number: int) -> None:
        used, own, begun = cpu_seconds(peer.processes()), own_cpu_seconds(), time.perf_counter()
        load = self._load(peer, clients, number)
        cell = Cell(
            peer=peer.name,
            clients=clients,
            load=load,
            cpu_seconds=cpu_seconds(peer.processes()) - used,
            generator_cpu_seconds=own_cpu_seconds() - own,
            wall_seconds=time.perf_counter() - begun,
        )
        self.cells.append(cell)
        standing = self.standings[peer.name]
        standing.memory = _larger(standing.memory, memory_of(peer.workers()))
        for place, answer in load.answers.items():
            standing.answers.setdefault(place, answer)
        errors = f", {len(load.errors)} errors" if load.errors else ""
        self._say(
            f"  {clients:>2} client(s), round {number + 1}: {peer.name:<18} "
            f"{load.rate:7.1f} turns/s{errors}"
        )

    def _load(self, peer: Peer, clients: int, number: int) -> Load:
        plan, bodies = self._plan, self._turns.bodies
        if clients > 1:
            return closed_loop(
                peer.client,
                bodies,
                clients=clients,
                warm=plan.warm,
                window=plan.window,
                patience=plan.patience,
            )
        size = min(plan.turns_a_round, len(bodies))
        first = number * size % (len(bodies) - size + 1)
        return one_by_one(
            peer.client,
            bodies[first : first + size],
            warm=min(3, size),
            seconds=plan.seconds_alone,
            first=first,
        )


def _larger(before: list[Memory], now: list[Memory]) -> list[Memory]:
    if len(before) != len(now):
        return now or before
    return [max(pair, key=lambda one: one.rss) for pair in zip(before, now, strict=True)]
