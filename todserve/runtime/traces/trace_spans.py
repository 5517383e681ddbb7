"""Trace spans: tells OpenTelemetry what was done for a turn and how long it took.

The worker, the gateway and the client open spans with it. A program that traces has loaded
OpenTelemetry itself; in any other nothing is loaded and nothing done. Example:
``with span("model", kind=Kind.CLIENT): ...`` in the gateway, and ``carrying()`` are the headers
(W3C's ``traceparent``) that join to it what the endpoint does.

No span holds what anybody said, a name or an address that a client chose: of an error there is the
type alone, for its message may repeat a text.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opentelemetry.trace import Span

_API = "opentelemetry.trace"
_CARRIED = ("traceparent", "tracestate")
_SCOPE = "todserve"
_NANOSECONDS = 1_000_000
"""In a millisecond."""

Note = str | int | float | bool


class Kind(Enum):
    """What a span is of: a part of some work, a request that was received, one that was sent."""

    INTERNAL = "INTERNAL"
    SERVER = "SERVER"
    CLIENT = "CLIENT"


class TurnSpan:
    """A span under way; does nothing where nobody traces."""

    def __init__(self, recorded: "Span | None" = None) -> None:
        self._recorded = recorded

    def rename(self, name: str) -> None:
        """Call it otherwise: a route is known only once it was found."""
        if self._recorded is not None:
            self._recorded.update_name(name)

    def note(self, notes: Mapping[str, Note]) -> None:
        """Note what was found out meanwhile."""
        if self._recorded is not None:
            self._recorded.set_attributes(notes)

    def failed(self, kind: str) -> None:
        """Mark it as failed, with the kind of the error."""
        if self._recorded is not None:
            from opentelemetry.trace import StatusCode

            self._recorded.set_attribute("error.type", kind)
            self._recorded.set_status(StatusCode.ERROR)


@contextmanager
def span(
    name: str,
    *,
    kind: Kind = Kind.INTERNAL,
    notes: Mapping[str, Note] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Iterator[TurnSpan]:
    """Tell of the block as one span, a child of the one around it.

    Args:
        name: ours, never a client's.
        kind: what it is of.
        notes: what is known of it from the beginning.
        headers: of a request that was received; the span is a child of the one they name.
    """
    if _API not in sys.modules:
        yield TurnSpan()
        return
    from opentelemetry import trace

    opened = trace.get_tracer(_SCOPE).start_as_current_span(
        name,
        context=None if headers is None else _named(headers),
        kind=trace.SpanKind[kind.value],
        attributes=notes,
        # Messages of errors may repeat what somebody said.
        record_exception=False,
        set_status_on_exception=False,
    )
    with opened as recorded:
        told = TurnSpan(recorded)
        try:
            yield told
        except BaseException as error:
            told.failed(type(error).__name__)
            raise


def carrying() -> dict[str, str]:
    """Return the headers that join what a server does to the span around this call."""
    if _API not in sys.modules:
        return {}
    from opentelemetry import propagate

    headers: dict[str, str] = {}
    propagate.inject(headers)
    return headers


def carried(headers: Mapping[str, str]) -> dict[str, str]:
    """Return those of a request's headers, in small letters, that name its client's span."""
    return {name: headers[name] for name in _CARRIED if headers.get(name)}


def trace_id() -> str | None:
    """Return the id of the trace around this call, as logs show it; None where there is none."""
    if _API not in sys.modules:
        return None
    from opentelemetry import trace

    found = trace.get_current_span().get_span_context()
    return trace.format_trace_id(found.trace_id) if found.is_valid else None


def told_afterwards(
    name: str,
    headers: Mapping[str, str],
    *,
    began: int,
    ended: int,
    stages: Mapping[str, float],
    notes: Mapping[str, Note],
) -> None:
    """Tell of one request of a batch, and of its stages, once the whole batch is answered.

    The requests of a batch go through the stages together, each in a trace of its own.

    Args:
        name: of the span.
        headers: of the request, see ``carried``.
        began: when the batch was begun, in nanoseconds since 1970.
        ended: when it was answered.
        stages: name -> milliseconds, in their order, without a sum.
        notes: of the request.
    """
    if not headers or _API not in sys.modules:
        return
    from opentelemetry import trace

    tracer = trace.get_tracer(_SCOPE)
    whole = tracer.start_span(
        name,
        context=_named(headers),
        kind=trace.SpanKind.SERVER,
        attributes=notes,
        start_time=began,
    )
    around: Any = trace.set_span_in_context(whole)
    start = began
    for stage, milliseconds in stages.items():
        end = start + round(milliseconds * _NANOSECONDS)
        tracer.start_span(stage, context=around, start_time=start).end(end)
        start = end
    whole.end(ended)


def _named(headers: Mapping[str, str]) -> Any:
    from opentelemetry import context, propagate

    # Of nothing else: what stands around this call belongs to somebody else's request.
    return propagate.extract(headers, context=context.Context())
