"""What answers hold is counted at /metrics: stages, confidences, refusals, rules and drift."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.gateway_server import DESCRIPTION, GatewayServer, ModelServer, counting
from todserve.gateway import answer_metrics
from todserve.gateway.gateway_settings import GatewaySettings

SHARES = {"intent_shares": {"find_train": 1.0}, "slot_shares": {"train-people": 1.0}}


def answering(request: dict[str, Any]) -> dict[str, Any]:
    answer, said = counting(request), request["user"]
    answer["timing_ms"] = {"understand": 8.0, "total": 12.0}
    if "odd" in said:
        answer["intent"] = {"name": "refund", "confidence": 0.4}
        answer["refused"] = [{"domain": "train", "slot": "day", "value": "x", "reason": "not said"}]
        answer["response"] |= {"rules": ["wrong count"], "source": "plain"}
    return answer


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with ModelServer(answering) as server:
        server.description = DESCRIPTION | SHARES
        yield server


@pytest.fixture
def gateway(model: ModelServer, tmp_path: Path) -> Iterator[GatewayServer]:
    settings = GatewaySettings(
        database=f"sqlite:///{tmp_path}/d.sqlite", model_url=model.url, requests_per_minute=0
    )
    with GatewayServer(settings) as server:
        yield server


def figures(gateway: GatewayServer) -> dict[str, float]:
    lines = gateway.call("GET", "/metrics").text.splitlines()
    told = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name: float(value) for name, _, value in told}


def test_stages_confidences_refusals_and_rules_are_counted(gateway: GatewayServer) -> None:
    dialogue_id = gateway.begin()
    for number, said in enumerate(("a train", "an odd train")):
        assert gateway.say(dialogue_id, said, str(number)).status_code == 200
    found = figures(gateway)
    assert found['tod_gateway_stage_seconds_count{stage="understand"}'] == 2
    assert found['tod_gateway_stage_seconds_sum{stage="understand"}'] == pytest.approx(0.016)
    assert found['tod_gateway_stage_seconds_count{stage="gateway_model"}'] == 2
    assert found['tod_gateway_confidence_bucket{le="0.5",of="intent"}'] == 1
    assert found['tod_gateway_confidence_count{of="value"}'] == 2
    assert found['tod_gateway_refused_values_total{reason="not said"}'] == 1
    assert found['tod_gateway_reply_rules_total{rule="wrong count"}'] == 1
    assert "odd" not in str(found)


def test_drift_is_told_once_there_is_enough_and_grows_with_what_is_new(
    gateway: GatewayServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer_metrics, "_LEAST", 4)
    dialogue_id = gateway.begin()
    intents, slots = (f'tod_gateway_drift{{of="{of}"}}' for of in ("intents", "slots"))
    for number in range(3):
        gateway.say(dialogue_id, "a train", str(number))
    assert intents not in figures(gateway)
    gateway.say(dialogue_id, "a train", "3")
    usual = figures(gateway)
    assert usual[intents] < 0.01
    assert usual[slots] < 0.01
    for number in range(4, 8):
        gateway.say(dialogue_id, "an odd train", str(number))
    assert figures(gateway)[intents] > 0.3


def test_a_model_that_tells_no_shares_has_no_drift(
    gateway: GatewayServer, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer_metrics, "_LEAST", 1)
    model.description = DESCRIPTION
    gateway.say(gateway.begin(), "a train", "1")
    assert not any(name.startswith("tod_gateway_drift{") for name in figures(gateway))
