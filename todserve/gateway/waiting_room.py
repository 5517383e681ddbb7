"""Waiting room: how many messages ask the model at once, how many wait, and who goes first.

The middleware and the socket channel take a place in it before a message is answered. Example:
``async with room.place("anna"): ...`` waits for a place, and raises CrowdedError where there will
be none in time.

Whoever waits costs nothing but memory, of which there is a bound; whoever is answered is answered
as fast as with few clients, for the model never sees more at once than it can batch. Clients take
turns: one that sends a thousand messages waits behind itself and not before the others, and where
the room is full it is the one whose newest message is refused.
"""

import asyncio
import math
import random
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum

_LONGEST_PAUSE = 30.0
"""Seconds."""
_STEP = 1.005
"""By how much the pauses grow with each refusal, and shrink with each answer."""
_FEWEST = 16
"""Places that there are however slow the model is: a batch of the shipped archive."""
_WEIGHT = 0.1
"""Of the newest gap between two places, in their average."""


class Crowded(StrEnum):
    """Why a message got no place in the waiting room."""

    FULL = "full"
    """As many wait as may."""
    LATE = "late"
    """None became free in time."""
    GREEDY = "greedy"
    """As many wait as may, and more of this client's than of any other."""


class CrowdedError(Exception):
    """There is no place; come again after ``retry_after`` seconds."""

    def __init__(self, reason: Crowded, retry_after: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after


@dataclass(kw_only=True, slots=True)
class WaitingRoom:
    """Places for messages; for one event loop.

    Attributes:
        at_once: most places; fewer where the model would take longer than ``seconds`` for them.
        most: who may wait for one.
        seconds: for which one is waited for.
    """

    at_once: int
    most: int
    seconds: float
    _taken: int = 0
    _lines: "OrderedDict[str, deque[asyncio.Future[None]]]" = field(default_factory=OrderedDict)
    _gap: float = 0.0
    _longest: float = 1.0
    _handed: float | None = None

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(map(len, self._lines.values()))

    @property
    def places(self) -> int:
        """How many there are at the rate at which places have become free lately."""
        wanted = self.at_once if not self._gap else int(self.seconds / self._gap)
        return min(self.at_once, max(_FEWEST, wanted))

    @property
    def taken(self) -> int:
        """How many have a place."""
        return self._taken

    @asynccontextmanager
    async def place(self, client: str) -> AsyncIterator[None]:
        """Wait for a place, and have it.

        Args:
            client: whose message it is; clients take turns.

        Raises:
            CrowdedError: there is none.
        """
        if self._taken < self.places and not self._lines:
            self._taken += 1
        else:
            await self._wait(client)
        try:
            yield
        finally:
            self._leave()

    async def _wait(self, client: str) -> None:
        if self.waiting >= self.most:
            self._make_room(client)
        mine = asyncio.get_running_loop().create_future()
        self._lines.setdefault(client, deque()).append(mine)
        try:
            await asyncio.wait((mine,), timeout=self.seconds)
        except asyncio.CancelledError:
            if not self._withdrawn(client, mine) and mine.exception() is None:
                self._leave()
            raise
        if self._withdrawn(client, mine):
            raise CrowdedError(Crowded.LATE, self._pause())
        mine.result()  # a place, or the news that another client took this one's chair

    def _make_room(self, client: str) -> None:
        """Send away the newest of whoever has most waiting, where that is somebody else."""
        own = len(self._lines.get(client, ()))
        greedy = max(self._lines, key=lambda one: len(self._lines[one]), default=client)
        if greedy != client and len(self._lines[greedy]) > own + 1:
            last = self._lines[greedy].pop()
            last.set_exception(CrowdedError(Crowded.GREEDY, self._pause()))
            return
        alone = len(self._lines) <= 1 or greedy != client
        raise CrowdedError(Crowded.FULL if alone else Crowded.GREEDY, self._pause())

    def _withdrawn(self, client: str, mine: "asyncio.Future[None]") -> bool:
        """Take a message out of its line; False where it has been called or sent away."""
        if mine.done():
            return False
        line = self._lines[client]
        with suppress(ValueError):
            line.remove(mine)
        if not line:
            del self._lines[client]
        return True

    def _leave(self) -> None:
        """Give the place back, and call whoever is next."""
        now = time.monotonic()
        if self._handed is not None:
            gap = now - self._handed
            self._gap = gap if not self._gap else self._gap + _WEIGHT * (gap - self._gap)
        # Only while somebody waits do places become free as fast as the model can.
        self._handed = now if self._lines else None
        self._longest = max(1.0, self._longest / _STEP)
        self._taken -= 1
        while self._lines and self._taken < self.places:
            client, line = self._lines.popitem(last=False)
            line.popleft().set_result(None)
            self._taken += 1
            if line:
                self._lines[client] = line  # at the end: every other client is called before

    def _pause(self) -> int:
        """Return some seconds, the more the longer more are refused than answered.

        By chance, for clients that were refused together must not come back together; and no more
        than a full room would take, or the model were idle until they do.
        """
        self._longest = min(_LONGEST_PAUSE, self._longest * _STEP)
        most = min(self._longest, self.most * self._gap)
        return random.randint(1, max(1, math.ceil(most)))
