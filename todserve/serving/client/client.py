"""Client and AsyncClient: typed dialogue turns from a running server.

Both need no torch. Example: ``Client("http://127.0.0.1:8080").turn("a train to ely")`` is a
TurnResponse; ``await AsyncClient("http://127.0.0.1:8080").turn("a train to ely")`` is the same one.
"""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

import httpx2 as httpx
import tenacity

from todserve.runtime.errors import ConfigError, RequestError, ServerError
from todserve.runtime.language.prompts import Exchange
from todserve.runtime.traces.trace_spans import Kind, Note, carrying, span
from todserve.runtime.wire.limits import DEFAULT_LIMITS, RequestLimits
from todserve.runtime.wire.model_description import ModelDescription
from todserve.runtime.wire.request import TurnRequest, request_body
from todserve.runtime.wire.response import SlotPrediction, TurnResponse
from todserve.runtime.wire.turn_events import (
    Piece,
    TurnEvent,
    Understood,
    Whole,
    pieces,
    understood_of,
)
from todserve.serving.client.endpoint import Endpoint, headers_of
from todserve.serving.client.inference_token import InferenceToken
from todserve.serving.client.streamed_turn import ACCEPT, StreamedTurn

A = TypeVar("A")  # an answer, or what is awaited for it
P = TypeVar("P")  # its parts, iterated or awaited one by one

State = Mapping[str, Mapping[str, str | SlotPrediction]]
"""domain -> slot -> plain value, or what an earlier response held there."""

AT_ONCE = 8
"""Requests of one batch under way together: enough for a server to fill a batch of its own."""

_GREETINGS: tuple[dict[str, object], ...] = (
    {"user": "hello", "tasks": ["intent"]},
    # A model that has not learnt intents refuses that, and is ready all the same.
    {"user": "hello"},
)
_DESCRIBE: dict[str, object] = {"describe": True}
_ASK, _ASK_LABELS = "ask the model", "ask for the labels"
"""What a request's span is called, where a program traces."""


def turn_request(
    user: str,
    *,
    history: Iterable[Exchange] = (),
    state: State | None = None,
    corrected: Mapping[str, Sequence[str]] | None = None,
    domain: str | None = None,
    tasks: Iterable[str] | None = None,
    top_k: int | None = None,
    now: datetime | None = None,
    request_id: str | None = None,
    limits: RequestLimits = DEFAULT_LIMITS,
) -> TurnRequest:
    """Return a request whose arguments may be what an earlier answer held.

    Args:
        user: the new utterance.
        history: the exchanges before it, oldest first.
        state: the belief state before it.
        corrected: domain -> slots that a person has set or taken out of the state; only new
            words about one change it.
        domain: the active domain before it.
        tasks: what to answer; all tasks when None.
        top_k: database results to list.
        now: what time it is where the user is, with its time zone: what "tomorrow" is meant from.
            None for the server's clock.
        request_id: names the turn in the server's log.
        limits: what is too much.

    Raises:
        RequestError: an argument is wrong; the message says which, and the fix.
    """
    # A request takes these in place of what it is typed to hold, and checks them.
    told: Any = _listed(history)
    known: Any = {} if state is None else state
    set_by_hand: Any = {} if corrected is None else corrected
    asked: Any = _listed(tasks)
    number: Any = top_k
    return TurnRequest(
        user=user,
        history=told,
        state=known,
        corrected=set_by_hand,
        domain=domain,
        tasks=asked,
        top_k=number,
        now=now,
        request_id=request_id,
        limits=limits,
    )


def _listed(given: object) -> object:
    # What is no list of things at all is left as it is, and refused by its name.
    if isinstance(given, Iterable) and not isinstance(given, str | bytes | Mapping):
        return list(given)
    return given


