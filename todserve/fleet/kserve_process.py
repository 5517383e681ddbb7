"""Run: KServe's server on an archive, REST and gRPC in one process.

``tod serve kserve`` calls it. KServe's library brings health, readiness, metadata, metrics and its
gRPC service; the turns go to the worker. Its own ``ModelServer`` would listen on every address of
the machine, so its parts are put together here. Example: ``tod serve kserve``.
"""

import asyncio
import logging
import signal
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI
from grpc import aio
from grpc_interceptor.exceptions import NotFound, Unimplemented
from kserve.errors import (
    ModelNotFound,
    ModelNotReady,
    model_not_found_handler,
    model_not_ready_handler,
)
from kserve.model_repository import ModelRepository
from kserve.protocol.dataplane import DataPlane
from kserve.protocol.grpc.grpc_predict_v2_pb2 import ModelReadyResponse
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import add_GRPCInferenceServiceServicer_to_server
from kserve.protocol.grpc.interceptors import ExceptionToStatusInterceptor
from kserve.protocol.grpc.servicer import InferenceServicer
from kserve.protocol.rest.server import metrics_handler
from kserve.protocol.rest.v1_endpoints import register_v1_endpoints
from kserve.protocol.rest.v2_endpoints import register_v2_endpoints
from prometheus_client import Counter, Histogram
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from todserve.fleet.endpoint_routes import MOST_BYTES, PLATFORM, EndpointRoutes
from todserve.fleet.kserve_predictor import KServePredictor
from todserve.fleet.opened_archive import OpenedArchive, open_archive
from todserve.fleet.page_guard import PageGuard
from todserve.fleet.turn_queue import TurnQueue
from todserve.runtime.errors import ServerError
from todserve.runtime.worker.turn_worker import AskedBody, BodyReply
from todserve.serving.terminal.painted_lines import say

_PLACES = 100
"""Bodies that wait, where the archive names no job_queue_size; config.properties' own number."""

_SECONDS_TO_FINISH = 30


def run_kserve(
    archive: Path, *, host: str, port: int, grpc_port: int, guarded: bool = True
) -> None:
    """Serve until interrupted; what is under way is answered first.

    Args:
        archive: of ``tod archive``.
        host: listened on.
        port: of REST; 0 for one that is free.
        grpc_port: of gRPC; 0 for one that is free.
        guarded: whether pages of other machines are refused, see ``PageGuard``.

    Raises:
        ArchiveError: the archive is missing or altered.
        ConfigError: what is in it is wrong.
        ServerError: a port is taken.
    """
    for name in ("kserve", "kserve.trace"):
        # It logs every refusal with a traceback, and a line for every request.
        logging.getLogger(name).setLevel(logging.CRITICAL)
    listener = _listener(host, port)
    opened = open_archive(archive)
    if asyncio.run(_serve(opened, listener, host, grpc_port, guarded=guarded)):
        raise KeyboardInterrupt


async def _serve(
    opened: OpenedArchive, listener: socket.socket, host: str, grpc_port: int, *, guarded: bool
) -> bool:
    """Serve until asked to end; say whether Ctrl-C asked."""
    queue = TurnQueue(
        _measured(opened),
        most=opened.config.batch_size,
        wait=opened.config.max_batch_delay / 1000,
        places=opened.config.job_queue_size or _PLACES,
    )
    models = ModelRepository()
    models.update(KServePredictor(opened.name, opened.version, queue.ask))
    plane = DataPlane(models)
    routes = EndpointRoutes(name=opened.name, version=opened.version, ask=queue.ask)
    app = _application(routes, plane)
    rest = _Rest(
        uvicorn.Config(
            PageGuard(app) if guarded else app,
            access_log=False,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=_SECONDS_TO_FINISH,
        )
    )
    calls = aio.server(
        interceptors=(ExceptionToStatusInterceptor(),),
        options=[
            ("grpc.max_receive_message_length", MOST_BYTES),
            ("grpc.so_reuseport", 0),  # else a second server would share the port unseen
        ],
    )
    add_GRPCInferenceServiceServicer_to_server(_Calls(plane, opened.version), calls)
    bound = _bound(calls, host, grpc_port)
    await calls.start()
    where = listener.getsockname()[1]
    say(f"{opened.name} {opened.version} by KServe: http://{host}:{where}, grpc://{host}:{bound}")
    try:
        await rest.serve(sockets=[listener])
        # An interrupt that uvicorn has kept arrives here, and not in gRPC, which swallows it.
        await asyncio.sleep(0)
    finally:
        await calls.stop(_SECONDS_TO_FINISH)
    return rest.interrupted


