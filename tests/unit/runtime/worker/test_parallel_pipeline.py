"""Parts of a batch on several threads: their order, their listeners, and what fails among them."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from todserve.runtime.engines.counted_engine import TokenCount
from todserve.runtime.worker.parallel_pipeline import ParallelPipeline


@dataclass
class Echo:
    """Answers every request with itself, its thread noted; two of them meet before they answer."""

    tokens: TokenCount
    meeting: threading.Barrier | None = None
    asked: list[list[Any]] = field(default_factory=list)
    is_busy: bool = False

    def answer(self, requests: Sequence[Any], *, understood: Any = None) -> list[Any]:
        assert not self.is_busy, "two threads use one pipeline"
        self.is_busy = True
        self.asked.append(list(requests))
        if self.meeting is not None:
            self.meeting.wait(timeout=30)
        for place, one in enumerate(requests):
            if understood is not None:
                understood(place, one)
        self.is_busy = False
        if "bad" in requests:
            raise RuntimeError("bad")
        return list(requests)

    def explain(self, requests: Sequence[Any]) -> list[Any]:
        return [f"why {one}" for one in requests]


def of(
    number: int, meeting: threading.Barrier | None = None
) -> tuple[ParallelPipeline, list[Echo]]:
    echoes = [Echo(TokenCount(read=at + 1, written=10), meeting) for at in range(number)]
    return ParallelPipeline(echoes), echoes  # type: ignore[arg-type]


@pytest.mark.parametrize("number", [1, 2, 3, 5])
@pytest.mark.parametrize("size", [0, 1, 2, 3, 7, 16])
def test_answers_have_the_batchs_order_and_parts_are_even(number: int, size: int) -> None:
    parallel, echoes = of(number)
    assert parallel.answer(list(range(size))) == list(range(size))  # type: ignore[arg-type,comparison-overlap]
    sizes = [len(part) for one in echoes for part in one.asked]
    assert sum(sizes) == size
    assert max(sizes) - min(sizes) <= 1
    assert len(sizes) == max(1, min(number, size))
    assert parallel.explain(list(range(size))) == [f"why {at}" for at in range(size)]  # type: ignore[arg-type,comparison-overlap]


def test_parts_are_answered_at_once() -> None:
    parallel, _ = of(3, threading.Barrier(3))
    assert parallel.answer([1, 2, 3]) == [1, 2, 3]  # type: ignore[list-item,comparison-overlap]


def test_what_was_understood_is_told_with_its_place_in_the_batch_one_at_a_time() -> None:
    parallel, _ = of(2)
    told: list[tuple[int, Any]] = []
    inside = threading.Semaphore(1)

    def understood(place: int, known: Any) -> None:
        assert inside.acquire(blocking=False), "told by two threads at once"
        time.sleep(0.001)
        told.append((place, known))
        inside.release()

    parallel.answer(list("abcdefg"), understood=understood)  # type: ignore[arg-type]
    assert sorted(told) == list(enumerate("abcdefg"))


@pytest.mark.parametrize("place", [0, 3])
def test_a_part_that_fails_fails_the_batch_when_all_have_ended(place: int) -> None:
    parallel, echoes = of(2)
    batch: list[Any] = ["good"] * 4
    batch[place] = "bad"
    with pytest.raises(RuntimeError, match="bad"):
        parallel.answer(batch)
    assert not any(one.is_busy for one in echoes)
    assert parallel.answer([1, 2]) == [1, 2]  # type: ignore[list-item,comparison-overlap]


def test_tokens_are_those_of_all() -> None:
    assert of(3)[0].tokens == TokenCount(read=6, written=30)
