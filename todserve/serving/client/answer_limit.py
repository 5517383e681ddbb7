"""AnswerLimit: how much of an answer a client reads before it gives the server up.

The client's connection to the endpoint is made with it. A turn is a few kB; what answers at an
address may be anything, and a packed answer may be far larger than it looks. Example:
``httpx.Client(**AnswerLimit(shown="http://127.0.0.1:8080").hooks())`` reads 16 MiB and no more.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx2 as httpx

from todserve.runtime.errors import ServerError

MOST_BYTES = 1 << 24
"""Of one answer; TorchServe itself sends no more than ``max_response_size``, 1 MiB as shipped."""

PLAIN = {"Accept-Encoding": "identity"}
"""The header that asks for answers as they are, not packed."""


@dataclass(frozen=True, kw_only=True)
class AnswerLimit:
    """Reads answers no further than they may be long.

    Attributes:
        shown: the server's address, as messages show it.
        most: bytes of one answer.
    """

    shown: str
    most: int = MOST_BYTES

    def hooks(self) -> dict[str, Any]:
        """Return what a blocking ``httpx`` client is made with."""
        return {"event_hooks": {"response": [self._bound]}}

    def async_hooks(self) -> dict[str, Any]:
        """Return what an asynchronous one is made with."""

        async def bound(answer: httpx.Response) -> None:
            self._bound(answer)

        return {"event_hooks": {"response": [bound]}}

    def _bound(self, answer: httpx.Response) -> None:
        if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise self._too_much("a packed answer")
        answer.stream = _Counted(answer.stream, self._count())

    def _count(self) -> Callable[[bytes], bytes]:
        size = 0

        def counted(piece: bytes) -> bytes:
            nonlocal size
            size += len(piece)
            if size > self.most:
                raise self._too_much("a longer answer")
            return piece

        return counted

    def _too_much(self, got: str) -> ServerError:
        return ServerError(
            f"{self.shown}: got {got}; expected at most {self.most} bytes, not packed; is it a "
            "TorchServe?"
        )


class _Counted(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The content of an answer, counted while it is read."""

    def __init__(self, stream: Any, counted: Callable[[bytes], bytes]) -> None:
        self._stream = stream
        self._counted = counted

    def __iter__(self) -> Iterator[bytes]:
        return map(self._counted, self._stream)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._stream:
            yield self._counted(piece)

    def close(self) -> None:
        self._stream.close()

    async def aclose(self) -> None:
        await self._stream.aclose()
