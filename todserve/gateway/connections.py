"""Connections: how long a client may take, and how many there may be.

The gateway's process has uvicorn accept connections with it: uvicorn's own protocol with the limits
that it has no setting for. Example: ``uvicorn.Config(app, http=bounded(Limits(most=500)))``.

A client that sends half a request and waits costs a file descriptor, and a thousand of them would
cost all there are. So a request's head and its body must come within their time, an answer must be
read, and where the room is full whoever keeps the gateway waiting longest makes room: a new
connection is let in and the oldest one without a whole request is closed. Requests that are being
answered are never closed for others; where there is nothing else, the new one gets 503.
"""

import asyncio
import resource
from dataclasses import dataclass
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol
from uvicorn.protocols.websockets.wsproto_impl import WSProtocol

_HEAD_BYTES = 64 * 1024
_PER_THREAD = 3
"""File descriptors that a message under way needs: the database's two, and the model's."""
_OTHERS = 32

_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n"
    b"retry-after: 1\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b"
)
_TOLD = b'{"code":503,"type":"busy","message":"too many connections; send the same again"}'


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How many connections there may be, and how long each may take for its parts.

    Attributes:
        most: connections at once.
        head_seconds: for the head of a request, from the connection or its first byte on.
        body_seconds: for the rest of it.
        idle_seconds: between two requests.
        read_seconds: that a client may leave an answer unread.
    """

    most: int
    head_seconds: float = 10.0
    body_seconds: float = 30.0
    idle_seconds: float = 5.0
    read_seconds: float = 30.0


def allow_connections(wanted: int, threads: int) -> None:
    """Let this process open as many files as so many connections take, where the system does.

    What a shell begins with, 1,024 most often, is a default for old programs and no bound.
    """
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + _beside(threads)
    if allowed == resource.RLIM_INFINITY or allowed >= needed:
        return
    allowed = needed if most == resource.RLIM_INFINITY else min(needed, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))


def most_connections(wanted: int, threads: int) -> int:
    """Return how many connections this process has file descriptors for, at most ``wanted``.

    Those of the messages under way are kept free, and never more than three of four: a process
    that may open few files still answers.
    """
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed == resource.RLIM_INFINITY:
        return wanted
    return max(1, min(wanted, max(allowed // 4, allowed - _beside(threads))))


def _beside(threads: int) -> int:
    return _PER_THREAD * threads + _OTHERS


def bounded(limits: Limits) -> type[asyncio.Protocol]:
    """Return uvicorn's protocol with limits; all of its connections count together."""
    crowd: dict[Any, None] = {}

    class Bounded(AutoHTTPProtocol):  # type: ignore[valid-type, misc]
        """One connection."""

        _timer: asyncio.TimerHandle | None = None
        _unread: asyncio.TimerHandle | None = None
        _phase = ""
        _head = 0

        def connection_made(self, transport: asyncio.Transport) -> None:
            """Let a client in, in the place of another where there is no room."""
            super().connection_made(transport)
            if len(crowd) >= limits.most and not self._made_room():
                transport.write(_FULL % (len(_TOLD), _TOLD))
                transport.close()
                return
            crowd[self] = None
            self._watch()

        def connection_lost(self, exc: Exception | None) -> None:
            """Forget a client."""
            crowd.pop(self, None)
            self._enter("")
            self.resume_writing()
            super().connection_lost(exc)

        def data_received(self, piece: bytes) -> None:
            """Take in a piece of a request."""
            if self.transport.is_closing():
                return
            super().data_received(piece)
            if self not in crowd:
                return  # a WebSocket from here on
            self._watch()
            self._head = self._head + len(piece) if self._phase == "head" else 0
            if self._head > _HEAD_BYTES:
                self.transport.abort()

        def handle_websocket_upgrade(self, *given: Any) -> None:
            """Let a connection become a WebSocket, which ``bounded_sockets`` counts."""
            crowd.pop(self, None)
            self._enter("")
            super().handle_websocket_upgrade(*given)

        def on_response_complete(self) -> None:
            """Wait for the next request; uvicorn itself closes what is idle for too long."""
            self._enter("")
            if self in crowd:
                # Whoever waits longest is the first to make room, not who came first.
                del crowd[self]
                crowd[self] = None
            super().on_response_complete()

        def pause_writing(self) -> None:
            """Wait for a client that does not read, but not for ever."""
            super().pause_writing()
            if self._unread is None:
                self._unread = self.loop.call_later(limits.read_seconds, self.transport.abort)

        def resume_writing(self) -> None:
            """Go on, for the client has read."""
            if self._unread is not None:
                self._unread.cancel()
                self._unread = None
            super().resume_writing()

        def is_answered(self) -> bool:
            """Say whether a whole request is here, and its answer on the way."""
            cycle = self.cycle
            return cycle is not None and not cycle.response_complete and not cycle.more_body

        def _watch(self) -> None:
            if self.transport.is_closing() or self.is_answered():
                self._enter("")
            elif self.cycle is None or self.cycle.response_complete:
                self._enter("head")
            else:
                self._enter("body")

        def _enter(self, phase: str) -> None:
            # A timer runs from the first byte on; the next ones do not begin it anew.
            if phase == self._phase:
                return
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self._phase, self._head = phase, 0
            if phase:
                seconds = limits.head_seconds if phase == "head" else limits.body_seconds
                self._timer = self.loop.call_later(seconds, self.transport.abort)

        def _made_room(self) -> bool:
            for other in crowd:
                if not other.is_answered():
                    del crowd[other]
                    other.transport.abort()
                    return True
            return False

    return Bounded


def bounded_sockets(limits: Limits) -> type[asyncio.Protocol]:
    """Return uvicorn's protocol of WebSockets; they take up half of the room at most."""
    crowd: set[Any] = set()

    class BoundedSocket(WSProtocol):
        """One WebSocket."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            """Let a client in where there is room."""
            super().connection_made(transport)
            crowd.add(self)
            if len(crowd) > max(1, limits.most // 2):
                transport.close()

        def connection_lost(self, exc: Exception | None) -> None:
            """Forget a client."""
            crowd.discard(self)
            super().connection_lost(exc)

    return BoundedSocket
