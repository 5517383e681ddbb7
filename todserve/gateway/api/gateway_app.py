"""The app: the gateway's parts put together, and its refusals in one shape.

The gateway's process calls `create_app` and serves what it returns. Example:
``create_app(GatewaySettings())`` is a FastAPI app; ``/docs`` shows what it takes.
"""

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

import anyio.to_thread
import sqlalchemy as sa
from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException

from todserve.bot.bot import Bot
from todserve.bot.bot_config import BotConfig
from todserve.bot.bot_file import load_bot
from todserve.gateway.api.dialogue_routes import dialogue_routes
from todserve.gateway.api.docs_page import add_docs
from todserve.gateway.api.export_routes import export_routes
from todserve.gateway.api.health import HealthCheck
from todserve.gateway.api.kserve_routes import kserve_health, kserve_routes
from todserve.gateway.api.label_routes import label_routes
from todserve.gateway.api.labelling_routes import labelling_routes
from todserve.gateway.api.middleware import Guard
from todserve.gateway.api.rasa_channel import rasa_routes
from todserve.gateway.api.rasa_http import rasa_http_routes
from todserve.gateway.api.request_bodies import EXPECTED
from todserve.gateway.api.response_bodies import Alive, Readiness, TurnView
from todserve.gateway.api.roles import allowed, methods_of
from todserve.gateway.api.socket_channel import mount_sockets
from todserve.gateway.conversations.model_clients import Models
from todserve.gateway.conversations.sender_conversations import Senders
from todserve.gateway.conversations.speaker import Speaker
from todserve.gateway.gateway_errors import GatewayError, StoreAwayError, refusal
from todserve.gateway.gateway_metrics import CONTENT_TYPE, GatewayMetrics
from todserve.gateway.gateway_settings import GatewaySettings
from todserve.gateway.releases.release_routes import release_routes
from todserve.gateway.releases.rollouts import Rollouts
from todserve.gateway.releases.shadow_traffic import ShadowTraffic
from todserve.gateway.releases.trials import Trials
from todserve.gateway.store.database import Database
from todserve.gateway.store.dialogue_leases import Leases
from todserve.gateway.store.dialogue_store import Store
from todserve.gateway.store.label_queue import LabelQueue
from todserve.gateway.store.labelled_examples import Examples
from todserve.gateway.store.records import TurnRecord
from todserve.gateway.store.retention import Retention
from todserve.gateway.store.shadow_answers import ShadowAnswers
from todserve.gateway.turn_stream import TurnStreams
from todserve.gateway.waiting_room import WaitingRoom
from todserve.runtime.untrusted.problem_words import expectation

_log = logging.getLogger(__name__)
_WANTED = "expected a JSON object in UTF-8, with Content-Type: application/json"
_NO_OBJECT = ("model_attributes_type", "model_type", "dict_type")


