"""Trace export: sends a process's spans to the OpenTelemetry receiver that its environment names.

A gateway and a model's worker call it when they start. Example: with
``OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318`` every turn is told there (OTLP over HTTP), and
without that variable nothing is loaded. The other variables are OpenTelemetry's own, as
``OTEL_SERVICE_NAME`` or ``OTEL_TRACES_SAMPLER``.
"""

import logging
import os

_WHERE = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_NAME = "OTEL_SERVICE_NAME"
_log = logging.getLogger(__name__)


def begin_traces(service: str) -> None:
    """Have this process's spans sent, where its environment says to whom; else do nothing.

    Args:
        service: what the process is called, unless its environment says otherwise.
    """
    if not any(os.environ.get(name) for name in _WHERE):
        return
    if os.environ.get("OTEL_TRACES_EXPORTER", "otlp").strip().lower() == "none":
        return
    try:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        # It may be set for everything that runs here: no reason to answer nobody.
        _log.warning("no traces are sent: %s; install the extra todserve[otel]", error.name)
        return
    if isinstance(trace.get_tracer_provider(), TracerProvider):
        return  # whoever embeds us traces already
    told = {} if os.environ.get(_NAME) else {"service.name": service}
    provider = TracerProvider(resource=Resource.create(told))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
