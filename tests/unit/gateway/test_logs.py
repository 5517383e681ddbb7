"""The gateway's log: one line a request with its time, for people or for programs."""

import json
import logging
import logging.config
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from todserve.gateway.logs import LoggedRequest, log_config, log_request

LOG = logging.getLogger("todserve.gateway.test")


def request(route: str = "/v1/dialogues", status: int = 200) -> LoggedRequest:
    return LoggedRequest(
        method="POST", route=route, status=status, milliseconds=12.3, request_id="4f2a"
    )


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Leave nothing of these tests' logging to others."""
    names = (
        "todserve",
        "todserve.gateway",
        "uvicorn",
        "uvicorn.error",
        "uvicorn.access",
        "asyncio",
    )
    loggers = [logging.getLogger(name) for name in names]
    before = [(one.handlers[:], one.level, one.propagate) for one in loggers]
    yield
    for one, (handlers, level, propagate) in zip(loggers, before, strict=True):
        for added in set(one.handlers) - set(handlers):
            added.close()
        one.handlers, one.level, one.propagate = handlers, level, propagate
        one.setLevel(level)


def lines(file: Path) -> list[str]:
    for handler in logging.getLogger("todserve").handlers:
        handler.flush()
    return file.read_text().splitlines()


def test_a_line_for_people_begins_with_its_time(tmp_path: Path) -> None:
    file = tmp_path / "gateway.log"
    logging.config.dictConfig(log_config(file))
    log_request(LOG, request(), refused=False)
    (line,) = lines(file)
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ", line)
    assert line.endswith("POST /v1/dialogues 200 12.3 ms 4f2a")


def test_a_line_for_programs_is_an_object_with_names(tmp_path: Path) -> None:
    file = tmp_path / "gateway.log"
    logging.config.dictConfig(log_config(file, as_json=True))
    log_request(LOG, request(), refused=False)
    said = "a train to ely"
    try:
        raise ValueError(said)
    except ValueError:
        LOG.exception("it failed")
    first, second = map(json.loads, lines(file))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", first.pop("time"))
    assert first == {
        "level": "info",
        "logger": "todserve.gateway.test",
        "message": "POST /v1/dialogues 200 12.3 ms 4f2a",
        "method": "POST",
        "route": "/v1/dialogues",
        "status": 200,
        "milliseconds": 12.3,
        "request_id": "4f2a",
    }
    assert second["error"].endswith("ValueError")
    assert "ely" not in json.dumps(second)


def test_files_of_a_page_are_no_lines_unless_they_are_missing(tmp_path: Path) -> None:
    file = tmp_path / "gateway.log"
    logging.config.dictConfig(log_config(file))
    for _ in range(50):
        log_request(LOG, request("/studio/{file}"), refused=False)
    log_request(LOG, request("/studio/{file}", 404), refused=True)
    (line,) = lines(file)
    assert "/studio/{file} 404" in line
