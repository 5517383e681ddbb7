"""The soak counts every turn that is due, by minute, and finds what the store does not have."""

from pathlib import Path

import psutil

from benchmarks.soak import Due, Steady, capacity_of, steady, stored_in, summed
from tests.support.gateway_server import GatewayServer, ModelServer
from todserve.gateway.gateway_settings import GatewaySettings

SCRIPTS = [("a train to ely", "on friday"), ("a cheap hotel",)]


def test_every_turn_that_is_due_is_asked_and_found_again(tmp_path: Path) -> None:
    database = tmp_path / "dialogues.sqlite"
    with ModelServer() as model:
        settings = GatewaySettings(
            database=f"sqlite:///{database}", model_url=model.url, requests_per_minute=0
        )
        with GatewayServer(settings) as gateway:
            port = int(gateway.url.rpartition(":")[2])
            assert capacity_of(port, SCRIPTS, clients=2, seconds=0.2) > 0
            found = steady(
                port,
                SCRIPTS,
                rate=20.0,
                minutes=2,
                minute=0.5,
                watched=lambda: iter([("tests", psutil.Process())]),
            )
            figures = summed(found, stored_in(database))
    assert (figures["due"], figures["answered"], figures["lost"]) == (20, 20, 0)
    assert [one["answered"] for one in figures["minutes"]] == [10, 10]
    assert figures["minutes"][0]["memory_mb"]["tests"] > 1


def test_an_acknowledged_turn_that_is_not_stored_is_lost_and_a_refused_one_is_not() -> None:
    found = Steady(
        turns=[
            Due(minute=0, milliseconds=10.0),
            Due(minute=0, milliseconds=30.0),
            Due(minute=1, milliseconds=1.0, error="PeerError: 503"),
        ],
        memory={0: {"gateway": 100_000_000}, 1: {"gateway": 103_500_000}},
        acknowledged=[("a", "0"), ("a", "1")],
    )
    figures = summed(found, {("a", "0"), ("b", "0")})
    assert (figures["due"], figures["answered"], figures["lost"]) == (3, 2, 1)
    assert figures["p50_ms"] == 20.0
    assert figures["minutes"][1]["errors"] == {"PeerError: 503": 1}
    assert figures["minutes"][1]["p50_ms"] is None
    assert figures["minutes"][1]["memory_mb"] == {"gateway": 103.5}
