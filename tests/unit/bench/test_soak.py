"""The soak counts every turn that is due, by minute, and finds what the store does not have."""

import json
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from benchmarks.soak import Due, Steady, capacity_of, main, steady, stored_in, summed, verdict_of
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
            told: list[dict[str, Any]] = []
            found = steady(
                port,
                SCRIPTS,
                rate=20.0,
                minutes=2,
                minute=0.5,
                watched=lambda: iter([("tests", psutil.Process())]),
                passed=lambda so_far: told.append(summed(so_far)),
            )
            figures = summed(found, stored_in(database))
    assert (figures["due"], figures["answered"], figures["lost"]) == (20, 20, 0)
    assert [one["answered"] for one in figures["minutes"]] == [10, 10]
    assert told[0]["lost"] is None
    assert told[0]["minutes"][0]["answered"] > 0
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


def soaked(*sizes: float, lost: int | None = 0, answered: int = 1000) -> dict[str, Any]:
    """Return the figures of a soak whose gateway had these sizes, minute by minute."""
    minutes = [
        {"minute": place + 1, "p99_ms": 200.0 + place, "memory_mb": {"gateway": size}}
        for place, size in enumerate(sizes)
    ]
    return {"due": 1000, "answered": answered, "lost": lost, "minutes": minutes}


def test_memory_that_fills_a_cache_first_and_wavers_is_flat() -> None:
    verdict = verdict_of(soaked(90, 120, *[150.0, 151.0] * 6))
    assert (verdict["held"], verdict["growing"]) == (True, [])
    assert verdict["p99_ms_of_the_worst_minute"] == 213.0


def test_memory_that_grows_minute_by_minute_is_named_with_its_slope() -> None:
    verdict = verdict_of(soaked(*[150.0 + place for place in range(12)]))
    assert (verdict["held"], verdict["growing"]) == (False, ["gateway"])
    assert verdict["mb_an_hour"] == {"gateway": 60.0}


@pytest.mark.parametrize("changes", [{"lost": 1}, {"lost": None}, {"answered": 900}])
def test_a_soak_does_not_hold_where_a_turn_is_lost_many_are_refused_or_it_was_broken_off(
    changes: dict[str, Any],
) -> None:
    assert not verdict_of(soaked(*[150.0] * 12, **changes))["held"]


def test_what_was_written_so_far_is_judged_without_a_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "soak.json"
    path.write_text(json.dumps(soaked(*[150.0] * 5, lost=None)))
    monkeypatch.setattr(sys, "argv", ["soak", "--read", str(path)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    verdict = json.loads(capsys.readouterr().out)["verdict"]
    assert (verdict["minutes"], verdict["finished"]) == (5, False)
    assert verdict["mb_an_hour"] == {"gateway": 0.0}