class _Caller(Generic[A, P]):
    """What both clients are given, keep and offer alike."""

    def __init__(
        self,
        url: str = "http://127.0.0.1:8080",
        *,
        name: str = "tod",
        token: str | None = None,
        token_file: Path | None = None,
        timeout: float = 30.0,
        retries: int = 5,
        backoff: float = 0.3,
        at_once: int = AT_ONCE,
        limits: RequestLimits = DEFAULT_LIMITS,
    ) -> None:
        """Connect to nothing yet.

        Args:
            url: inference address, e.g. ``http://127.0.0.1:8080``.
            name: the model's name on the server.
            token: inference token, where the server asks for one.
            token_file: holds it instead, as the server's ``key_file.json`` does; read again when
                the token is refused.
            timeout: seconds to wait for one answer.
            retries: further attempts after a broken connection, or while the server is busy.
            backoff: seconds before the first retry; doubles with each, with jitter.
            at_once: requests of one batch under way together.
            limits: what the server takes in one request, where its archive says otherwise.

        Raises:
            ConfigError: a value that cannot be.
        """
        if at_once < 1:
            raise ConfigError(f"at_once: got {at_once!r}; expected 1 or more")
        self._token = InferenceToken(token, file=token_file)
        self.endpoint = Endpoint(
            url=url,
            name=name,
            has_token=self._token.is_there,
            timeout=timeout,
            retries=retries,
            backoff=backoff,
        )
        self._at_once = at_once
        self._limits = limits
        self._open()

    def turn(
        self,
        user: str,
        *,
        history: Iterable[Exchange] = (),
        state: State | None = None,
        corrected: Mapping[str, Sequence[str]] | None = None,
        domain: str | None = None,
        tasks: Iterable[str] | None = None,
        top_k: int | None = None,
        now: datetime | None = None,
        request_id: str | None = None,
    ) -> A:
        """Answer one turn; an ``AsyncClient``'s answer is awaited.

        The arguments are those of ``turn_request``.

        Raises:
            RequestError: an argument is wrong, or the server refused it; the message says why.
            ServerError: no answer, or none that is a turn.
        """
        return self._ask(
            turn_request(
                user,
                history=history,
                state=state,
                corrected=corrected,
                domain=domain,
                tasks=tasks,
                top_k=top_k,
                now=now,
                request_id=request_id,
                limits=self._limits,
            )
        )

    def stream(
        self,
        user: str,
        *,
        history: Iterable[Exchange] = (),
        state: State | None = None,
        corrected: Mapping[str, Sequence[str]] | None = None,
        domain: str | None = None,
        tasks: Iterable[str] | None = None,
        top_k: int | None = None,
        now: datetime | None = None,
        request_id: str | None = None,
    ) -> P:
        """Answer one turn in parts: what was understood, the reply in pieces, the whole turn.

        The first part comes while the reply is still being written. It is one call all the same;
        arguments and errors are those of ``turn``. An ``AsyncClient``'s parts come with ``async
        for``.
        """
        return self._told(
            turn_request(
                user,
                history=history,
                state=state,
                corrected=corrected,
                domain=domain,
                tasks=tasks,
                top_k=top_k,
                now=now,
                request_id=request_id,
                limits=self._limits,
            )
        )

    def _open(self) -> None:
        raise NotImplementedError

    def _ask(self, request: TurnRequest) -> A:
        raise NotImplementedError

    def _told(self, request: TurnRequest) -> P:
        raise NotImplementedError

    @property
    def url(self) -> str:
        """The inference address, without a final slash."""
        return self.endpoint.url

    @property
    def name(self) -> str:
        """The model's name on the server."""
        return self.endpoint.name

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.endpoint.shown!r}, name={self.name!r})"


