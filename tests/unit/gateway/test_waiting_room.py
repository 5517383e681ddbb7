"""Waiting room: who gets a place, who is refused, and with which words."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from todserve.gateway.waiting_room import Crowded, CrowdedError, WaitingRoom

LONG = 60.0


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


class Crowd:
    """Messages whose places end when they are told to."""

    def __init__(self, room: WaitingRoom) -> None:
        self.room = room
        self.called: list[str] = []
        self.refused: list[tuple[str, Crowded]] = []
        self.pauses: list[int] = []
        self._ends: list[asyncio.Event] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def comes(self, client: str, message: str) -> None:
        self.tasks[message] = asyncio.create_task(self._stay(client, message))
        await settled()

    async def one_is_answered(self) -> None:
        self._ends.pop(0).set()
        await settled()

    async def _stay(self, client: str, message: str) -> None:
        try:
            async with self.room.place(client):
                self.called.append(message)
                end = asyncio.Event()
                self._ends.append(end)
                await end.wait()
        except CrowdedError as error:
            self.refused.append((message, error.reason))
            self.pauses.append(error.retry_after)

    async def close(self) -> None:
        for task in self.tasks.values():
            task.cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)


def played(room: WaitingRoom, scene: Callable[[Crowd], Awaitable[None]]) -> Crowd:
    async def play() -> Crowd:
        crowd = Crowd(room)
        await scene(crowd)
        await crowd.close()
        return crowd

    return asyncio.run(play())


def room(*, at_once: int = 1, most: int = 4, seconds: float = LONG) -> WaitingRoom:
    return WaitingRoom(at_once=at_once, most=most, seconds=seconds)


def test_no_more_have_a_place_than_there_are_and_each_that_ends_calls_one() -> None:
    async def scene(crowd: Crowd) -> None:
        for number in range(5):
            await crowd.comes("anna", str(number))
        assert crowd.called == ["0", "1"]
        await crowd.one_is_answered()
        assert crowd.called == ["0", "1", "2"]
        assert (crowd.room.taken, crowd.room.waiting) == (2, 2)

    played(room(at_once=2), scene)


def test_a_client_with_many_messages_waits_behind_itself_and_not_before_the_others() -> None:
    async def scene(crowd: Crowd) -> None:
        for number in range(4):
            await crowd.comes("greedy", f"greedy {number}")
        await crowd.comes("anna", "anna")
        for _ in range(2):
            await crowd.one_is_answered()

    assert played(room(), scene).called == ["greedy 0", "greedy 1", "anna"]


def test_where_one_client_fills_the_room_another_takes_the_chair_of_its_newest_message() -> None:
    async def scene(crowd: Crowd) -> None:
        for number in range(5):
            await crowd.comes("greedy", f"greedy {number}")
        await crowd.comes("anna", "anna")
        await crowd.comes("greedy", "greedy 5")

    crowd = played(room(), scene)
    assert crowd.refused == [("greedy 4", Crowded.GREEDY), ("greedy 5", Crowded.GREEDY)]


def test_a_client_that_is_alone_is_told_that_the_room_is_full_and_not_that_it_is_greedy() -> None:
    async def scene(crowd: Crowd) -> None:
        for number in range(6):
            await crowd.comes("anna", str(number))

    assert played(room(), scene).refused == [("5", Crowded.FULL)]


def test_the_longer_more_are_refused_than_answered_the_longer_are_they_sent_away() -> None:
    crowded = room()
    crowded._gap = 10.0

    async def scene(crowd: Crowd) -> None:
        for number in range(1005):
            await crowd.comes("anna", str(number))

    pauses = played(crowded, scene).pauses
    assert set(pauses[:50]) == {1, 2}
    assert 10 < max(pauses) <= 30


def test_nobody_is_sent_away_for_longer_than_a_full_room_would_take() -> None:
    crowded = room(most=4)
    crowded._gap = 0.5

    async def scene(crowd: Crowd) -> None:
        for number in range(1005):
            await crowd.comes("anna", str(number))

    assert set(played(crowded, scene).pauses) == {1, 2}


def test_answers_make_the_pauses_short_again() -> None:
    calm = room()
    calm._gap, calm._longest = 10.0, 30.0

    async def scene(crowd: Crowd) -> None:
        for _ in range(1000):
            async with crowd.room.place("anna"):
                pass
        for number in range(10):
            await crowd.comes("anna", str(number))

    assert set(played(calm, scene).pauses) <= {1, 2}


def test_whoever_was_not_called_in_time_is_refused_and_leaves_no_chair_taken() -> None:
    async def scene(crowd: Crowd) -> None:
        await crowd.comes("anna", "first")
        await crowd.comes("anna", "late")
        await crowd.tasks["late"]
        assert crowd.room.waiting == 0
        await crowd.one_is_answered()
        assert crowd.room.taken == 0

    assert played(room(seconds=0.01), scene).refused == [("late", Crowded.LATE)]


def test_whoever_goes_away_while_waiting_takes_no_place_with_it() -> None:
    async def scene(crowd: Crowd) -> None:
        for message in ("first", "gone", "second"):
            await crowd.comes("anna", message)
        crowd.tasks["gone"].cancel()
        await settled()
        assert crowd.room.waiting == 1
        await crowd.one_is_answered()
        await crowd.one_is_answered()
        assert (crowd.room.taken, crowd.room.waiting) == (0, 0)

    assert played(room(), scene).called == ["first", "second"]


def test_whoever_goes_away_when_it_has_just_been_called_gives_the_place_to_the_next() -> None:
    async def scene(crowd: Crowd) -> None:
        for message in ("first", "gone", "second"):
            await crowd.comes("anna", message)
        crowd._ends.pop(0).set()
        await asyncio.sleep(0)  # the first one leaves and calls; the called one has not yet run
        crowd.tasks["gone"].cancel()
        await settled()
        assert (crowd.room.taken, crowd.room.waiting) == (1, 0)

    assert played(room(), scene).called == ["first", "second"]


@pytest.mark.parametrize(("gap", "places"), [(0.0, 64), (0.002, 64), (0.0125, 32), (1.0, 16)])
def test_there_are_as_many_places_as_the_model_can_answer_within_the_patience(
    gap: float, places: int
) -> None:
    slow = room(at_once=64, seconds=0.4)
    slow._gap = gap
    assert slow.places == places
