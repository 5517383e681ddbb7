"""The gateway's process: its port, its server, and what nobody else may read.

``tod gateway`` calls it. Example: ``run_gateway(GatewaySettings(port=8090))``.
"""

import os
from pathlib import Path

import sqlalchemy as sa
import uvicorn
from fastapi import FastAPI

from todserve.gateway.api.gateway_app import create_app
from todserve.gateway.connections import (
    Limits,
    allow_connections,
    bounded,
    bounded_sockets,
    most_connections,
)
from todserve.gateway.gateway_settings import GatewaySettings
from todserve.gateway.logs import log_config
from todserve.runtime.console import tell
from todserve.runtime.errors import ServerError
from todserve.runtime.private_files import OTHERS
from todserve.runtime.traces.trace_export import begin_traces
from todserve.serving.server.config_properties import Address
from todserve.serving.server.ports import holder, is_free

_SECONDS_TO_FINISH = 30
_ACCEPTED_AT_ONCE = 128
"""Connections that wait to be taken; more at once could use up the files before any is counted."""


_TRACED_AS = "todserve gateway"
"""What the process is called in a trace, unless its environment says otherwise."""


def run_gateway(settings: GatewaySettings) -> None:
    """Serve until interrupted; messages under way are answered first.

    Raises:
        ConfigError: the database cannot be opened.
        ServerError: the port is taken.
    """
    prepare(settings)
    app = create_app(settings)
    tell(f"dialogues: {kept_in(settings)}")
    make_server(settings, app).run()


def prepare(settings: GatewaySettings) -> None:
    """Make this process a gateway's: a free port, private files, and room for its connections.

    Raises:
        ServerError: the port is taken.
    """
    _check_port(settings)
    keep_private()
    allow_connections(settings.connections, settings.threads)
    begin_traces(_TRACED_AS)


def _check_port(settings: GatewaySettings) -> None:
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


def kept_in(settings: GatewaySettings) -> str:
    """Return where the dialogues are: the whole path of SQLite's file, or a server's address."""
    address = sa.make_url(settings.database)
    if address.get_backend_name() == "sqlite" and not str(address.database).startswith("file:"):
        return str(Path(str(address.database)).resolve())
    return address.render_as_string(hide_password=True)


def keep_private() -> None:
    """Let nobody else read what this process writes: its database, its actions' files, its log."""
    os.umask(OTHERS)


def make_server(settings: GatewaySettings, app: FastAPI) -> uvicorn.Server:
    """Return the server of an app, not yet running."""
    limits = Limits(
        most=most_connections(settings.connections, settings.threads),
        head_seconds=settings.head_seconds,
        body_seconds=settings.body_seconds,
    )
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            http=bounded(limits),
            ws=bounded_sockets(limits),
            ws_max_size=settings.max_body_bytes,
            timeout_keep_alive=round(limits.idle_seconds),
            backlog=min(_ACCEPTED_AT_ONCE, limits.most),
            access_log=False,
            log_config=log_config(settings.log_file, as_json=settings.log_format == "json"),
            server_header=False,
            timeout_graceful_shutdown=_SECONDS_TO_FINISH,
        )
    )
