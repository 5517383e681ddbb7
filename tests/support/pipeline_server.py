"""A real HTTP server on loopback around a pipeline, as TorchServe would answer for it."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.support.serving_thread import ServingThread
from todserve.runtime.checkpoint_description import describe
from todserve.runtime.errors import RequestError
from todserve.runtime.pipeline import Pipeline
from todserve.runtime.wire.request import parse_request
from todserve.runtime.wire.response import encode, encode_error

Status = Callable[[int], int | None]
"""Number of a request, from 0 -> the status it is refused with; None to answer it."""


class PipelineServer(ServingThread):
    """Answers ``/predictions/tod``, each request in a thread of its own.

    Set ``refuse`` to give a status instead of an answer, ``meet`` to make requests wait for each
    other, and ``checkpoint`` to claim another checksum.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self.refuse: Status = lambda number: None
        self.meet: threading.Barrier | None = None
        self.checkpoint = pipeline.checkpoint.checksum
        self.requests: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                answer: object
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if "describe" in json.loads(body):
                    described = describe(pipeline.checkpoint, pipeline.identity)
                    status, answer = 200, described.model_dump(mode="json")
                else:
                    with outer._lock:
                        number = len(outer.requests)
                        outer.requests.append(json.loads(body))
                    status, answer = outer._answer(number, body, pipeline)
                if self.path != "/predictions/tod":
                    status, answer = (
                        404,
                        {"code": 404, "message": f"Model not found: {self.path[13:]}"},
                    )
                content = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                return

        super().__init__(Handler)

    def _answer(self, number: int, body: bytes, pipeline: Pipeline) -> tuple[int, object]:
        refused = self.refuse(number)
        if refused is not None:
            return refused, {"code": refused, "message": "try again later"}
        try:
            request = parse_request(body)
            if self.meet is not None:
                self.meet.wait()
            with self._lock:
                answer = pipeline.answer([request])[0]
        except RequestError as error:
            answer = error
        except threading.BrokenBarrierError:
            return 422, {"code": 422, "message": "came alone"}
        if isinstance(answer, RequestError):
            return 400, encode_error(str(answer))
        model = answer.model.model_copy(update={"checkpoint": self.checkpoint})
        return 200, encode(answer.model_copy(update={"model": model}))
