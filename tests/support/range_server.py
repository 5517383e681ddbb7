"""A real HTTP server on loopback that serves files, honours ranges, and can break off."""

from http.server import BaseHTTPRequestHandler

from tests.support.serving_thread import ServingThread


class RangeServer(ServingThread):
    """Serves ``files`` by path.

    Args:
        files: path, with its leading slash, -> content.
        break_after: of the first answers, send so many bytes of the body and hang up.
        ranges: honour ``Range``; otherwise always send the whole file.
        busy: answer 503 so many times first.
    """

    def __init__(
        self,
        files: dict[str, bytes],
        *,
        break_after: tuple[int, ...] = (),
        ranges: bool = True,
        busy: int = 0,
    ) -> None:
        self.files = files
        self.requests: list[tuple[str, str | None]] = []
        self._breaks = list(break_after)
        self._busy = busy
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                asked = self.headers.get("Range") if ranges else None
                outer.requests.append((self.path, self.headers.get("Range")))
                content = outer.files.get(self.path)
                if outer._busy:
                    outer._busy -= 1
                    self._answer(503, b"")
                elif content is None:
                    self._answer(404, b"")
                elif asked is None:
                    self._answer(200, content)
                else:
                    start = int(asked.removeprefix("bytes=").removesuffix("-"))
                    if start >= len(content):
                        self._answer(416, b"")
                        return
                    span = f"bytes {start}-{len(content) - 1}/{len(content)}"
                    self._answer(206, content[start:], span)

            def _answer(self, status: int, body: bytes, span: str = "") -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                if span:
                    self.send_header("Content-Range", span)
                self.end_headers()
                if status in (200, 206) and outer._breaks:
                    self.wfile.write(body[: outer._breaks.pop(0)])
                    self.wfile.flush()
                    self.close_connection = True
                    return
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                return

        super().__init__(Handler)
