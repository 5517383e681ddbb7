"""Traces of OpenTelemetry: one from the client to the model, without a word that was said."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.support.gateway_server import GatewayServer, ModelServer
from tests.support.recorded_spans import named, recorded_spans
from todserve.gateway.gateway_settings import GatewaySettings

SAID = "a train to ely for aunt agatha"
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"
SAY = "POST /v1/dialogues/{dialogue_id}/turns"


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    with recorded_spans() as kept:
        yield kept


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture
def gateway(model: ModelServer, tmp_path: Path) -> Iterator[GatewayServer]:
    settings = GatewaySettings(
        database=f"sqlite:///{tmp_path}/d.sqlite", model_url=model.url, model_retries=0
    )
    with GatewayServer(settings) as server:
        yield server


def finished(spans: InMemorySpanExporter, last: str) -> list[ReadableSpan]:
    """Wait for the span of a request: its client has the answer before that ends."""
    while not any(one.name == last for one in spans.get_finished_spans()):
        time.sleep(0.005)
    return [*spans.get_finished_spans()]


def trace_of(span: ReadableSpan) -> str:
    return f"{span.context.trace_id:032x}"


def say(gateway: GatewayServer, **headers: str) -> None:
    dialogue_id = gateway.begin(user_id="agatha")
    answer = gateway.call(
        "POST",
        f"/v1/dialogues/{dialogue_id}/turns",
        {"user": SAID, "message_id": "1"},
        traceparent=TRACEPARENT,
        **headers,
    )
    assert answer.status_code == 200, answer.text
    assert answer.text  # all of it, where it comes in parts


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_a_turn_is_one_trace_from_its_client_to_the_model(
    gateway: GatewayServer, model: ModelServer, spans: InMemorySpanExporter, accept: str
) -> None:
    say(gateway, Accept=accept)
    found = named([one for one in finished(spans, SAY) if trace_of(one) == TRACE])
    assert set(found) == {
        SAY,
        "wait for a place",
        "wait for the dialogue",
        "read the dialogue",
        "ask the model",
        "store the turn",
        "ask for the labels",
    }
    whole = found[SAY]
    assert whole.parent is not None
    assert f"{whole.parent.span_id:016x}" == PARENT
    assert whole.kind is trace.SpanKind.SERVER
    inner = [one for name, one in found.items() if name != SAY]
    assert {one.parent.span_id for one in inner if one.parent} == {whole.context.span_id}
    asking = found["ask the model"]
    assert asking.kind is trace.SpanKind.CLIENT
    assert model.parents[-1] == f"00-{TRACE}-{asking.context.span_id:016x}-01"


def test_a_span_holds_nothing_that_was_said_and_no_name(
    gateway: GatewayServer, spans: InMemorySpanExporter
) -> None:
    say(gateway)
    searched = gateway.call("GET", "/v1/dialogues?search=agatha")
    assert searched.status_code == 200
    assert gateway.call("DELETE", "/v1/users/agatha").status_code == 204
    told = "".join(one.to_json() for one in finished(spans, "DELETE /v1/users/{user_id}"))
    assert "GET /v1/dialogues" in told
    assert "DELETE /v1/users/{user_id}" in told
    assert "agatha" not in told


def test_a_model_that_is_away_marks_the_span_as_failed_without_its_message(
    gateway: GatewayServer, model: ModelServer, spans: InMemorySpanExporter
) -> None:
    dialogue_id = gateway.begin()
    model.away = True
    assert gateway.say(dialogue_id, SAID, "1").status_code == 503
    found = finished(spans, SAY)
    whole = next(one for one in found if one.name == SAY)
    assert whole.status.status_code is trace.StatusCode.ERROR
    assert (whole.attributes or {})["error.type"] == "503"
    assert SAID not in "".join(one.to_json() for one in found)


def test_who_does_not_trace_loads_nothing_of_it() -> None:
    program = (
        "import sys, todserve; todserve.Client('http://127.0.0.1:9', retries=0).ready(1.0); "
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120
    )
    assert json.loads(ran.stdout.replace("'", '"')) == []


def test_a_receiver_that_is_named_where_the_extra_is_missing_is_one_warning() -> None:
    program = (
        "import logging, sys; logging.basicConfig(); "
        "sys.modules['opentelemetry.sdk.resources'] = None; "
        "from todserve.runtime.traces.trace_export import begin_traces; begin_traces('mine')"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert "install the extra todserve[otel]" in ran.stderr
