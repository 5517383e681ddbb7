"""Guard: checks every request before the API sees it (token, rate, size), and logs it.

Every request passes it first: request id, bearer token, rate, size, and for what asks the model a
place. Example: ``app.add_middleware(Guard, settings=settings, room=room, metrics=metrics)``.

Logged are method, kind of address, status, time and request id: no text, no name, no token.

Tokens are guessed no faster than one a second from one address: after a few wrong ones no more are
looked at until then. Whoever came from there with a right one before is let in all the same.
"""

import hashlib
import hmac
import ipaddress
import logging
import time
import uuid
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import AsyncExitStack
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from todserve.gateway.api.browser_headers import add_headers
from todserve.gateway.api.roles import Caller, Role, asks_the_model
from todserve.gateway.gateway_errors import refusal
from todserve.gateway.gateway_metrics import GatewayMetrics
from todserve.gateway.gateway_settings import GatewaySettings
from todserve.gateway.logs import FILE, LoggedRequest, log_request
from todserve.gateway.waiting_room import Crowded, CrowdedError, WaitingRoom
from todserve.runtime.errors import RequestError
from todserve.runtime.traces.trace_spans import Kind, span, trace_id
from todserve.runtime.wire.body import repeated_key
from todserve.runtime.wire.body_coding import check_charset, unpacked
from todserve.runtime.wire.key_checks import is_request_id, quote
from todserve.runtime.wire.loopback import is_loopback

_log = logging.getLogger(__name__)
_CHANNELS = ("/webhooks/", "/conversations/", "/model/")
"""What pages of other sites may use where a setting lets them."""
_API = ("/v1/",)
_SOCKETS = "/socket.io/"
"""Has its own answer for other sites, see ``socket_channel``."""
_GUARDED = (*_API, "/v2/models", "/metrics", *_CHANNELS, _SOCKETS)
_OPEN_CHAT = "open chat"
"""Whose the dialogues are of people who needed no token."""
_TOLD = {
    Crowded.FULL: "more messages wait than can be answered in time",
    Crowded.LATE: "the model had no time for it",
    Crowded.GREEDY: "too many of your messages wait already",
}
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_WRONG_PER_MINUTE = 60
_CLIENTS = 10_000
"""Clients whose rates are remembered; the ones not seen for longest are forgotten first."""


