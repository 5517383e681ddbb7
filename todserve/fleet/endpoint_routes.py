"""Endpoint routes: TorchServe's paths, answered by another server with the same worker.

Ray Serve and KServe's server answer requests with them. The paths of turns are those of TorchServe,
KServe's v1 and v2 among them, and so are the statuses and the JSON; ``error`` stands in a refusal
of KServe's paths too, where its clients look for it.
Example: ``POST /predictions/tod`` with ``{"user": "a train to ely"}``.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from importlib.metadata import version
from uuid import uuid4

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from todserve.fleet.turn_queue import FullQueueError
from todserve.runtime.traces.trace_spans import carried
from todserve.runtime.untrusted.json_text import parse_json
from todserve.runtime.wire.binary_tensors import JSON_LENGTH
from todserve.runtime.wire.key_checks import is_request_id
from todserve.runtime.wire.kserve import as_json
from todserve.runtime.wire.turn_events import IN_LINES
from todserve.runtime.worker.turn_worker import AskedBody, BodyReply

MOST_BYTES = 1 << 20
"""Of one body; TorchServe's ``max_request_size`` in config.properties."""

_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_ID = "X-Request-ID"
_SECONDS_LATER = "1"

TURN_TENSOR: dict[str, object] = {"name": "turn", "datatype": "BYTES", "shape": [-1]}
ANSWER_TENSOR: dict[str, object] = {"name": "answer", "datatype": "BYTES", "shape": [-1]}
"""What goes in and out, as KServe's metadata of a model has it; -1: as many turns as are sent."""

PLATFORM = "todserve"
"""What KServe's metadata calls what runs the model."""

Ask = Callable[[AskedBody], Awaitable[BodyReply]]


