"""Spans of this process kept in memory, and a real OTLP receiver for those of others."""

import gzip
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

from opentelemetry import trace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.support.serving_thread import ServingThread


@contextmanager
def recorded_spans() -> Iterator[InMemorySpanExporter]:
    """Keep what this process tells of while the block runs."""
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        # A process has one, and none that can be taken back.
        provider = TracerProvider()
        trace.set_tracer_provider(provider)
    kept = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    try:
        yield kept
    finally:
        kept.shutdown()


def named(spans: Sequence[ReadableSpan]) -> dict[str, ReadableSpan]:
    """Return spans by their names, of which each stands once."""
    found = {one.name: one for one in spans}
    assert len(found) == len(spans), [one.name for one in spans]
    return found


class SpanReceiver(ServingThread):
    """Takes OTLP over HTTP, as a collector does."""

    def __init__(self) -> None:
        self._spans: list[tuple[str, Span]] = []
        self._changed = threading.Condition()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                outer._take(self.path, body)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        super().__init__(Handler)

    def spans(self, trace_id: str, *, least: int, seconds: float = 30.0) -> dict[str, Span]:
        """Wait for so many spans of a trace; return them as ``service: name``."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while True:
                found = {
                    f"{service}: {one.name}": one
                    for service, one in self._spans
                    if one.trace_id.hex() == trace_id
                }
                if len(found) >= least or not self._changed.wait(deadline - time.monotonic()):
                    return found

    def _take(self, path: str, body: bytes) -> None:
        assert path == "/v1/traces"
        sent = ExportTraceServiceRequest.FromString(body)
        with self._changed:
            for resource in sent.resource_spans:
                (service,) = [
                    one.value.string_value
                    for one in resource.resource.attributes
                    if one.key == "service.name"
                ]
                for scope in resource.scope_spans:
                    self._spans += [(service, one) for one in scope.spans]
            self._changed.notify_all()
