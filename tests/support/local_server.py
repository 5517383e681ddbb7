"""A real HTTP server on loopback that gives the answers a test has prepared."""

import json
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.support.serving_thread import ServingThread

OK: dict[str, Any] = {
    "intent": {"name": "find_train", "confidence": 0.99},
    "belief_state": {"train": {"day": {"value": "friday", "confidence": 0.9}}},
    "domain": {"active": "train", "switched": True, "reason": "new slots"},
    "database": {"domain": "train", "matches": 3, "results": [{"id": "TR1234"}]},
    "dialogue_act": [
        {"domain": "train", "act": "inform", "slot": "id"},
        {"domain": "train", "act": "inform", "slot": "leave"},
        {"domain": "general", "act": "reqmore", "slot": ""},
    ],
    "response": {
        "text": "TR1234 leaves at 09:00.",
        "delexicalised": "[value_id] leaves at [value_leave].",
        "unfilled": [],
    },
    "consistent": True,
    "unparsed": {},
    "model": {"name": "tod", "version": "1.0", "checkpoint": "abc"},
    "timing_ms": {"total": 12.0},
}


class Answer:
    """One prepared answer; ``drop`` closes the connection without one, ``packed`` says gzip."""

    def __init__(
        self, status: int = 200, body: object = OK, *, drop: bool = False, packed: bool = False
    ) -> None:
        self.status = status
        self.packed = packed
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.drop = drop


class LocalServer(ServingThread):
    """Gives ``answers`` in turn, the last one for ever; keeps what it was sent."""

    def __init__(self, *answers: Answer) -> None:
        self.requests: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self._answers = list(answers) or [Answer()]
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.paths.append(self.path)
                outer.headers.append(dict(self.headers.items()))
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.requests.append(json.loads(body))
                answer = outer._next()
                if answer.drop:
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer.body)))
                if answer.packed:
                    self.send_header("Content-Encoding", "gzip")
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, *_: object) -> None:
                return

        super().__init__(Handler)

    def _next(self) -> Answer:
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