class _Rest(uvicorn.Server):
    """Remembers an interrupt: now and then gRPC swallows the one that uvicorn passes on."""

    interrupted = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End as ever."""
        self.interrupted = self.interrupted or sig == signal.SIGINT
        super().handle_exit(sig, frame)


class _Calls(InferenceServicer):  # type: ignore[misc]  # kserve ships no types
    """KServe's gRPC service, which knows versions, and lets nobody unload the model."""

    def __init__(self, plane: DataPlane, version: str) -> None:
        super().__init__(plane, None)
        self._version = version

    async def ModelReady(self, request: Any, context: Any) -> ModelReadyResponse:  # noqa: N802
        """Say whether a version of a model is here; of another model, that it is not found."""
        found = await super().ModelReady(request, context)
        return ModelReadyResponse(ready=found.ready and self._is_here(request.version))

    async def ModelMetadata(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Tell the tensors of a model, and its version."""
        if not self._is_here(request.version):
            raise NotFound(f"model version {request.version!r} is not here")
        found = await super().ModelMetadata(request, context)
        found.versions.append(self._version)
        found.platform = PLATFORM
        return found

    async def ModelInfer(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Answer turns, of the one version there is."""
        if not self._is_here(request.model_version):
            raise NotFound(f"model version {request.model_version!r} is not here")
        return await super().ModelInfer(request, context)

    async def RepositoryModelLoad(self, request: Any, context: Any) -> None:  # noqa: N802
        """Refuse."""
        raise Unimplemented("models are neither loaded nor unloaded here; start another server")

    async def RepositoryModelUnload(self, request: Any, context: Any) -> None:  # noqa: N802
        """Refuse."""
        await self.RepositoryModelLoad(request, context)

    def _is_here(self, version: str) -> bool:
        return version in ("", self._version)


def _application(routes: EndpointRoutes, plane: DataPlane) -> FastAPI:
    app = FastAPI(title="todserve", docs_url=None, redoc_url=None, openapi_url=None)
    # The first that fits answers: turns are read by the worker, the rest is KServe's own.
    app.router.routes.extend(routes.turns())
    app.router.routes.append(Route("/v2/repository/{rest:path}", _closed, methods=["POST"]))
    app.add_api_route("/", plane.live)
    app.add_api_route("/metrics", metrics_handler)
    register_v1_endpoints(app, plane, None)
    register_v2_endpoints(app, plane, None)
    app.add_exception_handler(ModelNotFound, model_not_found_handler)
    app.add_exception_handler(ModelNotReady, model_not_ready_handler)
    return app


async def _closed(request: Request) -> Response:
    return JSONResponse({"error": "models are neither loaded nor unloaded here"}, 404)


def _measured(opened: OpenedArchive) -> Callable[[Sequence[AskedBody]], list[BodyReply]]:
    """Return what answers and counts, under the names that TorchServe's metrics have."""
    turns = Counter("tod_turns", "turns that were asked for")
    refused = Counter("tod_refused_turns", "turns that were wrong")
    failed = Counter("tod_failed_turns", "turns that failed for reasons of ours")
    seconds = Histogram("tod_batch_seconds", "time of a batch")

    def answer(bodies: Sequence[AskedBody]) -> list[BodyReply]:
        with seconds.time():
            replies = opened.worker.answer(bodies)
        turns.inc(sum(one.turns for one in replies))
        refused.inc(sum(one.refused for one in replies))
        failed.inc(sum(one.failed for one in replies))
        return replies

    return answer


def _listener(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=_family(host), backlog=128)
    except OSError as error:
        raise ServerError(
            f"{host}:{port}: cannot be listened on: {error.strerror}; expected a port of this "
            "machine that is free; give another with --port, or --port 0 for any"
        ) from None


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _bound(calls: aio.Server, host: str, port: int) -> int:
    try:
        found: int = calls.add_insecure_port(
            f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        )
    except RuntimeError:
        raise ServerError(
            f"{host}:{port}: cannot be listened on for gRPC; expected a port of this machine that "
            "is free; give another with --grpc-port, or --grpc-port 0 for any"
        ) from None
    return found