def create_app(settings: GatewaySettings) -> FastAPI:
    """Open the database and return the app; it closes the database when its server stops.

    Raises:
        ConfigError: the database cannot be opened, or bot.yml cannot be understood.
    """
    bot = None if settings.bot is None else Bot(load_bot(settings.bot))
    database = Database(settings.database, connections=settings.threads)
    # Reading and correcting go on in the other threads while the model has all that it can do.
    room = WaitingRoom(
        at_once=min(settings.turns_at_once, settings.threads),
        most=settings.turns_waiting,
        seconds=settings.turn_patience,
    )
    metrics = GatewayMetrics(room)
    leases = Leases(
        database,
        seconds=settings.lease_seconds,
        patience=settings.patience,
        most=max(2, room.at_once // 4),
    )
    rollouts = Rollouts(settings.releases, settings.model_name)
    models = Models(
        settings,
        metrics,
        place_of=rollouts.place_of,
        reading=bot is None or bot.config.model,
    )
    store = Store(
        database,
        begun=metrics.begun,
        falls_to=rollouts.falls_to,
        low_confidence=settings.low_confidence,
    )
    shadow = ShadowTraffic(
        models, ShadowAnswers(database), metrics, crowded=lambda: room.waiting > 0
    )
    trials = Trials(rollouts, models, shadow, metrics, low_confidence=settings.low_confidence)
    queue = LabelQueue(database)
    examples = Examples(database)
    retention = Retention(database, days=settings.retain_days)
    speaker = Speaker(settings, store, leases, trials, bot)
    streams = TurnStreams(threads=settings.threads, shown=_shown)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = settings.threads
        retention.start()
        shadow.start()
        yield
        streams.close()
        shadow.close()
        retention.close()
        leases.close()
        models.close()
        database.close()

    # The pages of the document come from here too, with no address of anybody else.
    app = FastAPIOffline(
        title="tod gateway",
        description="Remembered dialogues in front of a model endpoint.",
        version=version("todserve"),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        # Its own spans and logs would hold whole addresses, and so names and what was searched for.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    add_docs(app)
    app.add_middleware(Guard, settings=settings, room=room, metrics=metrics)
    app.include_router(dialogue_routes(settings, store, speaker, models, streams))
    app.include_router(label_routes(settings, examples, models))
    app.include_router(export_routes(settings, store, examples, models))
    app.include_router(labelling_routes(settings, store, queue, models))
    app.include_router(release_routes(settings, store, models, rollouts, database))
    senders = Senders(settings, store, speaker)
    config = BotConfig() if bot is None else bot.config
    app.state.cors = settings.cors
    app.state.api_cors = settings.api_cors
    app.include_router(rasa_routes(settings, senders))
    app.include_router(rasa_http_routes(settings, store, models, config))
    mount_sockets(app, settings, senders, room, metrics)
    looking = HealthCheck(database, models)
    app.include_router(kserve_health(looking))
    app.include_router(kserve_routes(models))
    _add_health(app, looking)
    _add_metrics(app, metrics)
    _add_refusals(app)
    return app


def _shown(turn: TurnRecord) -> dict[str, Any]:
    return TurnView.model_validate(turn.view()).model_dump(mode="json")


def _add_health(app: FastAPI, looking: HealthCheck) -> None:
    @app.get("/health", tags=["health"])
    async def health() -> Alive:
        """Say that the process is alive."""
        return Alive()

    @app.get("/ready", tags=["health"], responses={503: {"model": Readiness}})
    def ready() -> JSONResponse:
        """Say whether the store takes a write and the model answers, within the last second."""
        body = looking.look()
        return JSONResponse(body.model_dump(), 200 if body.status == "ready" else 503)


def _add_metrics(app: FastAPI, metrics: GatewayMetrics) -> None:
    @app.get("/metrics", include_in_schema=False, dependencies=[Depends(allowed)])
    async def exposition() -> Response:
        return Response(metrics.exposition(), media_type=CONTENT_TYPE)


def _add_refusals(app: FastAPI) -> None:
    @app.exception_handler(GatewayError)
    async def refused(_: Request, error: GatewayError) -> JSONResponse:
        return refusal(error.status, error.kind, str(error), error.retry_after)

    @app.exception_handler(sa.exc.SQLAlchemyError)
    async def unstored(request: Request, error: sa.exc.SQLAlchemyError) -> JSONResponse:
        # Its parameters are hidden, but below its first line PostgreSQL may quote the whole row.
        told, _, _ = str(error).partition("\n")
        _log.error("%s: %s", request.state.request_id, told)
        away = StoreAwayError("the database did not take it; nothing was stored")
        return refusal(away.status, away.kind, str(away), away.retry_after)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        # Pydantic would repeat what was sent; only where and why is said here.
        message = "; ".join(map(_problem, error.errors()[:5]))
        return refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", message)

    @app.exception_handler(HTTPException)
    async def plain(request: Request, error: HTTPException) -> JSONResponse:
        status = HTTPStatus(error.status_code)
        kind, message = status.phrase.lower().replace(" ", "_"), status.phrase
        headers = dict(error.headers or {})
        if status == HTTPStatus.NOT_FOUND:
            path = request.url.path
            hint = next((told for begin, told in _ELSEWHERE if path.startswith(begin)), "")
            message = f"no such address here; {hint}/docs lists those that there are"
        if status == HTTPStatus.BAD_REQUEST:
            message = f"body: cannot be read; {_WANTED}"
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            # The framework would name the methods of the first route alone.
            known = ", ".join(methods_of(request.url.path)) or headers.get("Allow", "GET")
            headers["Allow"] = known
            message = f"got another method; expected one of {known}; see /docs"
        answer = refusal(status, kind, message)
        answer.headers.update(headers)
        return answer

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> JSONResponse:
        _log.error("%s: %s", request.state.request_id, type(error).__name__)
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        answer = refusal(status, "internal", "an error of the gateway; its log names the request")
        # The guard, which would say it, is behind this.
        answer.headers["X-Request-ID"] = request.state.request_id
        return answer


_OPENAI = "OpenAI's are not spoken: begin with POST /v1/dialogues; "
_RASA = "of Rasa's HTTP API there are the tracker and /model/parse; "
_ELSEWHERE = (
    *((f"/v1/{name}", _OPENAI) for name in ("chat/", "completions", "responses", "embeddings")),
    ("/webhooks/", "Rasa's channels here are rest, callback and Socket.IO; "),
    *((name, _RASA) for name in ("/conversations", "/model/", "/status", "/version", "/domain")),
    ("/predictions", "that is TorchServe's, on its own port; "),
    ("/ping", "/health and /ready say whether all is well; "),
)
"""How addresses of other servers begin, and what is said of them."""


def _problem(found: Mapping[str, Any]) -> str:
    """Return where something is wrong and what was expected; what was sent is not repeated."""
    place = found["loc"]
    if found["type"] == "json_invalid":
        return f"body: no JSON from character {place[-1]} on; {_WANTED}"
    if place == ("body",) and found["type"] in ("missing", *_NO_OBJECT):
        return f"body: no JSON object; {_WANTED}"
    if found["type"] == "missing":
        return f"{'.'.join(map(str, place))}: it is missing; /docs shows what is needed"
    if found["type"] == "extra_forbidden":
        return f"{'.'.join(map(str, place))}: unknown key; /docs shows those that there are"
    pattern = found.get("ctx", {}).get("pattern")
    return f"{'.'.join(map(str, place))}: {EXPECTED.get(pattern) or expectation(found)}"