@dataclass(frozen=True, kw_only=True, slots=True)
class EndpointRoutes:
    """The routes of one model.

    Attributes:
        name: the model's.
        version: the model's.
        ask: answers a body.
        names_requests: whether answers say what their requests are called; a proxy may do so.
    """

    name: str
    version: str
    ask: Ask
    names_requests: bool = True

    def turns(self) -> list[Route]:
        """Return the routes that answer or explain turns, and those that tell the version."""
        answered = (
            *("/predictions/{name}", "/predictions/{name}/{version}"),
            *("/v1/models/{name}:predict", "/v2/models/{name}/infer"),
            "/v2/models/{name}/versions/{version}/infer",
        )
        explained = (
            *("/explanations/{name}", "/explanations/{name}/{version}"),
            *("/v1/models/{name}:explain", "/v2/models/{name}/explain"),
        )
        return [
            Route("/ping", _ping),
            *(Route(path, self._predict, methods=["POST"]) for path in answered),
            *(Route(path, self._explain, methods=["POST"]) for path in explained),
            Route("/v2/models/{name}", self._metadata),
            Route("/v2/models/{name}/versions/{version}/ready", self._model_ready),
            Route("/v2/models/{name}/versions/{version}", self._metadata),
        ]

    def about(self) -> list[Route]:
        """Return the routes that KServe's and Triton's clients ask about server and model."""
        return [
            Route("/", _live),
            Route("/v2", _server),
            Route("/v2/health/live", _live),
            Route("/v2/health/ready", _ready),
            Route("/v1/models", self._models),
            Route("/v2/models", self._models),
            Route("/v1/models/{name}", self._model_ready),
            Route("/v2/models/{name}/ready", self._model_ready),
        ]

    async def _predict(self, request: Request) -> Response:
        return await self._answered(request, explain=False)

    async def _explain(self, request: Request) -> Response:
        return await self._answered(request, explain=True)

    async def _answered(self, request: Request, *, explain: bool) -> Response:
        given = request.headers.get(_ID, "")
        request_id = given if is_request_id(given) else str(uuid4())
        missing = self._missing(request)
        if missing is not None:
            return self._refused(request, missing, request_id)
        content = await _body(request)
        if content is None:
            message = f"request: got more than {MOST_BYTES} bytes; expected at most so many"
            told = _told(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "RequestError", message)
            return self._refused(request, told, request_id)
        kind = request.headers.get("Content-Type", "")
        body = AskedBody(
            content=None if kind.lower().startswith(_FORMS) else content,
            explain=explain,
            is_text=kind.lower().startswith("text/"),
            coding=request.headers.get("Content-Encoding", ""),
            content_type=kind,
            json_length=request.headers.get(JSON_LENGTH, ""),
            request_id=request_id,
            trace=carried(request.headers),
        )
        first: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        if IN_LINES in request.headers.get("Accept", "") and not explain:
            body = replace(body, told=partial(_put, asyncio.get_running_loop(), first))
        reply = asyncio.ensure_future(self.ask(body))
        await asyncio.wait((reply, first), return_when=asyncio.FIRST_COMPLETED)
        if first.done():
            headers = {_ID: request_id} if self.names_requests else {}
            return StreamingResponse(_lines(first, reply), headers=headers, media_type=IN_LINES)
        return await self._whole(request, reply, request_id)

    async def _whole(
        self, request: Request, asked: asyncio.Future[BodyReply], request_id: str
    ) -> Response:
        try:
            reply = await asked
        except FullQueueError as error:
            told = _told(HTTPStatus.SERVICE_UNAVAILABLE, "ServiceUnavailableException", str(error))
            return self._refused(request, told, request_id)
        return self._sent(request, reply.status, reply.content, request_id, reply.json_length)

    def _missing(self, request: Request) -> dict[str, object] | None:
        """Return what is told of a model that is not here, in TorchServe's words; else None."""
        name = request.path_params["name"]
        wanted = request.path_params.get("version", self.version)
        if name != self.name:
            return _told(HTTPStatus.NOT_FOUND, "ModelNotFoundException", f"Model not found: {name}")
        if wanted != self.version:
            return _told(
                HTTPStatus.NOT_FOUND,
                "ModelVersionNotFoundException",
                f"Model version: {wanted} does not exist for model: {name}",
            )
        return None

    async def _models(self, request: Request) -> Response:
        return JSONResponse({"models": [self.name]})

    async def _model_ready(self, request: Request) -> Response:
        missing = self._missing(request)
        if missing is not None:
            return self._refused(request, missing, str(uuid4()))
        return JSONResponse({"name": self.name, "ready": True})

    async def _metadata(self, request: Request) -> Response:
        missing = self._missing(request)
        if missing is not None:
            return self._refused(request, missing, str(uuid4()))
        return JSONResponse(
            {
                "name": self.name,
                "versions": [self.version],
                "platform": PLATFORM,
                "inputs": [TURN_TENSOR],
                "outputs": [ANSWER_TENSOR],
            }
        )

    def _refused(self, request: Request, told: dict[str, object], request_id: str) -> Response:
        status = HTTPStatus(int(str(told["code"])))
        return self._sent(request, status, as_json(told), request_id)

    def _sent(
        self,
        request: Request,
        status: HTTPStatus,
        content: bytes,
        request_id: str,
        json_length: int | None = None,
    ) -> Response:
        headers = {_ID: request_id} if self.names_requests else {}
        kind = "application/json"
        if json_length is not None:
            headers[JSON_LENGTH] = str(json_length)
            kind = "application/octet-stream"
        if status is HTTPStatus.SERVICE_UNAVAILABLE:
            headers["Retry-After"] = _SECONDS_LATER
        if status is not HTTPStatus.OK and request.url.path.startswith(("/v1/", "/v2/")):
            content = _with_error(content)
        return Response(content, int(status), headers, kind)


async def _ping(request: Request) -> Response:
    return JSONResponse({"status": "Healthy"})


async def _live(request: Request) -> Response:
    return JSONResponse({"status": "alive", "live": True})


async def _ready(request: Request) -> Response:
    return JSONResponse({"ready": True})


async def _server(request: Request) -> Response:
    return JSONResponse(
        {"name": "todserve", "version": version("todserve"), "extensions": ["binary_tensor_data"]}
    )


async def _body(request: Request) -> bytes | None:
    """Return a body; None for one that is too large, of which the rest is not read."""
    content = bytearray()
    try:
        async for piece in request.stream():
            content += piece
            if len(content) > MOST_BYTES:
                return None
    except ClientDisconnect:
        return b""
    return bytes(content)


def _put(loop: asyncio.AbstractEventLoop, first: asyncio.Future[bytes], line: bytes) -> None:
    """Hand on the first line of an answer, from the thread that works on it."""

    def put() -> None:
        if not first.done():
            first.set_result(line)

    loop.call_soon_threadsafe(put)


async def _lines(
    first: asyncio.Future[bytes], reply: asyncio.Future[BodyReply]
) -> AsyncIterator[bytes]:
    yield first.result()
    yield (await reply).content


def _told(status: HTTPStatus, kind: str, message: str) -> dict[str, object]:
    return {"code": int(status), "type": kind, "message": message}


def _with_error(content: bytes) -> bytes:
    told = parse_json(content.decode())
    return as_json({"error": told["message"], **told})
