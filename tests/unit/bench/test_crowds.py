"""Figures of a crowd: what was answered in its time, what it waited for, and what it costs."""

import argparse
import importlib.util
from pathlib import Path

import pytest

from benchmarks.overload import Seen, Side, figures_of, loaded
from tests.support.gateway_server import GatewayServer, ModelServer
from todserve.gateway.gateway_settings import GatewaySettings


def seen(at: float, status: int = 200, *, seconds: float = 0.1, since: float = 0.1) -> Seen:
    return Seen(at=at, seconds=seconds, status=status, since=since)


def test_what_came_before_or_after_does_not_count_and_a_refusal_is_no_answer() -> None:
    found = figures_of(
        [
            seen(9.9, seconds=5.0),
            seen(10.0),
            seen(11.0, 503, seconds=0.01),
            seen(12.0, seconds=0.3, since=2.3),
            seen(13.0, 0),
            seen(20.0),
        ],
        10.0,
        20.0,
    )
    assert found["answered_a_second"] == 0.2
    assert found["statuses"] == {"0": 1, "200": 2, "503": 1}
    assert (found["p50_ms"], found["p50_with_refusals_ms"]) == (200.0, 1200.0)


def test_where_nothing_was_answered_there_is_no_time() -> None:
    found = figures_of([seen(1.0, 503)], 0.0, 10.0)
    assert (found["answered_a_second"], found["p50_ms"], found["p99_ms"]) == (0.0, None, None)


@pytest.mark.skipif(importlib.util.find_spec("locust") is None, reason="locust is not installed")
def test_sessions_that_think_are_held_and_cost_what_the_gateway_needs(tmp_path: Path) -> None:
    options = argparse.Namespace(think=0.5, seconds=4, rude=False)
    with ModelServer() as model:
        settings = GatewaySettings(
            database=f"sqlite:///{tmp_path}/dialogues.sqlite",
            model_url=model.url,
            requests_per_minute=0,
        )
        with GatewayServer(settings) as gateway:
            side = Side(port=int(gateway.url.rpartition(":")[2]))
            found = loaded(options, side, 20, tmp_path, first=3.0)
            begun = gateway.call("GET", "/v1/dialogues?limit=100").json()["dialogues"]
    assert len(begun) == 20
    assert {*found["statuses"]} == {"200"}
    assert found["answered_a_second"] > 0
    assert found["memory_mb"] > 1
    assert found["cpu_ms_a_turn"] > 0