class Guard:
    """The ASGI middleware that lets a request through, or refuses it with the API's own body."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        settings: GatewaySettings,
        room: WaitingRoom,
        metrics: GatewayMetrics,
    ) -> None:
        self._app = app
        self._room = room
        self._metrics = metrics
        self._max_body = settings.max_body_bytes
        # Of a token that is there twice, the first line counts.
        self._tokens = {
            _digest(token.secret.get_secret_value().strip().encode()): Caller(
                role=token.role, owner=token.owner, name=token.name
            )
            for token in reversed(settings.tokens)
        }
        self._open_chat = settings.open_chat
        self._cors = {
            paths: _cors(sites, methods)
            for paths, sites, methods in (
                (_CHANNELS, settings.cors, ("GET", "POST")),
                (_API, settings.api_cors, ("GET", "POST", "DELETE")),
            )
            if sites
        }
        self._rates = Rates(settings.requests_per_minute)
        self._wrong = Rates(_WRONG_PER_MINUTE)
        self._right: OrderedDict[tuple[str, bytes], None] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "websocket":
            await self._let_in(scope, receive, send)
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if is_request_id(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        began = time.perf_counter()
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                answered = MutableHeaders(scope=message)
                answered["X-Request-ID"] = request_id
                add_headers(answered)
            await send(message)

        cors = self._cors_of(scope["path"])
        asking = _asks_first(scope, headers) and (cors is not None or not _is_api(scope))
        refused = None if asking else self._refused(scope, headers)
        handler = self._bounded if refused is None else refused
        method = scope["method"] if scope["method"] in _METHODS else "(other)"
        with span(method, kind=Kind.SERVER, headers=headers) as told:
            try:
                if cors is not None:
                    scope["handler"] = handler
                    await cors(scope, receive, answer)
                else:
                    await handler(scope, receive, answer)
            except Exception:
                # It is answered outside of here, unless its answer had begun.
                status = status or int(HTTPStatus.INTERNAL_SERVER_ERROR)
                raise
            finally:
                seconds = time.perf_counter() - began
                request = LoggedRequest(
                    method=method,
                    route=_kind(scope),
                    status=status,
                    milliseconds=round(seconds * 1000, 1),
                    request_id=request_id,
                    trace_id=trace_id(),
                )
                self._metrics.answered(method, request.route, status, seconds)
                # What is refused here, or was never said to its end (status 0), costs its sender
                # nothing, so its lines are counted together.
                cheap = refused is not None or status == 0
                cheap = cheap or ("route" not in scope and status >= HTTPStatus.BAD_REQUEST)
                log_request(_log, request, refused=cheap)
                told.rename(f"{method} {request.route}")
                told.note(request.notes())
                if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                    told.failed(str(status))

    def _cors_of(self, path: str) -> CORSMiddleware | None:
        """Return what tells pages of other sites that they may use an address."""
        return next((one for paths, one in self._cors.items() if path.startswith(paths)), None)

    def _refused(self, scope: Scope, headers: Headers) -> JSONResponse | None:
        if not scope["path"].startswith(_GUARDED):
            return None
        client = (scope.get("client") or ("",))[0]
        caller: Caller | None = Caller()
        if self._tokens:
            sent = _token(scope, headers)
            if not sent and self._open_chat and scope["path"].startswith(_SOCKETS):
                scope["state"]["caller"] = Caller(role=Role.TALK, owner=_OPEN_CHAT)
                return self._counted(client)
            digest = _digest(sent)
            place = (_neighbourhood(client), digest)
            if sent and place not in self._right and not self._wrong.left(place[0]):
                told = "too many wrong tokens from your address; wait a second"
                self._metrics.refused("wrong_tokens")
                return refusal(HTTPStatus.TOO_MANY_REQUESTS, "rate_limited", told, retry_after=1)
            caller = self._caller(digest)
            if caller is None:
                if sent:
                    self._wrong.take(place[0])
                wanted = "send the header Authorization: Bearer TOKEN"
                told = f"a token is required; {wanted}"
                return refusal(HTTPStatus.UNAUTHORIZED, "unauthorized", told)
            self._right[place] = None
            self._right.move_to_end(place)
            if len(self._right) > _CLIENTS:
                self._right.popitem(last=False)
            client = digest.hex()
        elif not _is_here(headers.get("host", "")):
            # A page from elsewhere whose name was made to mean this machine: without a token,
            # the browser of somebody here would read the dialogues out to it.
            wanted = "ask for localhost, or set a token"
            told = f"no such host here; {wanted}"
            return refusal(HTTPStatus.MISDIRECTED_REQUEST, "misdirected", told)
        scope["state"]["caller"] = caller
        scope["state"]["client"] = client
        return self._counted(client)

    async def _let_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a WebSocket on to the one channel that has them, or close it."""
        scope.setdefault("state", {})
        known = scope["path"].startswith(_SOCKETS)
        if known and self._refused(scope, Headers(scope=scope)) is None:
            await self._app(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _counted(self, client: str) -> JSONResponse | None:
        if not self._rates.take(client):
            told = "too many requests; wait a second"
            self._metrics.refused("rate")
            return refusal(HTTPStatus.TOO_MANY_REQUESTS, "rate_limited", told, retry_after=1)
        return None

    def _caller(self, digest: bytes) -> Caller | None:
        # All are compared, so that the time tells nothing about which is close.
        found = [who for known, who in self._tokens.items() if hmac.compare_digest(digest, known)]
        return found[0] if found else None

    async def _bounded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body, which must be small, and hand it on."""
        chunks: list[bytes] = []
        size, more = 0, True
        declared = Headers(scope=scope).get("content-length", "")
        too_large = declared.isdigit() and int(declared) > self._max_body
        while more and not too_large:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
            more = message.get("more_body", False)
            too_large = size > self._max_body
        if too_large:
            limit = f"the body is larger than {self._max_body} bytes"
            large = refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", limit)
            await large(scope, receive, send)
            return
        content = b"".join(chunks)
        try:
            content = self._plain(scope, content)
        except RequestError as error:
            wrong = refusal(HTTPStatus.BAD_REQUEST, "bad_request", str(error))
            await wrong(scope, receive, send)
            return
        json_only = scope["path"].startswith((*_API, *_CHANNELS))
        twice = repeated_key(content) if json_only else None
        if twice is not None:
            told = f"body: key {quote(twice)} is there twice; send it once"
            await refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", told)(scope, receive, send)
            return
        body: Message = {"type": "http.request", "body": content, "more_body": False}
        waiting = [body]

        async def replay() -> Message:
            return waiting.pop() if waiting else await receive()

        # Only now: whoever sends slowly keeps no place from the others.
        if asks_the_model(scope["method"], scope["path"]):
            await self._in_turn(scope, replay, send)
        else:
            await self._app(scope, replay, send)

    def _plain(self, scope: Scope, content: bytes) -> bytes:
        """Return a body as it was before it was packed, and forget the header that said so.

        Raises:
            RequestError: packed in a way that nobody here reads, or in another character set.
        """
        headers = Headers(scope=scope)
        coding = headers.get("content-encoding", "")
        if coding:
            content = unpacked(content, coding, self._max_body)
            told = (b"content-encoding", b"content-length")
            kept = [one for one in scope["headers"] if one[0] not in told]
            scope["headers"] = [*kept, (b"content-length", str(len(content)).encode())]
        check_charset(content, headers.get("content-type", ""))
        return content

    async def _in_turn(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on once it has a place, or refuse it."""
        began = time.perf_counter()
        try:
            async with AsyncExitStack() as holding:
                with span("wait for a place"):
                    await holding.enter_async_context(self._room.place(scope["state"]["client"]))
                self._metrics.waited(time.perf_counter() - began)
                await self._app(scope, receive, send)
        except CrowdedError as crowded:
            self._metrics.refused(crowded.reason)
            refused = refusal(*told_of(crowded), retry_after=crowded.retry_after)
            await refused(scope, receive, send)


def told_of(crowded: CrowdedError) -> tuple[HTTPStatus, str, str]:
    """Return status, kind and message of a refusal for want of a place."""
    # 429 says that the client is the cause; a balancer takes no server out for that.
    greedy = crowded.reason is Crowded.GREEDY
    status = HTTPStatus.TOO_MANY_REQUESTS if greedy else HTTPStatus.SERVICE_UNAVAILABLE
    kind = "rate_limited" if greedy else "overloaded"
    return status, kind, f"{_TOLD[crowded.reason]}; nothing was stored, send the same again later"


class Rates:
    """How often each client may come: a bucket that holds one second's worth and three more.

    Args:
        per_minute: requests; 0 for no limit.
    """

    def __init__(self, per_minute: int) -> None:
        self._per_second = per_minute / 60
        self._size = max(1.0, 4 * self._per_second)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def left(self, client: str) -> bool:
        """Say whether one more request would not be one too many; counts nothing."""
        return not self._per_second or self._level(client, time.monotonic()) >= 1

    def take(self, client: str) -> bool:
        """Count one request; False where it is one too many."""
        if not self._per_second:
            return True
        now = time.monotonic()
        left = self._level(client, now)
        self._buckets.pop(client, None)
        allowed = left >= 1
        self._buckets[client] = (left - 1 if allowed else left), now
        if len(self._buckets) > _CLIENTS:
            self._buckets.popitem(last=False)
        return allowed

    def _level(self, client: str, now: float) -> float:
        left, then = self._buckets.get(client, (self._size, now))
        return min(self._size, left + (now - then) * self._per_second)


async def _handed_on(scope: Scope, receive: Receive, send: Send) -> None:
    await scope["handler"](scope, receive, send)


def _kind(scope: Scope) -> str:
    """Return what the log and the figures call the address, whatever stands in its variable parts.

    Files of a folder that is mounted, as the studio's, are one kind.
    """
    if "route" in scope:
        return str(scope["route"].path_format)
    mounted = str(scope.get("root_path", "")).removeprefix(scope.get("app_root_path", ""))
    return f"{mounted}{FILE}" if mounted else "(no route)"


def _asks_first(scope: Scope, headers: Headers) -> bool:
    """Say whether a browser asks what a page of another site may do; it sends no token then."""
    asking = scope["method"] == "OPTIONS" and "access-control-request-method" in headers
    return asking and scope["path"].startswith((*_CHANNELS, *_API, _SOCKETS))


def _is_api(scope: Scope) -> bool:
    return str(scope["path"]).startswith(_API)


def _cors(sites: Sequence[str], methods: Sequence[str]) -> CORSMiddleware:
    return CORSMiddleware(
        _handed_on,
        allow_origins=sites,
        allow_methods=methods,
        allow_headers=("*",),
        expose_headers=("X-Request-ID", "Retry-After", "Idempotent-Replay"),
    )


def _token(scope: Scope, headers: Headers) -> bytes:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        # A header is read as Latin-1, whatever it was sent as; compared are the bytes.
        return token.strip().encode("latin-1")
    if scope["path"].startswith(_SOCKETS):
        # A page cannot give a WebSocket any header.
        given = QueryParams(scope["query_string"]).get("token", "")
        return given.strip().encode("utf-8")
    return b""


def _neighbourhood(client: str) -> str:
    """Return an address, of IPv6 the network: whoever has one address there has all of them."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client
    return (
        client if address.version == 4 else str(ipaddress.ip_network((address, 64), strict=False))
    )


def _is_here(host: str) -> bool:
    try:
        return is_loopback(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return False


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()
