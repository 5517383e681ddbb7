"""Run: a gateway process.

Around the whole way of a message. Example: ``run_gateway(GatewaySettings(port=8090))``.
"""

import copy
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.config import LOGGING_CONFIG

from todserve.gateway.app import create_app
from todserve.gateway.settings import GatewaySettings

_SECONDS_TO_FINISH = 30


def run_gateway(settings: GatewaySettings) -> None:
    """Serve until interrupted; messages under way are answered first.

    Raises:
        ConfigError: the database cannot be opened.
    """
    make_server(settings, create_app(settings)).run()


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
    config["loggers"]["uvicorn.access"] = {"level": "CRITICAL", "propagate": False}
    config["loggers"]["todserve.gateway"] = {"handlers": ["default"], "level": "INFO"}
    return config
