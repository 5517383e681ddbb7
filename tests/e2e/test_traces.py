"""One trace from a program through gateway and worker, sent to a real OTLP receiver."""

from collections.abc import Iterator

import pytest
import requests
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.support.gateway_process import GatewayProcess
from tests.support.recorded_spans import SpanReceiver, recorded_spans
from tests.support.served_endpoint import MakeSettings
from todserve.serving.client.client import Client
from todserve.serving.server.torchserve_server import RunningServer, start

pytestmark = pytest.mark.e2e
SAID = "a cheap restaurant in the centre for aunt agatha"
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GATEWAY, WORKER = "todserve gateway", "todserve tod"
STAGES = ["prepare", "replay", "understand", "look_up", "reply", "choose", "phrase"]


@pytest.fixture
def receiver() -> Iterator[SpanReceiver]:
    with SpanReceiver() as server, pytest.MonkeyPatch.context() as environment:
        environment.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.url)
        environment.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        yield server


@pytest.fixture
def traced(receiver: SpanReceiver, make_settings: MakeSettings) -> Iterator[RunningServer]:
    with start(make_settings()) as running:
        yield running


def test_a_turn_is_one_trace_through_gateway_and_worker(
    traced: RunningServer, receiver: SpanReceiver, tmp_path: object
) -> None:
    gateway = GatewayProcess(f"sqlite:///{tmp_path}/d.sqlite", traced.inference_url)
    gateway.start()
    try:
        with requests.Session() as http:
            http.trust_env = False
            begun = http.post(f"{gateway.url}/v1/dialogues", json={}, timeout=60).json()
            said = http.post(
                f"{gateway.url}/v1/dialogues/{begun['dialogue_id']}/turns",
                json={"user": SAID, "message_id": "1"},
                headers={"traceparent": f"00-{TRACE}-{PARENT}-01"},
                timeout=60,
            )
        assert said.status_code == 200, said.text
        found = receiver.spans(TRACE, least=16)
    finally:
        gateway.kill()
    turn = found[f"{GATEWAY}: POST /v1/dialogues/{{dialogue_id}}/turns"]
    asking, answered = found[f"{GATEWAY}: ask the model"], found[f"{WORKER}: turn"]
    assert turn.parent_span_id.hex() == PARENT
    assert asking.parent_span_id == turn.span_id
    assert answered.parent_span_id == asking.span_id
    stages = [found[f"{WORKER}: {name}"] for name in STAGES if f"{WORKER}: {name}" in found]
    assert [one.name for one in stages] == STAGES
    assert all(one.parent_span_id == answered.span_id for one in stages)
    ends = [one.end_time_unix_nano for one in stages]
    assert ends == sorted(ends)
    assert not any("agatha" in str(one) for one in found.values())
    _ask_directly(traced, receiver)


def _ask_directly(traced: RunningServer, receiver: SpanReceiver) -> None:
    """A program that traces and asks the endpoint itself: its own span is the worker's parent."""
    with recorded_spans() as kept, Client(traced.inference_url) as client:
        client.turn(SAID)
    (asked,) = kept.get_finished_spans()
    found = receiver.spans(f"{asked.context.trace_id:032x}", least=8)
    worker: Span = found[f"{WORKER}: turn"]
    assert worker.parent_span_id.hex() == f"{asked.context.span_id:016x}"
