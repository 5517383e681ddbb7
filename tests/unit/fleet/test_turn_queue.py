"""The queue before the worker: what waits goes together, what is too much is refused at once."""

import asyncio
import threading
from collections.abc import Sequence
from http import HTTPStatus

import pytest

from todserve.fleet.turn_queue import FullQueueError, TurnQueue
from todserve.runtime.worker.turn_worker import AskedBody, BodyReply


class Gate:
    """Answers batches once it is opened, and remembers them."""

    def __init__(self, *, fail: bool = False) -> None:
        self.opened = threading.Event()
        self.batches: list[list[object]] = []
        self._fail = fail

    def answer(self, bodies: Sequence[AskedBody]) -> list[BodyReply]:
        self.opened.wait(60)
        self.batches.append([body.content for body in bodies])
        if self._fail:
            raise RuntimeError("broken")
        return [
            BodyReply(
                status=HTTPStatus.OK,
                content=str(body.content).encode(),
                json_length=None,
                turns=1,
                refused=0,
                failed=0,
            )
            for body in bodies
        ]


def test_what_comes_during_a_batch_is_the_next_one() -> None:
    gate = Gate()

    async def run() -> list[bytes]:
        queue = TurnQueue(gate.answer, most=3, wait=0.0, places=10)
        first = asyncio.create_task(queue.ask(AskedBody(content=0)))
        await asyncio.sleep(0.1)  # it is being worked on
        others = [asyncio.create_task(queue.ask(AskedBody(content=at))) for at in range(1, 6)]
        await asyncio.sleep(0)
        gate.opened.set()
        return [reply.content for reply in await asyncio.gather(first, *others)]

    assert asyncio.run(run()) == [b"0", b"1", b"2", b"3", b"4", b"5"]
    assert gate.batches == [[0], [1, 2, 3], [4, 5]]


def test_one_more_than_there_are_places_is_refused_and_the_rest_answered() -> None:
    gate = Gate()

    async def run() -> list[BodyReply | BaseException]:
        queue = TurnQueue(gate.answer, most=1, wait=0.0, places=2)
        first = asyncio.create_task(queue.ask(AskedBody(content=0)))
        await asyncio.sleep(0.1)
        others = [asyncio.create_task(queue.ask(AskedBody(content=at))) for at in range(1, 4)]
        await asyncio.sleep(0)
        gate.opened.set()
        return await asyncio.gather(first, *others, return_exceptions=True)

    found = asyncio.run(run())
    assert [isinstance(one, FullQueueError) for one in found] == [False, False, False, True]


def test_whoever_has_gone_away_is_not_worked_for() -> None:
    gate = Gate()

    async def run() -> None:
        queue = TurnQueue(gate.answer, most=1, wait=0.0, places=5)
        first = asyncio.create_task(queue.ask(AskedBody(content=0)))
        await asyncio.sleep(0.1)
        gone = asyncio.create_task(queue.ask(AskedBody(content=1)))
        last = asyncio.create_task(queue.ask(AskedBody(content=2)))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
        gate.opened.set()
        await asyncio.gather(first, last)

    asyncio.run(run())
    assert [0] in gate.batches
    assert [1] not in gate.batches


def test_a_batch_that_breaks_fails_alone() -> None:
    gate = Gate(fail=True)
    gate.opened.set()

    async def run() -> None:
        queue = TurnQueue(gate.answer, most=1, wait=0.0, places=5)
        for _ in range(2):
            with pytest.raises(RuntimeError, match="broken"):
                await queue.ask(AskedBody(content=0))

    asyncio.run(run())
    assert len(gate.batches) == 2
