"""TurnStream: a message answered in parts, as server-sent events.

The dialogue routes answer with it when a client asks for a stream instead of the plain answer.
Events in their order: ``understood`` with what the model made of the words and found for them,
while the reply is still being written; ``piece`` for each piece of the reply; ``turn`` with the
whole turn as the plain answer gives it; or ``error`` in the place of what would have followed.
Example: ``event: piece`` and ``data: {"text": "There "}``.

The message is answered in a thread of its own, whoever listens: a client that leaves changes
nothing, and its turn is stored once. A refusal that comes before there is any event is answered
with its own status, as without a stream. Pieces are told once the turn is stored: a reply is held
against the look-up, and may be replaced by a bot's, before any of it is sent.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from http import HTTPStatus
from typing import Any

import anyio
import sqlalchemy as sa
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from todserve.gateway.conversations.model_clients import Told
from todserve.gateway.gateway_errors import FaultBody, GatewayError, StoreAwayError
from todserve.gateway.store.records import TurnRecord
from todserve.runtime.wire.turn_events import pieces

CONTENT_TYPE = "text/event-stream"
HEARTBEAT_SECONDS = 10.0
"""A comment is sent after so long without an event, so that nothing on the way hangs up."""

Answering = Callable[[Told], tuple[TurnRecord, bool]]
"""Answers a message: its turn, and whether that was stored already."""
Shown = Callable[[TurnRecord], Mapping[str, Any]]

_log = logging.getLogger(__name__)
_REPLY = ("dialogue_act", "response", "consistent")


class TurnStreams:
    """Answers messages in threads, for clients that listen meanwhile.

    Args:
        threads: messages at once.
        shown: a turn's JSON.
        heartbeat: seconds.
    """

    def __init__(self, *, threads: int, shown: Shown, heartbeat: float = HEARTBEAT_SECONDS) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="streamed-turn")
        self._shown = shown
        self._heartbeat = heartbeat

    async def open(self, answering: Answering, *, request_id: str) -> "TurnStream":
        """Have a message answered, and return its stream once there is something to tell.

        Raises:
            Exception: what ``answering`` raised before.
        """
        stream = TurnStream(self._shown, request_id=request_id, heartbeat=self._heartbeat)
        # The thread's own work belongs to this request's trace.
        self._pool.submit(copy_context().run, stream.run, answering)
        await stream.begin()
        return stream

    def close(self) -> None:
        """Wait for the messages under way."""
        self._pool.shutdown()


class TurnStream:
    """One message's events; for one event loop."""

    def __init__(self, shown: Shown, *, request_id: str, heartbeat: float) -> None:
        self._shown = shown
        self._request_id = request_id
        self._heartbeat = heartbeat
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[Any] = asyncio.Queue()
        self._answered = asyncio.Event()
        self._first: Any = None

    @property
    def is_again(self) -> bool:
        """Whether the turn was stored already."""
        return isinstance(self._first, tuple) and bool(self._first[1])

    def run(self, answering: Answering) -> None:
        """Answer the message, in whatever thread this is called."""
        try:
            self._put(answering(self._put))
        except Exception as error:
            self._put(error)
        finally:
            self._call(self._answered.set)

    def response(self, headers: Mapping[str, str]) -> StreamingResponse:
        """Return what tells the events to a client."""
        return _Telling(self, headers)

    async def answered(self) -> None:
        """Wait until the message is answered, whoever has left meanwhile."""
        await self._answered.wait()

    async def begin(self) -> None:
        """Wait for the first thing to tell; raises what was raised before there was any."""
        self._first = await self._queue.get()
        if isinstance(self._first, Exception):
            raise self._first

    async def events(self) -> AsyncIterator[bytes]:
        """Yield the events, with a comment where none comes for long."""
        told = self._first
        answer = told
        if isinstance(told, tuple):
            answer = {**told[0].standing, **dict.fromkeys(_REPLY), "timing_ms": {}}
        yield _event("understood", {"answer": answer})
        while isinstance(told, Mapping):
            try:
                told = await asyncio.wait_for(self._queue.get(), self._heartbeat)
            except TimeoutError:
                yield b": still there\n\n"
        if isinstance(told, Exception):
            yield _event("error", self._fault(told))
            return
        turn, _ = told
        for piece in pieces(turn.reply):
            yield _event("piece", {"text": piece.text})
        yield _event("turn", self._shown(turn))

    def _put(self, told: object) -> None:
        self._call(self._queue.put_nowait, told)

    def _call(self, what: Callable[..., object], *given: object) -> None:
        # The loop is closed where the gateway stops in the middle of an answer.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(what, *given)

    def _fault(self, error: Exception) -> dict[str, Any]:
        if isinstance(error, sa.exc.SQLAlchemyError):
            error = StoreAwayError("the database did not take it; nothing was stored")
        if isinstance(error, GatewayError):
            body = FaultBody(code=int(error.status), type=error.kind, message=str(error))
            return body.model_dump() | {"retry_after": error.retry_after}
        _log.error("%s: %s", self._request_id, type(error).__name__)
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        told = "an error of the gateway; its log names the request"
        return FaultBody(code=int(status), type="internal", message=told).model_dump()


class _Telling(StreamingResponse):
    """Tells a stream's events.

    A message whose client has left keeps its place among those that ask the model until it is
    answered: whoever comes and goes gets no more of the model than others.
    """

    def __init__(self, stream: TurnStream, headers: Mapping[str, str]) -> None:
        super().__init__(stream.events(), media_type=CONTENT_TYPE, headers=headers)
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Tell them, and wait for the message's end."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            with anyio.CancelScope(shield=True):
                await self._stream.answered()


def _event(name: str, content: Mapping[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(content, ensure_ascii=False)}\n\n".encode()
