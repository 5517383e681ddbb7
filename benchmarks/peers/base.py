"""Peer: a server under measurement; it starts, names its processes, and is asked whole turns.

Every benchmark that compares servers talks to them through this class. Every peer runs in processes
of its own, in a group of their own, with a TMPDIR of its own and without PYTHONPATH.
Example: ``with peer.client() as client: client.ask(b'{"user": "a train to ely"}')["texts"]``.
"""

import http.client
import json
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Protocol, Self

import psutil

from todserve.runtime.errors import TodError

TIMEOUT = 120.0  # seconds for one answer; 64 clients of a slow peer wait long


class PeerError(TodError):
    """A peer did not start, or did not answer."""


class AnswerForm(StrEnum):
    """What a peer's answers look like."""

    TURN = "turn"
    """todserve's own response: parsed parts."""
    TEXTS = "texts"
    """Task -> generated text."""


class Client(Protocol):
    """One client's connection; for one thread.

    Attributes:
        inside_seconds: what the last turn took as measured where it was worked out, for peers
            without a server; None where the client's own clock counts.
    """

    inside_seconds: float | None

    def ask(self, body: bytes) -> dict[str, Any]:
        """Return the answer to one whole turn.

        Raises:
            PeerError: it was refused.
            OSError, http.client.HTTPException: the connection failed.
        """
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class Peer(Protocol):
    """A server under measurement.

    Attributes:
        name: in every table; letters, digits and underscores.
        title: what it is, in words.
        form: what its answers look like.
        most_clients: how many clients it can be asked by; 1 for what runs without a server.
    """

    name: str
    title: str
    form: AnswerForm
    most_clients: int

    @property
    def startup_seconds(self) -> float:
        """From the start to the first answer; 0 before."""
        ...

    @property
    def size_bytes(self) -> int:
        """Bytes of the archive(s) or files that it serves; 0 before the start."""
        ...

    def start(self) -> None:
        """Start it and return once it has answered a turn.

        Raises:
            TodError: it did not, with the cause; nothing is left running then.
        """
        ...

    def stop(self) -> None:
        """Stop it; nothing happens when it does not run."""
        ...

    def client(self) -> Client:
        """Return a new connection."""
        ...

    def processes(self) -> Sequence[psutil.Process]:
        """Return all its processes."""
        ...

    def workers(self) -> Sequence[psutil.Process]:
        """Return those that hold a network."""
        ...


class Closing:
    """Is closed where its ``with`` block ends."""

    def close(self) -> None:
        """Close what it holds; nothing, unless it says otherwise."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class HttpClient(Closing):
    """Posts turns over one kept connection; the standard library's, for it costs least."""

    inside_seconds: float | None = None

    def __init__(self, port: int, path: str) -> None:
        """Ask ``http://127.0.0.1:port/path``."""
        self._path = path
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)

    def ask(self, body: bytes) -> dict[str, Any]:
        """Return the answer; see ``Client``."""
        return self.post(self._path, body)

    def post(self, path: str, body: bytes) -> dict[str, Any]:
        """Return the answer to ``body`` at another path of the same server; raises as ``ask``."""
        try:
            self._connection.request("POST", path, body, {"Content-Type": "application/json"})
            reply = self._connection.getresponse()
            content = reply.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()  # the next turn opens a new one
            raise
        if reply.status not in (http.HTTPStatus.OK, http.HTTPStatus.CREATED):
            raise PeerError(f"HTTP {reply.status}: {content[:200].decode(errors='replace')}")
        answer: dict[str, Any] = json.loads(content)
        return answer

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
