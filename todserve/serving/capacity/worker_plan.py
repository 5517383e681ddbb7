"""WorkerPlan: how many workers serve a model, with how many CPU threads each.

``tod tune`` tries plans and writes the best one into model-config.yaml. Example: on four cores
``plans_for(4)`` holds one worker of four threads and four workers of one.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from todserve.runtime.errors import ConfigError
from todserve.runtime.whole_files import write_whole
from todserve.serving.archive.model_config import load_model_config

_WORKERS = re.compile(r"\b(minWorkers:\s*)\d+")
_MOST_WORKERS = re.compile(r"\b(maxWorkers:\s*)\d+")
_THREADS = re.compile(r"\b(threads:\s*)(?:\d+|null)")
_COUNTS = (1, 2, 4, 8)
_MOST = 8  # plans; each costs some twenty seconds


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class WorkerPlan:
    """One way of sharing the cores.

    Attributes:
        workers: processes, each with its own copy of the network.
        threads: CPU threads of each.
    """

    workers: int
    threads: int

    def __str__(self) -> str:
        workers = "1 worker" if self.workers == 1 else f"{self.workers} workers"
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        return f"{workers} x {threads}"


def plans_for(cores: int) -> tuple[WorkerPlan, ...]:
    """Return the plans worth a trial: no more threads than cores, fewest workers first."""
    found = {
        WorkerPlan(workers=workers, threads=threads)
        for threads in _COUNTS
        for workers in {1, max(1, cores // (2 * threads)), cores // threads}
        if 1 <= workers * threads <= cores
    }
    return tuple(sorted(found))[:_MOST]


def write_plan(plan: WorkerPlan, source: Path, target: Path) -> None:
    """Write a model-config.yaml with the plan in it; everything else, comments too, stays.

    Raises:
        ConfigError: ``source`` does not fit, or lacks a line the plan belongs in.
    """
    load_model_config(source)
    text = source.read_text(encoding="utf-8")
    for pattern, value in ((_WORKERS, plan.workers), (_THREADS, plan.threads)):
        text, found = pattern.subn(rf"\g<1>{value}", text, count=1)
        if not found:
            key = "minWorkers" if pattern is _WORKERS else "handler.engine.threads"
            raise ConfigError(f"{source}: no line says {key}; write one, such as `{key}: 1`")
    if (most := _MOST_WORKERS.search(text)) and int(most[0].rpartition(":")[2]) < plan.workers:
        text = _MOST_WORKERS.sub(rf"\g<1>{plan.workers}", text, count=1)
    write_whole(target, text)
    written = load_model_config(target)
    if (written.min_workers, written.handler.engine.threads) != (plan.workers, plan.threads):
        raise ConfigError(
            f"{source}: minWorkers or handler.engine.threads stands where it is not read; "
            "write both as archive/model-config.yaml does"
        )
