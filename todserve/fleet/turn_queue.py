"""TurnQueue: bodies wait here for company, so that one call of the network answers many.

Servers that have no queue of their own put their requests into it, and it hands them to the worker.
One thread works; what comes meanwhile is the next batch. Full, it refuses at once.
Example: ``await TurnQueue(worker.answer, most=16, wait=0.001, places=100).ask(body)``.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from todserve.runtime.errors import ServerError
from todserve.runtime.worker.turn_worker import AskedBody, BodyReply

_Waiting = tuple[AskedBody, asyncio.Future[BodyReply]]


class FullQueueError(ServerError):
    """So many bodies wait already that another would wait too long."""


class TurnQueue:
    """Gathers bodies into batches; made and used in one event loop."""

    def __init__(
        self,
        answer: Callable[[Sequence[AskedBody]], list[BodyReply]],
        *,
        most: int,
        wait: float,
        places: int,
    ) -> None:
        """Set up, without starting anything.

        Args:
            answer: called in a thread of its own, with one batch after another.
            most: bodies of one batch.
            wait: seconds that a body waits for company.
            places: bodies that may wait.
        """
        self._answer = answer
        self._most = most
        self._wait = wait
        self._waiting: asyncio.Queue[_Waiting] = asyncio.Queue(places)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="tod-worker")
        self._work: asyncio.Task[None] | None = None

    async def ask(self, body: AskedBody) -> BodyReply:
        """Return the reply to a body.

        Raises:
            FullQueueError: no place is free.
        """
        if self._work is None:
            self._work = asyncio.create_task(self._go_on())
        reply: asyncio.Future[BodyReply] = asyncio.get_running_loop().create_future()
        try:
            self._waiting.put_nowait((body, reply))
        except asyncio.QueueFull:
            raise FullQueueError(
                f"the model is busy: {self._waiting.maxsize} requests wait already; try again later"
            ) from None
        return await reply

    async def _go_on(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            # Whoever has gone away meanwhile is not worked for.
            batch = [one for one in await self._gathered() if not one[1].done()]
            try:
                replies = await loop.run_in_executor(
                    self._thread, self._answer, [body for body, _ in batch]
                )
            except Exception as error:
                for _, waiting in batch:
                    if not waiting.done():
                        waiting.set_exception(error)
                continue
            for (_, waiting), reply in zip(batch, replies, strict=True):
                if not waiting.done():
                    waiting.set_result(reply)

    async def _gathered(self) -> list[_Waiting]:
        batch = [await self._waiting.get()]
        if self._waiting.empty() and self._most > 1:
            await asyncio.sleep(self._wait)
        while len(batch) < self._most and not self._waiting.empty():
            batch.append(self._waiting.get_nowait())
        return batch
