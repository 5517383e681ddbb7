"""Resources of a peer's processes: CPU seconds and memory, as the kernel counts them.

Example: ``memory_of(peer.workers())`` has one entry a worker, in bytes.
"""

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """One process's memory in bytes.

    Attributes:
        rss: resident, pages shared with others counted in full: what it needs alone.
        pss: resident, each shared page divided by those who share it.
        uss: its own pages only: what ending it would free.
    """

    rss: int
    pss: int
    uss: int


def memory_of(processes: Sequence[psutil.Process]) -> list[Memory]:
    """Return the memory of each process that lives."""
    found = []
    for process in processes:
        with contextlib.suppress(psutil.Error):
            full = process.memory_full_info()
            found.append(Memory(rss=full.rss, pss=full.pss, uss=full.uss))
    return found


def cpu_seconds(processes: Sequence[psutil.Process]) -> float:
    """Return user and system seconds that the processes have used so far."""
    total = 0.0
    for process in processes:
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def own_cpu_seconds() -> float:
    """Return the seconds that this process, the load generator, has used so far."""
    return time.process_time()


def idle_shares(
    peers: Mapping[str, Callable[[], Sequence[psutil.Process]]], seconds: float = 1.0
) -> dict[str, float]:
    """Return the share of one core that each peer's processes use while nobody asks any."""
    before = {name: cpu_seconds(processes()) for name, processes in peers.items()}
    time.sleep(seconds)
    return {
        name: max(0.0, cpu_seconds(processes()) - before[name]) / seconds
        for name, processes in peers.items()
    }
