"""A real gateway on loopback, and a real HTTP model endpoint that answers by rule."""

import json
import socket
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import requests

from tests.support.serving_thread import ServingThread
from todserve.gateway.api.gateway_app import create_app
from todserve.gateway.gateway_process import make_server
from todserve.gateway.gateway_settings import GatewaySettings

ScoredAnswerer = Callable[[dict[str, Any]], dict[str, Any]]
"""A request of the model endpoint -> its answer."""


def counting(request: dict[str, Any]) -> dict[str, Any]:
    """Answer so that lost, doubled and swapped turns show: each slot value counts the turns."""
    past = request.get("history", [])
    state = request.get("state", {})
    before = state.get("train", {}).get("people", {"value": "0"})
    value = before if isinstance(before, str) else before["value"]
    said = request["user"]
    return {
        "intent": {"name": "find_train", "confidence": 0.2 if "mumble" in said else 0.9},
        "belief_state": {
            "train": {"people": {"value": str(int(value) + 1), "confidence": 0.8}},
        },
        "domain": {"active": "train", "switched": not past, "reason": "new slots"},
        "database": {"domain": "train", "matches": 1, "results": [{"id": "TR7", "day": "friday"}]},
        "dialogue_act": [{"domain": "train", "act": "inform", "slot": "id"}],
        "response": {
            "text": f"{len(past)} before: {said}",
            "delexicalised": "[value_id] it is.",
            "unfilled": [],
            "completed": [],
        },
        "consistent": "quarrel" not in said,
        "unparsed": {"belief_state": ["?"]} if "garble" in said else {},
        "model": {"name": "tod", "version": "1.0", "checkpoint": "abc"},
        "timing_ms": {"total": 1.0},
    }


DESCRIPTION = {
    "name": "tod",
    "version": "1.0",
    "checkpoint": "abc",
    "intents": ["find_train", "book_train", "general"],
    "domains": {"train": {"people": None, "day": ["friday", "monday"]}},
    "domain_intents": {"train": ["find_train", "book_train"]},
    "acts": ["inform", "offer"],
    "act_slots": {"train": ["day", "id", "people"], "general": []},
    "titles": {"train": "trains"},
    "prompts": ["a train to ely"],
    "types": {},
    "intent_shares": {},
    "slot_shares": {},
}
"""What the model tells of itself."""


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True

    def handle_error(self, request: object, address: object) -> None:
        """Say nothing of clients that were killed in the middle of a request."""
        if not isinstance(sys.exception(), ConnectionError):
            raise


class ModelServer(ServingThread):
    """Answers ``/predictions/...`` by a rule, each request in a thread of its own."""

    def __init__(self, answering: ScoredAnswerer = counting, *, seconds: float = 0.0) -> None:
        self.requests: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.ids: list[str | None] = []
        self.parents: list[str | None] = []
        self.away = False
        self.unknown: str | None = None
        # Version -> what its answers have in place of the rule's.
        self.of_version: dict[str, dict[str, Any]] = {}
        self.description: dict[str, Any] = DESCRIPTION
        # Called between the first line of an answer in two lines and the second; None answers
        # everybody in one piece.
        self.between: Callable[[], object] | None = None
        self.second_line: bytes | None = None
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                # What a load balancer asks TorchServe's management port.
                content = json.dumps([{"workers": [{"status": "READY"}]}]).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                body = self.rfile.read(length)
                if len(body) < length:
                    raise ConnectionAbortedError("killed in the middle of a request")
                try:
                    request = json.loads(body)
                except ValueError:
                    request = None
                if request == {"describe": True}:
                    status, answer = 200, outer.description
                else:
                    told = isinstance(request, dict) and "user" in request
                    with outer._lock:
                        outer.requests.append(request)
                        outer.paths.append(self.path)
                        outer.ids.append(self.headers.get("X-Request-ID"))
                        outer.parents.append(self.headers.get("traceparent"))
                    if seconds:
                        time.sleep(seconds)
                    if told:
                        status, answer = 200, answering(request)
                        version = "/".join(self.path.split("/")[3:])
                        if version:
                            answer = answer | {"model": answer["model"] | {"version": version}}
                            answer = answer | outer.of_version.get(version, {})
                    else:
                        status, answer = 400, {"code": 400, "message": "no turn"}
                if outer.away:
                    status, answer = 503, {"code": 503, "message": "no worker"}
                if outer.unknown and self.path == f"/predictions/{outer.unknown}":
                    status, answer = 404, {"code": 404, "message": "Model not found"}
                content = json.dumps(answer).encode()
                in_lines = "application/x-ndjson" in self.headers.get("Accept", "")
                if status == 200 and in_lines and outer.between is not None:
                    self._in_lines(answer, content)
                    return
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def _in_lines(self, answer: dict[str, Any], content: bytes) -> None:
                unknown = dict.fromkeys(("dialogue_act", "response", "consistent"))
                first = json.dumps(answer | unknown).encode() + b"\n"
                self.send_response(200)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                self._chunk(first)
                if outer.between is not None:
                    outer.between()
                self._chunk(outer.second_line or content)
                self._chunk(b"")

            def _chunk(self, piece: bytes) -> None:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                self.wfile.flush()

            def log_message(self, *_: object) -> None:
                return

        super().__init__(Handler, _Server)


class GatewayServer:
    """A gateway in a thread, and a session to speak with it."""

    def __init__(self, settings: GatewaySettings) -> None:
        self.app = create_app(settings)
        self._server = make_server(settings, self.app)
        self._socket = socket.socket()
        self._socket.bind((settings.host, 0))
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.http = requests.Session()
        self.http.trust_env = False

    def call(self, method: str, path: str, body: object = None, **headers: str) -> Any:
        """Return the response to a JSON request."""
        return self.http.request(
            method,
            self.url + path,
            json=body,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
            timeout=60,
        )

    def begin(self, **body: str) -> str:
        """Begin a dialogue and return its id."""
        answer = self.call("POST", "/v1/dialogues", body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["dialogue_id"])

    def say(self, dialogue_id: str, user: str, message_id: str) -> Any:
        """Return the response to a message."""
        body = {"user": user, "message_id": message_id}
        return self.call("POST", f"/v1/dialogues/{dialogue_id}/turns", body)

    def turns(self, dialogue_id: str) -> list[dict[str, Any]]:
        """Return a dialogue's turns."""
        answer = self.call("GET", f"/v1/dialogues/{dialogue_id}")
        assert answer.status_code == 200, answer.text
        turns: list[dict[str, Any]] = answer.json()["turns"]
        return turns

    def __enter__(self) -> Self:
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.005)
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()