class Client(_Caller[TurnResponse, Iterator[TurnEvent]]):
    """A running server's model, asked from any number of threads; close it, or use ``with``."""

    def _open(self) -> None:
        self._http = httpx.Client(**self.endpoint.connection(), **self.endpoint.answers.hooks())
        self._pool: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()

    def answer(self, requests: Sequence[TurnRequest], /) -> list[TurnResponse | RequestError]:
        """Answer a batch, in its order; a wrong request becomes an error at its own place.

        Raises:
            ServerError: no answer, or none that is a turn.
        """
        if len(requests) == 1:
            return [self._answered(requests[0])]
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(
                    max_workers=self._at_once, thread_name_prefix="served-turn"
                )
            pool = self._pool
        return list(pool.map(self._answered, requests))

    def send(
        self,
        body: Mapping[str, object],
        *,
        model: str | None = None,
        request_id: str | None = None,
    ) -> TurnResponse:
        """Answer a request given as the JSON object it is; errors as of ``turn``.

        Args:
            body: what is sent, unchecked: the server judges.
            model: another model of the same server.
            request_id: sent as ``X-Request-ID``; the server's log names it.
        """
        answer, attempts = self._post(body, model=model, request_id=request_id)
        return self.endpoint.turn(answer, body=body, model=model, attempts=attempts)

    def send_in_parts(
        self,
        body: Mapping[str, object],
        *,
        model: str | None = None,
        request_id: str | None = None,
    ) -> Iterator[Understood | Whole]:
        """Answer a request as ``send`` does, telling what was understood as soon as it is known."""
        answer, attempts = self._send(
            self.endpoint.address(model),
            json.dumps(body).encode(),
            {**headers_of(request_id), **ACCEPT},
            streamed=True,
        )
        lines = StreamedTurn()
        told = False
        with closing(answer):
            try:
                for chunk in answer.iter_bytes():
                    understood = lines.take(chunk)
                    if understood is not None:
                        told = True
                        yield understood
            except httpx.HTTPError as error:
                raise self.endpoint.failure(error) from None
        last = answer
        if answer.status_code == HTTPStatus.OK:
            last = httpx.Response(lines.status, content=lines.rest)
        turn = self.endpoint.turn(last, body=body, model=model, attempts=attempts)
        if not told:
            yield understood_of(turn)
        yield Whole(turn=turn)

    def describe(
        self, *, model: str | None = None, request_id: str | None = None
    ) -> ModelDescription:
        """Return what the model's labels are.

        Raises:
            RequestError: the archive is from before models could tell.
            ServerError: no answer, or none that is a description.
        """
        answer, attempts = self._post(
            _DESCRIBE, model=model, request_id=request_id, asked=_ASK_LABELS
        )
        return self.endpoint.description(answer, body=_DESCRIBE, model=model, attempts=attempts)

    def ready(self, timeout: float = 5.0, *, model: str | None = None) -> bool:
        """Return whether a small turn succeeds right now; ``/ping`` alone would not tell.

        Raises:
            TokenRefusedError: the server does not know this client's token.
        """
        for greeting in _GREETINGS:
            try:
                answer, _ = self._post(greeting, model=model, retries=0, timeout=timeout)
            except ServerError:
                return False
            if self.endpoint.refuses_token(answer):
                raise self.endpoint.token_refused(answer)
            if answer.status_code != HTTPStatus.BAD_REQUEST:
                return answer.status_code == HTTPStatus.OK
        return False

    def close(self) -> None:
        """Close the connections; requests of a batch that were not yet sent are given up."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(cancel_futures=True)
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _told(self, request: TurnRequest) -> Iterator[TurnEvent]:
        for part in self.send_in_parts(request_body(request), request_id=request.request_id):
            if isinstance(part, Whole):
                yield from _pieces_of(part)
            yield part

    def _answered(self, request: TurnRequest) -> TurnResponse | RequestError:
        try:
            return self._ask(request)
        except RequestError as error:
            return error

    def _ask(self, request: TurnRequest) -> TurnResponse:
        return self.send(request_body(request), request_id=request.request_id)

    def _post(
        self,
        body: Mapping[str, object],
        *,
        model: str | None = None,
        request_id: str | None = None,
        retries: int | None = None,
        timeout: float | None = None,
        asked: str = _ASK,
    ) -> tuple[httpx.Response, int]:
        """Return the last attempt's answer, whatever its status, and the number of attempts."""
        return self._send(
            self.endpoint.address(model),
            json.dumps(body).encode(),
            headers_of(request_id),
            retries=retries,
            timeout=timeout,
            asked=asked,
        )

    def forward(self, path: str, content: bytes, headers: Mapping[str, str]) -> httpx.Response:
        """Send a body as it is to a path of the server, and return what comes, as it comes.

        Args:
            path: below the server's address, as ``/predictions/tod``.
            content: the body.
            headers: of it.

        Raises:
            TokenRefusedError: the server does not know this client's token.
            ServerError: no answer.
        """
        answer, _ = self._send(f"{self.endpoint.url}{path}", content, headers)
        if self.endpoint.refuses_token(answer):
            raise self.endpoint.token_refused(answer)
        return answer

    def _send(
        self,
        address: str,
        content: bytes,
        headers: Mapping[str, str],
        *,
        retries: int | None = None,
        timeout: float | None = None,
        streamed: bool = False,
        asked: str = _ASK,
    ) -> tuple[httpx.Response, int]:
        retrying = tenacity.Retrying(**self.endpoint.patience(retries))
        shown = self._token.headers()
        try:
            with span(asked, kind=Kind.CLIENT) as asking:
                answer = retrying(
                    self._opened if streamed else self._http.post,
                    address,
                    content=content,
                    headers={**headers, **shown, **carrying()},
                    timeout=self.endpoint.timeout if timeout is None else timeout,
                )
                asking.note(_noted(answer, retrying))
        except httpx.HTTPError as error:
            raise self.endpoint.failure(error, timeout) from None
        if self.endpoint.refuses_token(answer) and self._token.renewed(shown.get("Authorization")):
            return self._send(
                address,
                content,
                headers,
                retries=retries,
                timeout=timeout,
                streamed=streamed,
                asked=asked,
            )
        return answer, int(retrying.statistics["attempt_number"])

    def _opened(self, address: str, **sent: Any) -> httpx.Response:
        """Return an answer whose body is yet to come; a refusal is read at once."""
        answer = self._http.send(self._http.build_request("POST", address, **sent), stream=True)
        if answer.status_code != HTTPStatus.OK:
            answer.read()
        return answer


