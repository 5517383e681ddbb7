"""The feeder: processes that make batches while others are trained on.

The training loop takes its batches from it. Each process makes every n-th part and hands its
batches over in files in memory; only their paths go through a queue, for arrays would stall it. The
loop takes them in the one order there is, however many processes make them: a resumed run, with
more or fewer of them, meets the same batches.
Example: ``with Feeder(servings, Place(), processes=1) as feeder: feeder.step(1)``.
"""

import contextlib
import gc
import os
import queue
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.context import ForkProcess
from multiprocessing.queues import Queue
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from todserve.runtime.errors import TrainingError
from todserve.training.batches.batch import Parcel
from todserve.training.batches.batch_order import Place, Servings

_MEMORY = Path("/dev/shm")  # noqa: S108 - a file system that is memory, on Linux
_AHEAD = 64  # batches a process may be ahead
_LOOK = 1.0  # seconds between looks at whether the other side is still there


@dataclass(frozen=True, kw_only=True, slots=True)
class _Letter:
    """What a process sends: a batch in a file, the end of a part, or what went wrong."""

    parcel: Parcel | None = None
    number: int = 0
    last: bool = False
    file: str = ""
    dtype: str = ""
    error: Exception | None = None


class Feeder:
    """The batches of a run from a place on, in groups of one optimiser step each."""

    def __init__(self, servings: Servings, start: Place, *, processes: int) -> None:
        """Start the processes; with none, batches are made as they are asked for.

        Args:
            servings: what makes the batches.
            start: place of the first one.
            processes: how many; where the system cannot fork, none are started.
        """
        self._servings = servings
        self._place = start
        self._count = processes if sys.platform == "linux" else 0
        self._processes: list[ForkProcess] = []
        self._queues: list[Queue[_Letter]] = []
        self._folder: Path | None = None
        self._batches = self._made() if self._count == 0 else self._received()

    def __enter__(self) -> Self:
        if self._count:
            self._start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in self._processes:
            # Not SIGTERM: a process that is only just forked still has the loop's handler for it,
            # which saves and goes on. What a killed one leaves lies in the folder.
            process.kill()
        for process in self._processes:
            process.join()
        for waiting in self._queues:
            waiting.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def place(self) -> Place:
        """Where the next batch stands."""
        return self._place

    def step(self, size: int) -> list[Parcel]:
        """Return the next ``size`` batches, fewer where the epoch ends before.

        Raises:
            TrainingError: a process has ended before its time.
        """
        group: list[Parcel] = []
        while len(group) < size:
            parcel, at, last = next(self._batches)
            group.append(parcel)
            self._place = self._after(at, last)
            if self._place.epoch > at.epoch:
                break
        return group

    def _after(self, at: Place, last: bool) -> Place:
        """Return the place behind a batch, the last one of its part or not."""
        if not last:
            return replace(at, batch=at.batch + 1)
        if at.part + 1 < self._servings.parts(at.epoch):
            return Place(epoch=at.epoch, part=at.part + 1)
        return Place(epoch=at.epoch + 1)

    def _made(self) -> Iterator[tuple[Parcel, Place, bool]]:
        skipped = self._place.batch
        for place in self._servings.order(self._place):
            parcels = self._servings(place.epoch, place.part)
            for number in range(skipped, len(parcels)):
                yield parcels[number], replace(place, batch=number), number + 1 == len(parcels)
            skipped = 0

    def _received(self) -> Iterator[tuple[Parcel, Place, bool]]:
        for turn, place in enumerate(self._servings.order(self._place)):
            while True:
                letter = self._next(turn % self._count)
                if letter.error is not None:
                    raise letter.error
                if letter.parcel is None:
                    break
                numbers = np.fromfile(letter.file, np.dtype(letter.dtype))
                os.unlink(letter.file)
                at = replace(place, batch=letter.number)
                yield replace(letter.parcel, numbers=numbers), at, letter.last

    def _next(self, number: int) -> _Letter:
        while True:
            with contextlib.suppress(queue.Empty):
                return self._queues[number].get(timeout=_LOOK)
            process = self._processes[number]
            if not process.is_alive():
                # What it sent before it ended may still be on its way.
                with contextlib.suppress(queue.Empty):
                    return self._queues[number].get(timeout=_LOOK)
                raise TrainingError(
                    f"a process that makes batches ended with code {process.exitcode}; expected "
                    "it to stay (code -9: the machine ran out of memory); go on with fewer: "
                    "feeders=1"
                )

    def _start(self) -> None:
        context = get_context("fork")  # so that the turns are shared, not copied
        self._folder = Path(
            tempfile.mkdtemp(prefix="tod-feed-", dir=_MEMORY if _MEMORY.is_dir() else None)
        )
        with warnings.catch_warnings():
            # Later Pythons warn of threads: the forked processes use none of their locks.
            warnings.simplefilter("ignore", DeprecationWarning)
            for number in range(self._count):
                waiting: Queue[_Letter] = context.Queue(maxsize=_AHEAD)
                process = context.Process(
                    target=_feed,
                    args=(self._servings, self._place, number, self._count, self._folder, waiting),
                    daemon=True,
                )
                process.start()
                self._queues.append(waiting)
                self._processes.append(process)


def _feed(
    servings: Servings,
    start: Place,
    number: int,
    count: int,
    folder: Path,
    waiting: "Queue[_Letter]",
) -> None:
    """Make every ``count``-th part from the ``number``-th on, until nobody wants any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the loop saves first, then ends this process
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    gc.freeze()  # looking for garbage among the shared turns would copy them all
    loop = os.getppid()
    try:
        for turn, place in enumerate(servings.order(start)):
            if turn % count != number:
                continue
            skipped = start.batch if turn == 0 else 0
            parcels = servings(place.epoch, place.part)
            for serial, parcel in enumerate(parcels[skipped:], start=skipped):
                file = folder / f"{number}-{turn}-{serial}"
                parcel.numbers.tofile(file)
                letter = _Letter(
                    parcel=replace(parcel, numbers=parcel.numbers[:0]),
                    number=serial,
                    last=serial + 1 == len(parcels),
                    file=str(file),
                    dtype=parcel.numbers.dtype.str,
                )
                if not _sent(letter, waiting, loop):
                    shutil.rmtree(folder, ignore_errors=True)
                    return
            _sent(_Letter(), waiting, loop)
    except Exception as error:
        _sent(_Letter(error=error), waiting, loop)
        while os.getppid() == loop:  # its message must be read before it is gone
            time.sleep(_LOOK)


def _sent(letter: _Letter, waiting: Any, loop: int) -> bool:
    """Put a letter into the queue; False once the loop's process is gone, killed perhaps."""
    while os.getppid() == loop:
        with contextlib.suppress(queue.Full):
            waiting.put(letter, timeout=_LOOK)
            return True
    return False
