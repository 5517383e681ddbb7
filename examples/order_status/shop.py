"""A shop's service, small enough to read: where an order is, a cancel, a desk with people.

Run as a program it starts the service, and talks to the bot in the terminal until that is left:
``python examples/order_status/shop.py``.

A cancel is done once for an ``Idempotency-Key``: who asks again, since no answer came, is told what
came of it the first time.
"""

import json
import os
import secrets
import subprocess
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

ORDERS = {
    "AB1234": {"status": "packed", "arrives": "2031-05-02"},
    "CD5678": {"status": "on its way", "arrives": "2031-04-29"},
}
Answer = tuple[HTTPStatus, dict[str, Any]]


class Shop:
    """The service, on a port of its own while its ``with`` block lasts.

    Args:
        token: that a caller must have.

    Attributes:
        url: its address.
        waiting: dialogues that wait for a person, oldest first.
        cancelled: orders that were cancelled, each once for every time that it really was.
    """

    def __init__(self, token: str) -> None:
        self.waiting: list[str] = []
        self.cancelled: list[str] = []
        self._token = token
        self._answered: dict[str, Answer] = {}
        self._lock = threading.Lock()
        shop = self

        class Handler(BaseHTTPRequestHandler):
            """Answers one call."""

            def do_POST(self) -> None:
                """Answer JSON with JSON."""
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status: HTTPStatus = HTTPStatus.UNAUTHORIZED
                answer: dict[str, Any] = {}
                if self.headers["Authorization"] == f"Bearer {shop._token}":
                    status, answer = shop._answer(self.path, body, self.headers["Idempotency-Key"])
                content = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Say nothing: what people ask is nobody else's."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, path: str, body: dict[str, Any], key: str) -> Answer:
        with self._lock:
            if key not in self._answered:
                self._answered[key] = self._done(path, body)
            return self._answered[key]

    def _done(self, path: str, body: dict[str, Any]) -> Answer:
        if path == "/desk":
            self.waiting.append(str(body["transcript"]))
            return HTTPStatus.ACCEPTED, {}
        number = str(body["slots"]["order"]).upper()
        order = ORDERS.get(number)
        if order is None or number in self.cancelled:
            return HTTPStatus.NOT_FOUND, {}
        if path == "/status":
            return HTTPStatus.OK, dict(order)
        if path != "/cancel":
            return HTTPStatus.NOT_FOUND, {}
        if order["status"] == "on its way":
            return HTTPStatus.CONFLICT, {}
        self.cancelled.append(number)
        return HTTPStatus.OK, {"note": f"S{len(self.cancelled)}{number[:2]}"}


def main() -> int:
    """Talk; returns the exit status of ``tod bot shell``."""
    token = secrets.token_hex(16)
    with Shop(token) as shop:
        # What bot.yml calls ${SHOP_URL} and ${SHOP_TOKEN}.
        environment = {**os.environ, "SHOP_URL": shop.url, "SHOP_TOKEN": token}
        bot = str(Path(__file__).with_name("bot.yml"))
        command = [sys.executable, "-m", "todserve", "bot", "shell", bot]
        return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
