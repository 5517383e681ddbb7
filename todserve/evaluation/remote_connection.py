"""A served model over REST: one body sent, one answer back, with patience for a busy server.

Stands between the remote pipeline and the network. ``serving`` has a client too, for people's
programs; evaluation must not import that room, and needs many requests at once. Example:
``RemoteConnection("http://127.0.0.1:8080", "tod").post({"user": "hello"}).status_code``.
"""

import random
import threading
import time
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

import requests

from todserve.runtime.errors import TodError
from todserve.runtime.loopback import LOOPBACK_HOSTS
from todserve.runtime.secret_free import without_secrets

BUSY = frozenset(
    {
        # TorchServe answers 500 while a worker dies and comes back, 503 while its queue is full,
        # 507 when a worker ran out of memory; a balancer before it answers 502 and 504.
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
        HTTPStatus.INSUFFICIENT_STORAGE,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)
"""Statuses after which the same request is sent again, later."""

_LONGEST_PAUSE = 10.0


class RemoteError(TodError):
    """The server is not there, stays busy, or answered something that is no turn."""


class RemoteConnection:
    """Sends to one served model; any number of threads may use it at once.

    Args:
        url: inference address, e.g. ``http://127.0.0.1:8080``.
        name: the model's name on the server.
        timeout: seconds to wait for one answer.
        retries: further attempts after a status of BUSY or a failed connection.
        backoff: seconds before the first retry; doubles with each, with jitter.
        token: inference token, where the server asks for one.
    """

    def __init__(
        self,
        url: str,
        name: str,
        *,
        timeout: float = 60.0,
        retries: int = 6,
        backoff: float = 0.5,
        token: str | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        # An address may hold a password, which no message shows.
        self.shown = without_secrets(self.url)
        self.name = name
        self._timeout = timeout
        self._retries = retries
        self._backoff = backoff
        self._token = token
        self._local = threading.local()
        self._sessions: list[requests.Session] = []
        self._lock = threading.Lock()

    def post(self, body: Mapping[str, object]) -> requests.Response:
        """Return the answer, whatever its status; BUSY only after the last attempt.

        Raises:
            RemoteError: no connection after all attempts, or no answer in time.
        """
        failure: requests.ConnectionError | None = None
        for attempt in range(self._retries + 1):
            if attempt:
                # Jitter keeps the threads from returning all at once.
                pause = min(self._backoff * 2 ** (attempt - 1), _LONGEST_PAUSE)
                time.sleep(pause * random.uniform(0.5, 1.0))
            try:
                answer = self._session().post(
                    f"{self.url}/predictions/{self.name}", json=body, timeout=self._timeout
                )
            except requests.ConnectionError as error:
                failure = error
                continue
            except requests.Timeout:
                raise RemoteError(
                    f"{self.shown}: no answer within {self._timeout:g} s; is the server overloaded?"
                ) from None
            except requests.RequestException as error:
                raise RemoteError(f"{self.shown}: {without_secrets(str(error))}") from None
            if answer.status_code not in BUSY or attempt == self._retries:
                return answer
        raise RemoteError(
            f"{self.shown}: no connection after {self._retries + 1} attempts "
            f"({type(failure).__name__}); is the server up and the address right?"
        )

    def close(self) -> None:
        """Close the connections of every thread."""
        with self._lock:
            for session in self._sessions:
                session.close()
            self._sessions.clear()

    def _session(self) -> requests.Session:
        # A session is not promised to be safe in several threads, so each has its own.
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            # A proxy of the environment must not be asked for this very machine.
            session.trust_env = urlsplit(self.url).hostname not in LOOPBACK_HOSTS
            if self._token is not None:
                session.headers["Authorization"] = f"Bearer {self._token}"
            self._local.session = session
            with self._lock:
                self._sessions.append(session)
        return session
