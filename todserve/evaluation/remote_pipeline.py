"""RemotePipeline: a running server in the place of a pipeline of our own.

Stands before the rollout, where ``TurnPipeline`` stands when a checkpoint is scored in process:
the same ``answer``, sent over REST, several requests at once so that the server can batch them.
Example: ``RemotePipeline("http://127.0.0.1:8080", "tod", checkpoint=folder).answer(requests)``.

A figure names the checkpoint it was measured on, so the server's must be known: every answer
carries its checksum, which must be that of a local folder from the first answer to the last. That
folder also lends the schema and the database that scoring needs.

A served model over REST: one body sent, one answer back, with patience for a busy server.

Stands between the remote pipeline and the network. ``serving`` has a client too, for people's
programs; evaluation must not import that room, and needs many requests at once. Example:
``RemoteConnection("http://127.0.0.1:8080", "tod").post({"user": "hello"}).status_code``.
"""

import random
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import requests
from pydantic import ValidationError

from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.errors import ConfigError, RequestError, ServerError
from todserve.runtime.secret_free import without_secrets
from todserve.runtime.wire.loopback import LOOPBACK_HOSTS
from todserve.runtime.wire.request import TurnRequest
from todserve.runtime.wire.response import TurnResponse, decode

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


class RemoteError(ServerError):
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


AT_ONCE = 16
"""Requests under way together: two of the archive's batches, a quarter of the server's queue."""

OVER_REST = "over-rest"
"""Added to a signature's checkpoint: a server may compute with another dtype than we would."""


class RemotePipeline:
    """Answers dialogue turns with a served model.

    Args:
        url: inference address, e.g. ``http://127.0.0.1:8080``.
        name: the model's name on the server.
        checkpoint: the folder that the served archive was made from.
        at_once: most requests under way together.
        timeout: seconds to wait for one answer.
        retries: further attempts while the server is busy or away.
        backoff: seconds before the first retry; doubles with each.
        token: inference token, where the server asks for one.

    Raises:
        ConfigError: the folder is no checkpoint, or not the one that the server has.
        RemoteError: the server is not there.
    """

    def __init__(
        self,
        url: str,
        name: str = "tod",
        *,
        checkpoint: Path,
        at_once: int = AT_ONCE,
        timeout: float = 60.0,
        retries: int = 6,
        backoff: float = 0.5,
        token: str | None = None,
    ) -> None:
        self.checkpoint = Checkpoint.open(checkpoint)
        self._connection = RemoteConnection(
            url, name, timeout=timeout, retries=retries, backoff=backoff, token=token
        )
        self._pool = ThreadPoolExecutor(max_workers=at_once, thread_name_prefix="remote-turn")
        self._answered = False
        try:
            # Better to learn of a wrong server before the corpus is read than after. Whatever the
            # model has learnt: one that is asked for another task refuses.
            first = self._one(TurnRequest(user="hello"))
            if isinstance(first, RequestError):
                raise RemoteError(f"{self._connection.shown}: refused a greeting: {first}")
            self._check_model(first)
        except BaseException:
            self.close()
            raise

    def answer(self, requests: Sequence[TurnRequest]) -> list[TurnResponse | RequestError]:
        """Answer a batch, in its order; a wrong request becomes an error at its own place.

        Raises:
            ConfigError: the server's checkpoint is no longer the one it was.
            RemoteError: no answer, or none that is a turn.
        """
        answers = list(self._pool.map(self._one, requests))
        for answer in answers:
            if isinstance(answer, TurnResponse):
                self._check_model(answer)
        return answers

    def close(self) -> None:
        """Close connections and database; requests not yet sent are given up."""
        self._pool.shutdown(cancel_futures=True)
        self._connection.close()
        self.checkpoint.knowledge.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _one(self, request: TurnRequest) -> TurnResponse | RequestError:
        answer = self._connection.post(request_body(request))
        where, code = self._connection.url, answer.status_code
        if code == HTTPStatus.OK:
            try:
                return decode(answer.content)
            except ValidationError as error:
                raise RemoteError(
                    f"{where}: the answer is no turn response ({error.error_count()} problems); "
                    f"is '{self._connection.name}' a todserve archive of this version?"
                ) from None
        message = _message(answer)
        if code == HTTPStatus.BAD_REQUEST:
            return RequestError(message)
        if code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return RequestError("the request is larger than the server accepts")
        if code == HTTPStatus.NOT_FOUND:
            raise RemoteError(
                f"{where}: there is no model named '{self._connection.name}' ({message}); "
                "pass the name it was archived with"
            )
        if code in BUSY:
            raise RemoteError(
                f"{where}: HTTP {code} to every attempt ({message}); the server's logs say why"
            )
        raise RemoteError(f"{where}: HTTP {code} ({message})")

    def _check_model(self, answer: TurnResponse) -> None:
        served, ours = answer.model.checkpoint, self.checkpoint.checksum
        where = f"{self._connection.shown}: model '{self._connection.name}'"
        if served != ours and self._answered:
            raise ConfigError(
                f"{where} answered with checkpoint {served} after {ours}: it was replaced during "
                "the evaluation, whose figures would be of neither; evaluate again"
            )
        if served != ours:
            raise ConfigError(
                f"{where} has checkpoint {served}, {self.checkpoint.folder} is {ours}; expected "
                "the same; pass the folder that the server's archive was made from"
            )
        self._answered = True


def request_body(request: TurnRequest) -> dict[str, object]:
    """Return the JSON object that a server parses back into ``request``."""
    return {
        "user": request.user,
        "history": [{"user": past.user, "system": past.system} for past in request.history],
        "state": {
            domain: {
                slot: {
                    "value": value,
                    "confidence": request.state_confidence.get(domain, {}).get(slot),
                }
                for slot, value in slots.items()
            }
            for domain, slots in request.state.items()
        },
        "domain": request.domain,
        "tasks": [str(task) for task in request.tasks],
        "top_k": request.top_k,
    }


def _message(answer: requests.Response) -> str:
    try:
        body = answer.json()
    except ValueError:
        body = None
    if isinstance(body, dict) and isinstance(body.get("message"), str):
        return str(body["message"])
    return answer.reason or "no reason given"
