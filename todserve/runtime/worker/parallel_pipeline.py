"""ParallelPipeline: answers the parts of a batch at once, each on a thread of its own.

The worker uses it where a batch may be answered on several threads; its pipelines share one
checkpoint and one network. The network's time needs no lock of Python's, so that a worker uses as
many cores as it has threads, while there is one copy of everything in memory. A lone turn is
answered as ever. Example: ``ParallelPipeline.of(pipeline, 2).answer(sixteen)`` answers eight and
eight.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Self, TypeVar

from todserve.runtime.engines.counted_engine import TokenCount
from todserve.runtime.errors import RequestError
from todserve.runtime.pipeline import Listener, Pipeline
from todserve.runtime.wire.request import TurnRequest
from todserve.runtime.wire.response import TurnResponse
from todserve.runtime.wire.turn_events import Understood
from todserve.runtime.wire.turn_explanation import TurnExplanation

_T = TypeVar("_T")


class ParallelPipeline:
    """Answers turns as one pipeline does, with several.

    Args:
        pipelines: at least one; none is used by two threads at once.
    """

    def __init__(self, pipelines: Sequence[Pipeline]) -> None:
        self._pipelines = list(pipelines)
        self._others = ThreadPoolExecutor(
            max(1, len(self._pipelines) - 1), thread_name_prefix="part-of-a-batch"
        )

    @classmethod
    def of(cls, pipeline: Pipeline, threads: int) -> Self:
        """Return a pipeline and its twins, as many as threads.

        Raises:
            TypeError: its engine cannot be shared.
        """
        return cls([pipeline, *(pipeline.twin() for _ in range(threads - 1))])

    @property
    def tokens(self) -> TokenCount:
        """What the network has read and written so far, for all of them."""
        counts = [one.tokens for one in self._pipelines]
        return TokenCount(
            read=sum(one.read for one in counts), written=sum(one.written for one in counts)
        )

    def answer(
        self, requests: Sequence[TurnRequest], *, understood: Listener | None = None
    ) -> list[TurnResponse | RequestError]:
        """Answer a batch, in its order; ``timing_ms`` of a turn is its part's.

        Args:
            requests: the batch.
            understood: as of ``Pipeline.answer``; it is called by one thread at a time.
        """
        lock = threading.Lock()

        def listener(first: int) -> Listener | None:
            if understood is None:
                return None

            def tell(place: int, known: Understood) -> None:
                with lock:
                    understood(first + place, known)

            return tell

        def answered(
            pipeline: Pipeline, part: Sequence[TurnRequest], first: int
        ) -> list[TurnResponse | RequestError]:
            return pipeline.answer(part, understood=listener(first))

        return self._in_parts(requests, answered)

    def explain(self, requests: Sequence[TurnRequest]) -> list[TurnExplanation | RequestError]:
        """Say of each turn of a batch why it is answered so."""
        return self._in_parts(requests, lambda pipeline, part, _: pipeline.explain(part))

    def _in_parts(
        self,
        requests: Sequence[TurnRequest],
        ask: Callable[[Pipeline, Sequence[TurnRequest], int], list[_T]],
    ) -> list[_T]:
        parts = min(len(self._pipelines), len(requests)) or 1
        ends = [len(requests) * part // parts for part in range(parts + 1)]
        (first, last), *rest = zip(ends, ends[1:], strict=False)
        others = [
            self._others.submit(ask, pipeline, requests[begin:end], begin)
            for pipeline, (begin, end) in zip(self._pipelines[1:], rest, strict=False)
        ]
        try:
            found = ask(self._pipelines[0], requests[first:last], first)
        finally:
            wait(others)  # nobody may use a pipeline that is still answering
        return [*found, *(one for other in others for one in other.result())]
