"""Scaling: what a turn costs as its history grows, and with the number of tasks it asks for.

Ours over REST, one client. Example: ``by_history(client, turns, 2)[8]`` is the median in ms of the
turns with eight exchanges before them.
"""

import json
import time
from collections.abc import Sequence

from benchmarks.latency import percentile
from benchmarks.load import FAILURES
from benchmarks.peers.base import Client, Peer
from benchmarks.turns import Turns

LENGTHS = (0, 1, 2, 3, 4, 6, 8, 10)
TASK_SETS: tuple[tuple[str, ...], ...] = (
    ("intent",),
    ("belief_state",),
    ("belief_state", "intent"),
    ("belief_state", "intent", "dialogue_act"),
    ("belief_state", "intent", "dialogue_act", "response"),
)
_SOME = 12  # turns of each kind


def by_history(peer: Peer, turns: Turns, repeats: int) -> dict[int, dict[str, float]]:
    """Return exchanges before the turn -> median ms and how many turns; {} without a corpus."""
    grouped: dict[int, list[bytes]] = {length: [] for length in LENGTHS}
    for body in (body for dialogue in turns.dialogues for body in dialogue):
        length = len(json.loads(body)["history"])
        if length in grouped and len(grouped[length]) < _SOME:
            grouped[length].append(body)
    kept = {str(length): bodies for length, bodies in grouped.items() if bodies}
    found = _medians(peer, kept, repeats)
    return {
        int(length): {"p50_ms": milliseconds, "turns": len(kept[length])}
        for length, milliseconds in found.items()
    }


def by_tasks(peer: Peer, turns: Turns, repeats: int) -> dict[str, float]:
    """Return tasks asked for, joined by ``+`` -> median ms, on the same turns."""
    bodies = turns.bodies[:_SOME]
    return _medians(
        peer,
        {"+".join(tasks): [_asking_for(body, tasks) for body in bodies] for tasks in TASK_SETS},
        repeats,
    )


def _medians(peer: Peer, groups: dict[str, list[bytes]], repeats: int) -> dict[str, float]:
    """Ask the groups turn about, so that none has the quieter moments."""
    taken: dict[str, list[float]] = {name: [] for name in groups}
    with peer.client() as client:
        for repeat in range(repeats + 1):
            for name, bodies in groups.items():
                milliseconds = _ask(client, bodies)
                if repeat:  # the first round warms up
                    taken[name] += milliseconds
    return {name: percentile(values, 50) for name, values in taken.items() if values}


def _ask(client: Client, bodies: Sequence[bytes]) -> list[float]:
    found = []
    for body in bodies:
        begun = time.perf_counter()
        try:
            client.ask(body)
        except FAILURES:
            continue  # counted in the comparison; here it is only no figure
        found.append(1e3 * (time.perf_counter() - begun))
    return found


def _asking_for(body: bytes, tasks: Sequence[str]) -> bytes:
    return json.dumps({**json.loads(body), "tasks": list(tasks)}).encode()
