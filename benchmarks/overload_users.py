"""Users who hold dialogues as fast as they are answered, for ``python -m benchmarks.overload``.

A locust file: it knows nothing of todserve's own client, as a load from elsewhere does not. What a
server refuses is sent again, after as long as ``Retry-After`` asks for; ``--rude`` users come back
at once. ``--report FILE`` takes what happened, request by request.
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
_REFUSALS = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
_seen: list[tuple[float, float, int]] = []
_began = time.time()


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]
def add_options(parser: ArgumentParser) -> None:
    """Add what locust does not know of."""
    parser.add_argument("--gateway", action="store_true", help="the host is a gateway")
    parser.add_argument("--rude", action="store_true", help="come back at once after a refusal")
    parser.add_argument("--report", default="", help="file for what happened")


@events.quitting.add_listener  # type: ignore[untyped-decorator]
def report(environment: Any, **_: Any) -> None:
    """Write when it began, and of each answer when it came, how long it took, and its status."""
    if environment.parsed_options.report:
        Path(environment.parsed_options.report).write_text(
            json.dumps({"began": _began, "seen": _seen}), encoding="utf-8"
        )


@events.test_start.add_listener  # type: ignore[untyped-decorator]
def begin(**_: Any) -> None:
    """Note the time."""
    global _began
    _began = time.time()


class Talking(FastHttpUser):
    """Someone who says the demo's utterances without a pause."""

    def on_start(self) -> None:
        """Spread the users over the utterances."""
        self._said = random.randrange(len(UTTERANCES))
        self._dialogue, self._left = "", 0

    @task
    def turn(self) -> None:
        """Say one utterance until it is answered."""
        options = self.environment.parsed_options
        self._said += 1
        body: dict[str, Any] = {"user": UTTERANCES[self._said % len(UTTERANCES)]}
        path = "/predictions/tod"
        if options.gateway:
            if not self._left:
                self._dialogue, self._left = self._begun(), _TURNS
            self._left -= 1
            path = f"/v1/dialogues/{self._dialogue}/turns"
            body["message_id"] = uuid.uuid4().hex
        while not self._answered(path, body, rude=options.rude):
            pass

    def _begun(self) -> str:
        with self.rest("POST", "/v1/dialogues", json={}, name="begin") as reply:
            return str(reply.js["dialogue_id"])

    def _answered(self, path: str, body: dict[str, Any], *, rude: bool) -> bool:
        began = time.perf_counter()
        with self.rest("POST", path, json=body, name="turn") as reply:
            status = reply.status_code
            _seen.append((time.time(), time.perf_counter() - began, status))
            if status not in _REFUSALS:
                return True  # an answer, or what no repetition mends
            reply.success()
            asked = (reply.headers or {}).get("Retry-After")
        if rude:
            gevent.sleep(_RUDE_PAUSE)
        else:
            gevent.sleep((float(asked) if asked else _UNASKED_PAUSE) * random.uniform(1, 1.5))
        return False