class AsyncClient(_Caller[Coroutine[Any, Any, TurnResponse], AsyncIterator[TurnEvent]]):
    """The same for asynchronous programs; close it with ``aclose``, or use ``async with``."""

    def _open(self) -> None:
        connection = self.endpoint.connection() | self.endpoint.answers.async_hooks()
        self._http = httpx.AsyncClient(**connection)

    async def answer(self, requests: Sequence[TurnRequest], /) -> list[TurnResponse | RequestError]:
        """Answer a batch, in its order; a wrong request becomes an error at its own place.

        Raises:
            ServerError: no answer, or none that is a turn.
        """
        gate = asyncio.Semaphore(self._at_once)

        async def answered(request: TurnRequest) -> TurnResponse | RequestError:
            async with gate:
                try:
                    return await self._ask(request)
                except RequestError as error:
                    return error

        tasks = [asyncio.ensure_future(answered(request)) for request in requests]
        try:
            return list(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()

    async def send(
        self,
        body: Mapping[str, object],
        *,
        model: str | None = None,
        request_id: str | None = None,
    ) -> TurnResponse:
        """Answer a request given as the JSON object it is; as ``Client.send``."""
        answer, attempts = await self._post(body, model=model, request_id=request_id)
        return self.endpoint.turn(answer, body=body, model=model, attempts=attempts)

    async def send_in_parts(
        self,
        body: Mapping[str, object],
        *,
        model: str | None = None,
        request_id: str | None = None,
    ) -> AsyncIterator[Understood | Whole]:
        """Answer a request in parts; as ``Client.send_in_parts``."""
        answer, attempts = await self._post(
            body, model=model, request_id=request_id, more=ACCEPT, streamed=True
        )
        lines = StreamedTurn()
        told = False
        try:
            async for chunk in answer.aiter_bytes():
                understood = lines.take(chunk)
                if understood is not None:
                    told = True
                    yield understood
        except httpx.HTTPError as error:
            raise self.endpoint.failure(error) from None
        finally:
            await answer.aclose()
        last = answer
        if answer.status_code == HTTPStatus.OK:
            last = httpx.Response(lines.status, content=lines.rest)
        turn = self.endpoint.turn(last, body=body, model=model, attempts=attempts)
        if not told:
            yield understood_of(turn)
        yield Whole(turn=turn)

    async def describe(
        self, *, model: str | None = None, request_id: str | None = None
    ) -> ModelDescription:
        """Return what the model's labels are; errors as of ``Client.describe``."""
        answer, attempts = await self._post(
            _DESCRIBE, model=model, request_id=request_id, asked=_ASK_LABELS
        )
        return self.endpoint.description(answer, body=_DESCRIBE, model=model, attempts=attempts)

    async def ready(self, timeout: float = 5.0, *, model: str | None = None) -> bool:
        """Return whether a small turn succeeds right now; errors as of ``Client.ready``."""
        for greeting in _GREETINGS:
            try:
                answer, _ = await self._post(greeting, model=model, retries=0, timeout=timeout)
            except ServerError:
                return False
            if self.endpoint.refuses_token(answer):
                raise self.endpoint.token_refused(answer)
            if answer.status_code != HTTPStatus.BAD_REQUEST:
                return answer.status_code == HTTPStatus.OK
        return False

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _told(self, request: TurnRequest) -> AsyncIterator[TurnEvent]:
        parts = self.send_in_parts(request_body(request), request_id=request.request_id)
        async for part in parts:
            if isinstance(part, Whole):
                for piece in _pieces_of(part):
                    yield piece
            yield part

    async def _ask(self, request: TurnRequest) -> TurnResponse:
        return await self.send(request_body(request), request_id=request.request_id)

    async def _post(
        self,
        body: Mapping[str, object],
        *,
        model: str | None = None,
        request_id: str | None = None,
        retries: int | None = None,
        timeout: float | None = None,
        more: Mapping[str, str] | None = None,
        streamed: bool = False,
        asked: str = _ASK,
    ) -> tuple[httpx.Response, int]:
        retrying = tenacity.AsyncRetrying(**self.endpoint.patience(retries))
        shown = self._token.headers()
        try:
            with span(asked, kind=Kind.CLIENT) as asking:
                answer: httpx.Response = await retrying(
                    self._opened if streamed else self._http.post,
                    self.endpoint.address(model),
                    content=json.dumps(body),
                    headers={**headers_of(request_id), **(more or {}), **shown, **carrying()},
                    timeout=self.endpoint.timeout if timeout is None else timeout,
                )
                asking.note(_noted(answer, retrying))
        except httpx.HTTPError as error:
            raise self.endpoint.failure(error, timeout) from None
        if self.endpoint.refuses_token(answer) and self._token.renewed(shown.get("Authorization")):
            return await self._post(
                body,
                model=model,
                request_id=request_id,
                retries=retries,
                timeout=timeout,
                more=more,
                streamed=streamed,
                asked=asked,
            )
        return answer, int(retrying.statistics["attempt_number"])

    async def _opened(self, address: str, **sent: Any) -> httpx.Response:
        request = self._http.build_request("POST", address, **sent)
        answer = await self._http.send(request, stream=True)
        if answer.status_code != HTTPStatus.OK:
            await answer.aread()
        return answer


def _noted(answer: httpx.Response, retrying: tenacity.BaseRetrying) -> dict[str, Note]:
    return {
        "http.response.status_code": answer.status_code,
        "tod.attempts": int(retrying.statistics["attempt_number"]),
    }


def _pieces_of(whole: Whole) -> tuple[Piece, ...]:
    return pieces(whole.turn.response.text) if whole.turn.response else ()


def connect(
    url: str = "http://127.0.0.1:8080",
    *,
    name: str = "tod",
    token: str | None = None,
    timeout: float = 30.0,
) -> Client:
    """Return a client of a server that has answered: better to learn of a wrong address now.

    Args:
        url: inference address.
        name: the model's name on the server.
        token: inference token, where the server asks for one.
        timeout: seconds to wait for one answer.

    Raises:
        ServerError: it does not answer, has no such model, or refuses the token.
    """
    client = Client(url, name=name, token=token, timeout=timeout)
    try:
        client.describe()
    except RequestError:
        return client  # an archive from before models could describe themselves: it answers
    except BaseException:
        client.close()
        raise
    return client
