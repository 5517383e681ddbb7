"""Run: a gateway process.

Around the whole way of a message. Example: ``run_gateway(GatewaySettings(port=8090))``.
"""

import copy
import traceback
from types import TracebackType
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.config import LOGGING_CONFIG
from uvicorn.logging import DefaultFormatter

from todserve.gateway.api.gateway_app import create_app
from todserve.gateway.gateway_settings import GatewaySettings
from todserve.runtime.errors import ServerError
from todserve.serving.server.config_properties import Address
from todserve.serving.server.ports import holder, is_free

_SECONDS_TO_FINISH = 30

_Caught = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def run_gateway(settings: GatewaySettings) -> None:
    """Serve until interrupted; messages under way are answered first.

    Raises:
        ConfigError: the database cannot be opened.
        ServerError: the port is taken.
    """
    check_port(settings)
    make_server(settings, create_app(settings)).run()


def check_port(settings: GatewaySettings) -> None:
    """Return when the gateway's port can be listened on.

    Raises:
        ServerError: it is taken.
    """
    address = Address(setting="--port", host=settings.host, port=settings.port)
    if settings.port and not is_free(address):
        raise ServerError(
            f"{settings.host}:{settings.port}: cannot be listened on"
            f"{holder(settings.port)}; expected a port of this machine that is free; give another "
            "with --port, or --port 0 for any"
        )


def make_server(settings: GatewaySettings, app: FastAPI) -> uvicorn.Server:
    """Return the server of an app, not yet running."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            access_log=False,
            log_config=_log_config(),
            server_header=False,
            timeout_graceful_shutdown=_SECONDS_TO_FINISH,
        )
    )


def _log_config() -> dict[str, Any]:
    """Return uvicorn's own logging with the guard's lines in place of its lines of requests.

    Uvicorn's would show whole addresses, and so the names of users.
    """
    config: dict[str, Any] = copy.deepcopy(LOGGING_CONFIG)
    config["formatters"]["default"]["()"] = f"{__name__}.{_WithoutMessages.__name__}"
    config["loggers"]["uvicorn.access"] = {"level": "CRITICAL", "propagate": False}
    config["loggers"]["todserve.gateway"] = {"handlers": ["default"], "level": "INFO"}
    return config


class _WithoutMessages(DefaultFormatter):
    """Shows where an error came from and of what kind it is."""

    def formatException(self, ei: _Caught) -> str:  # noqa: N802 - logging calls it so
        """Return a traceback without messages, which could repeat what was said."""
        told, error = [], ei[1]
        while error is not None:
            frames = traceback.format_tb(error.__traceback__)
            told.append("".join([*frames, type(error).__name__]))
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        return "\nwhich came from:\n".join(told)
