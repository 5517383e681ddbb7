"""TodClient and Conversation: typed turns over REST, for programs and for people's terminals.

Stands before the way of a request, on the caller's side; needs ``requests`` and no torch.
Example: ``Conversation(TodClient("http://127.0.0.1:8080")).say("a train to ely").response.text``.
"""

import json
import random
import time
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Self
from urllib.parse import urlsplit

import requests
from pydantic import ValidationError

from todserve.runtime.errors import RequestError, ServerError, TodError
from todserve.runtime.language.prompts import Exchange
from todserve.runtime.secret_free import without_secrets
from todserve.runtime.wire.loopback import LOOPBACK_HOSTS
from todserve.runtime.wire.model_description import ModelDescription
from todserve.runtime.wire.response import SlotPrediction, TurnResponse, decode

State = Mapping[str, Mapping[str, str | SlotPrediction]]
"""domain -> slot -> plain value, or what an earlier response held there."""

# TorchServe answers these while a worker dies and comes back (about 7 s) or its queue is full.
_RETRIED = (
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.INSUFFICIENT_STORAGE,
)
_LONGEST_PAUSE = 4.0


class UnknownModelError(ServerError):
    """The server is there and serves no model of that name or version."""


class TodClient:
    """A connection to one served model; for one thread at a time.

    Args:
        url: inference address, e.g. ``http://127.0.0.1:8080``.
        timeout: seconds to wait for one answer.
        retries: further attempts after a 500, 503, 507 or a failed connection.
        name: the model's name on the server.
        token: inference token, where the server asks for one.
        backoff: seconds before the first retry; doubles with each, with jitter.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8080",
        timeout: float = 30.0,
        retries: int = 5,
        *,
        name: str = "tod",
        token: str | None = None,
        backoff: float = 0.3,
    ) -> None:
        self.url = url.rstrip("/")
        # An address may hold a password, which no message shows.
        self._shown = without_secrets(self.url)
        self.name = name
        self._timeout = timeout
        self._retries = retries
        self._backoff = backoff
        self._session = requests.Session()
        self._session.headers["Content-Type"] = "application/json"
        # A proxy of the environment must not be asked for this very machine.
        self._session.trust_env = urlsplit(self.url).hostname not in LOOPBACK_HOSTS
        if token is not None:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def turn(
        self,
        user: str,
        *,
        history: Iterable[Exchange] = (),
        state: State | None = None,
        domain: str | None = None,
        tasks: Iterable[str] | None = None,
        top_k: int | None = None,
    ) -> TurnResponse:
        """Answer one turn.

        Args:
            user: the new utterance.
            history: the exchanges before it, oldest first.
            state: the belief state before it.
            domain: the active domain before it.
            tasks: what to answer; all tasks when None.
            top_k: database results to list.

        Raises:
            RequestError: the server refused the request; its message says why.
            ServerError: no answer, or none that is a turn.
        """
        request = {
            "user": user,
            "history": [{"user": past.user, "system": past.system} for past in history],
            "state": _plain(state or {}),
            "domain": domain,
            "tasks": None if tasks is None else list(tasks),
            "top_k": top_k,
        }
        return self.send({key: value for key, value in request.items() if value is not None})

    def send(self, request: Mapping[str, object], *, request_id: str | None = None) -> TurnResponse:
        """Answer a request given as the JSON object it is; errors as in ``turn``.

        Args:
            request: the body.
            request_id: sent as ``X-Request-ID``; the server's log names it.
        """
        answer = self._answer(request, request_id)
        try:
            return decode(answer.content)
        except ValidationError as error:
            raise self._strange("turn response", error) from None

    def describe(self, *, request_id: str | None = None) -> ModelDescription:
        """Return what the model's labels are.

        Raises:
            RequestError: the archive is from before models could tell.
            ServerError: no answer, or none that is a description.
        """
        answer = self._answer({"describe": True}, request_id)
        try:
            return ModelDescription.model_validate_json(answer.content)
        except ValidationError as error:
            raise self._strange("description", error) from None

    def ready(self, timeout: float = 5.0) -> bool:
        """Return whether a small turn succeeds right now; ``/ping`` alone would not tell."""
        try:
            answer = self._post(b'{"user": "hello", "tasks": ["intent"]}', 0, timeout)
            if answer.status_code == HTTPStatus.BAD_REQUEST:
                # A model that has not learnt intents refuses that, and is ready all the same.
                answer = self._post(b'{"user": "hello"}', 0, timeout)
        except ServerError:
            return False
        return answer.status_code == HTTPStatus.OK

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _answer(self, request: Mapping[str, object], request_id: str | None) -> requests.Response:
        body = json.dumps(request).encode()
        answer = self._post(body, self._retries, self._timeout, request_id)
        if answer.status_code != HTTPStatus.OK:
            raise self._refusal(answer)
        return answer

    def _strange(self, wanted: str, error: ValidationError) -> ServerError:
        return ServerError(
            f"{self._shown}: the answer is no {wanted} ({error.error_count()} problems); "
            f"is '{self.name}' a todserve archive of this version?"
        )

    def _post(
        self, body: bytes, retries: int, timeout: float, request_id: str | None = None
    ) -> requests.Response:
        headers = None if request_id is None else {"X-Request-ID": request_id}
        for attempt in range(retries + 1):
            if attempt:
                # Jitter keeps many clients from returning all at once.
                pause = min(self._backoff * 2 ** (attempt - 1), _LONGEST_PAUSE)
                time.sleep(pause * random.uniform(0.5, 1.0))
            try:
                answer = self._session.post(
                    f"{self.url}/predictions/{self.name}",
                    data=body,
                    timeout=timeout,
                    headers=headers,
                )
            except requests.ConnectionError as error:
                failure = error
                continue
            except requests.Timeout:
                raise ServerError(f"{self._shown}: no answer within {timeout:g} s") from None
            except requests.RequestException as error:
                raise ServerError(f"{self._shown}: {without_secrets(str(error))}") from None
            if answer.status_code not in _RETRIED or attempt == retries:
                return answer
        raise ServerError(_connection_message(self._shown, failure)) from None

    def _refusal(self, answer: requests.Response) -> TodError:
        code, message = answer.status_code, _message(answer)
        if code == HTTPStatus.BAD_REQUEST:
            return RequestError(message)
        if code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return RequestError("the request is larger than the server accepts; send less history")
        if code == HTTPStatus.NOT_FOUND:
            return UnknownModelError(
                f"{self._shown}: there is no model named '{self.name}' ({message})"
            )
        if code in _RETRIED:
            return ServerError(
                f"{self._shown}: HTTP {code} after {self._retries + 1} attempts ({message}); "
                "the server's logs say why"
            )
        return ServerError(f"{self._shown}: HTTP {code} ({message})")


class Conversation:
    """A dialogue under way: keeps history, belief state and active domain between turns.

    Args:
        client: where the turns are answered.
        max_turns: newest exchanges to send; a server refuses more than 100.
        top_k: database results to list.
    """

    def __init__(self, client: TodClient, *, max_turns: int = 50, top_k: int | None = None) -> None:
        self._client = client
        self._max_turns = max_turns
        self._top_k = top_k
        self.reset()

    def reset(self) -> None:
        """Forget everything said."""
        self.history: tuple[Exchange, ...] = ()
        self.state: Mapping[str, Mapping[str, SlotPrediction]] = {}
        self.domain: str | None = None

    def say(self, user: str) -> TurnResponse:
        """Answer the next utterance; a failed turn leaves the conversation as it was."""
        answer = self._client.turn(
            user,
            history=self.history[-self._max_turns :],
            state=self.state,
            domain=self.domain,
            top_k=self._top_k,
        )
        system = answer.response.text if answer.response else ""
        self.history = (*self.history, Exchange(user=user, system=system))
        if answer.belief_state is not None:
            self.state = answer.belief_state
        if answer.domain is not None:
            self.domain = answer.domain.active
        return answer


def _plain(state: State) -> dict[str, dict[str, object]]:
    return {
        domain: {
            slot: value.model_dump() if isinstance(value, SlotPrediction) else value
            for slot, value in slots.items()
        }
        for domain, slots in state.items()
    }


def _message(answer: requests.Response) -> str:
    try:
        body = answer.json()
    except ValueError:
        body = None
    if isinstance(body, dict) and isinstance(body.get("message"), str):
        return str(body["message"])
    return answer.text.strip()[:200] or answer.reason


def _connection_message(url: str, error: requests.ConnectionError) -> str:
    if isinstance(error, requests.ConnectTimeout):
        return f"{url}: cannot connect in time; is the address right?"
    if "refused" in str(error).lower():
        return f"{url}: connection refused; is the server up? Start it with: tod start"
    if "resolve" in str(error).lower():
        return f"{url}: the host name cannot be resolved; is the address right?"
    return f"{url}: the connection broke before an answer came; the server's logs say why"
