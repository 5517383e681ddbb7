"""Logs of the gateway: no client can fill them by sending what is refused.

The gateway's process configures its server's logging with it. Example:
``log_config(Path("gateway.log"))`` is what uvicorn takes.

What goes wrong again and again, one client or the system at fault, is one line a minute that says
how often. A file is begun anew when it is full, and only its owner can read it.
"""

import copy
import json
import logging
import time
import traceback
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType
from typing import Any

from uvicorn.config import LOGGING_CONFIG
from uvicorn.logging import DefaultFormatter

from todserve.runtime.private_files import private_file

FILE = "/{file}"
"""How the route of a page's files ends."""

_REQUEST = "request"
_BYTES = 20_000_000
_OLD_ONES = 3
_SECONDS = 60.0
_FAULTS = 500
"""Kinds of faults that are told apart; the ones not seen for longest are forgotten first."""

_Caught = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def log_config(file: Path | None, *, as_json: bool = False) -> dict[str, Any]:
    """Return uvicorn's own logging with the guard's lines in place of its lines of requests.

    Uvicorn's would show whole addresses, and so the names of users.

    Args:
        file: where the lines go; None for standard error.
        as_json: whether a line is an object, with what it says of a request under names.
    """
    config: dict[str, Any] = copy.deepcopy(LOGGING_CONFIG)
    formatter = _JsonLine if as_json else _WithoutMessages
    config["formatters"]["default"]["()"] = f"{__name__}.{formatter.__name__}"
    config["formatters"]["default"]["fmt"] = "%(asctime)s %(levelprefix)s %(message)s"
    # Colours are control characters, and a log has none.
    config["formatters"]["default"]["use_colors"] = False
    config["filters"] = {"seldom": {"()": f"{__name__}.{Seldom.__name__}"}}
    handler = config["handlers"]["default"]
    handler["filters"] = ["seldom"]
    if file is not None:
        del handler["stream"]
        handler["()"] = f"{__name__}.{_PrivateFile.__name__}"
        handler |= {"filename": str(file), "maxBytes": _BYTES, "backupCount": _OLD_ONES}
        del handler["class"]
    config["loggers"]["uvicorn.access"] = {"level": "CRITICAL", "propagate": False}
    config["loggers"]["todserve"] = {"handlers": ["default"], "level": "WARNING"}
    config["loggers"]["todserve.gateway"] = {"level": "INFO"}
    # Python says there, once for each, that too many files are open.
    config["loggers"]["asyncio"] = {"handlers": ["default"], "level": "WARNING"}
    return config


@dataclass(frozen=True, kw_only=True, slots=True)
class LoggedRequest:
    """What the log says of a request: nothing that its client chose but the id.

    Attributes:
        method: of HTTP, or ``(other)``.
        route: its pattern.
        status: of its answer.
        milliseconds: from its head to the end of its answer.
        request_id: its name in every log.
        trace_id: of its trace; None where nobody traces.
    """

    method: str
    route: str
    status: int
    milliseconds: float
    request_id: str
    trace_id: str | None = None

    def notes(self) -> dict[str, str | int]:
        """Return what its span says of it, under OpenTelemetry's names."""
        return {
            "http.request.method": self.method,
            "http.route": self.route,
            "http.response.status_code": self.status,
            "tod.request_id": self.request_id,
        }


def log_request(log: logging.Logger, request: LoggedRequest, *, refused: bool) -> None:
    """Write a request's one line; files of a page that were found are only for whoever debugs.

    Args:
        log: of whoever answered it.
        request: what is said.
        refused: whether that cost next to nothing: such lines are counted together.
    """
    is_file = request.route.endswith(FILE) and request.status < HTTPStatus.BAD_REQUEST
    level = logging.WARNING if refused else logging.DEBUG if is_file else logging.INFO
    log.log(
        level,
        "%s %s %d %.1f ms %s",
        *(request.method, request.route, request.status),
        *(request.milliseconds, request.request_id),
        extra={"fault": request.status, _REQUEST: request},
    )


class Seldom(logging.Filter):
    """Lets the same warning through once a minute, and then says how many it kept back.

    Those are the same whose ``fault`` is, or else their logger and their text without what is
    filled into it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[object, list[float]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether a line is written."""
        if record.levelno < logging.WARNING:
            return True
        kind = record.exc_info[0] if record.exc_info else None
        fault = getattr(record, "fault", record.msg)
        key = (record.name, str(fault)[:200], kind)
        now = time.monotonic()
        told, kept_back = self._seen.pop(key, (now - _SECONDS, 0.0))
        is_time = now - told >= _SECONDS
        self._seen[key] = [now, 0.0] if is_time else [told, kept_back + 1]
        if len(self._seen) > _FAULTS:
            del self._seen[next(iter(self._seen))]
        if is_time and kept_back:
            record.msg = f"{record.getMessage()} (and {kept_back:.0f} times more since the last)"
            record.args = ()
        return is_time


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


class _JsonLine(_WithoutMessages):
    """One object of JSON a line, for programs that read logs."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        said: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        request = getattr(record, _REQUEST, None)
        if isinstance(request, LoggedRequest):
            said |= {key: told for key, told in asdict(request).items() if told is not None}
        if record.exc_info:
            said["error"] = self.formatException(record.exc_info)
        return json.dumps(said, ensure_ascii=False)


class _PrivateFile(RotatingFileHandler):
    """A file that only its owner can read."""

    def _open(self) -> Any:
        private_file(Path(self.baseFilename))
        return super()._open()
