"""Users who hold dialogues, for ``python -m benchmarks.overload``: without a pause, or thinking.

A locust file: it knows nothing of todserve's own client, as a load from elsewhere does not. What a
server refuses is sent again, after as long as ``Retry-After`` asks for; ``--rude`` users come back
at once. ``--think SECONDS`` lets each user pause between two turns, as people do. ``--report FILE``
takes what happened, request by request.
"""

import json
import random
import time
import uuid
from argparse import ArgumentParser
from http import HTTPStatus
from pathlib import Path
from typing import Any

import gevent  # type: ignore[import-untyped]
from locust import FastHttpUser, events, task

from todserve.serving.terminal.demo import UTTERANCES

_TURNS = 12
"""Of a dialogue; then another begins, so that no history grows without end."""
_UNASKED_PAUSE = 0.3
_RUDE_PAUSE = 0.01
_REFUSALS = (
    0,  # the connection broke
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
)
_seen: list[tuple[float, float, int, float]] = []
_began = _ended = time.time()


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]
def add_options(parser: ArgumentParser) -> None:
    """Add what locust does not know of."""
    parser.add_argument("--path", default="", help="of turns, where the host is no gateway")
    parser.add_argument("--think", type=float, default=0.0, help="seconds between two turns")
    parser.add_argument("--rude", action="store_true", help="come back at once after a refusal")
    parser.add_argument("--report", default="", help="file for what happened")


@events.quitting.add_listener  # type: ignore[untyped-decorator]
def report(environment: Any, **_: Any) -> None:
    """Write when it began and ended, and of each answer when, seconds, status, since first try."""
    if environment.parsed_options.report:
        Path(environment.parsed_options.report).write_text(
            json.dumps({"began": _began, "ended": _ended, "seen": _seen}), encoding="utf-8"
        )


@events.test_stopping.add_listener  # type: ignore[untyped-decorator]
def end(**_: Any) -> None:
    """Note the time; from here on users are ended in the middle of what they do."""
    global _ended
    _ended = time.time()


@events.test_start.add_listener  # type: ignore[untyped-decorator]
def begin(**_: Any) -> None:
    """Note the time."""
    global _began
    _began = time.time()


class Talking(FastHttpUser):
    """Someone who says the demo's utterances."""

    def on_start(self) -> None:
        """Spread the users over the utterances."""
        self._said = random.randrange(len(UTTERANCES))
        self._dialogue, self._left = "", 0
        gevent.sleep(random.uniform(0, self.environment.parsed_options.think))

    @task
    def turn(self) -> None:
        """Say one utterance until it is answered, and think."""
        options = self.environment.parsed_options
        self._said += 1
        body: dict[str, Any] = {"user": UTTERANCES[self._said % len(UTTERANCES)]}
        path = options.path
        if not path:
            if not self._left:
                self._dialogue, self._left = self._begun(), _TURNS
            self._left -= 1
            path = f"/v1/dialogues/{self._dialogue}/turns"
            body["message_id"] = uuid.uuid4().hex
        first = time.perf_counter()
        while not self._answered(path, body, first, rude=options.rude):
            pass
        gevent.sleep(options.think * random.uniform(0.5, 1.5))

    def _begun(self) -> str:
        while True:
            with self.rest("POST", "/v1/dialogues", json={}, name="begin") as reply:
                if reply.status_code == HTTPStatus.CREATED:
                    return str(reply.js["dialogue_id"])
            gevent.sleep(_UNASKED_PAUSE)

    def _answered(self, path: str, body: dict[str, Any], first: float, *, rude: bool) -> bool:
        began = time.perf_counter()
        with self.rest("POST", path, json=body, name="turn") as reply:
            now, status = time.perf_counter(), reply.status_code
            _seen.append((time.time(), now - began, status, now - first))
            if status not in _REFUSALS:
                return True  # an answer, or what no repetition mends
            reply.success()
            asked = (reply.headers or {}).get("Retry-After")
        if rude:
            gevent.sleep(_RUDE_PAUSE)
        else:
            gevent.sleep((float(asked) if asked else _UNASKED_PAUSE) * random.uniform(1, 1.5))
        return False
