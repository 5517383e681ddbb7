"""Gateways that are killed without warning lose nothing they acknowledged, and double nothing."""

import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from benchmarks.replicas.insistent_client import InsistentClient, faults_of
from benchmarks.replicas.postgres import Postgres
from tests.support.gateway_process import GatewayProcess
from tests.support.gateway_server import GatewayServer, ModelServer
from todserve.gateway.gateway_settings import GatewaySettings

DIALOGUES = 6
CLIENTS = 12
"""Two clients speak in each dialogue at once, by way of either gateway."""
KILLS = 8
"""Each costs a start; `python -m benchmarks.replicas.faults` kills fifty."""


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with ModelServer(seconds=0.005) as server:
        yield server


@pytest.mark.parametrize("kept_in", ["sqlite", "postgresql"])
def test_kills_under_load_lose_no_acknowledged_turn_and_double_none(
    kept_in: str, model: ModelServer, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    database = f"sqlite:///{tmp_path}/dialogues.sqlite"
    if kept_in == "postgresql":
        database = request.getfixturevalue("postgres").another()
    speak_and_kill(database, model)


def speak_and_kill(database: str, model: ModelServer) -> None:
    """Speak with two gateways on one database while they are killed in turn; check the turns."""
    gateways = [GatewayProcess(database, model.url) for _ in range(2)]
    stop = threading.Event()
    clients: list[InsistentClient] = []
    chance = random.Random(7)
    try:
        for gateway in gateways:
            gateway.start()
        urls = tuple(gateway.url for gateway in gateways)
        ids = [
            requests.post(f"{urls[0]}/v1/dialogues", json={}, timeout=60).json()["dialogue_id"]
            for _ in range(DIALOGUES)
        ]
        clients = [
            InsistentClient(
                number=number, dialogue_id=ids[number % DIALOGUES], urls=urls, stop=stop
            )
            for number in range(CLIENTS)
        ]
        for client in clients:
            client.start()
        for number in range(KILLS):
            time.sleep(chance.uniform(0.0, 0.5))
            gateways[number % 2].kill()
            gateways[number % 2].start()
        stop.set()
        for client in clients:
            client.join(timeout=120)
        assert not any(client.is_alive() for client in clients)
        stored = {
            dialogue_id: requests.get(f"{urls[1]}/v1/dialogues/{dialogue_id}", timeout=60).json()
            for dialogue_id in ids
        }
    finally:
        stop.set()
        for gateway in gateways:
            gateway.kill()
    figures = {
        "acknowledged": sum(len(client.acknowledged) for client in clients),
        "attempts broken by a kill": sum(client.broken for client in clients),
        "stored though the answer was lost": sum(client.replayed for client in clients),
    }
    print(f"{KILLS} kills", figures)
    assert [client.unexpected for client in clients] == [[]] * CLIENTS
    assert figures["attempts broken by a kill"] > 0
    for dialogue_id, dialogue in stored.items():
        turns = dialogue["turns"]
        speaking = [client for client in clients if client.dialogue_id == dialogue_id]
        assert len(turns) > KILLS
        # In order, without a gap; each message once; nothing but what was acknowledged.
        assert set(faults_of(turns, speaking).values()) == {0}
        # Every answer was given with the turn before it in mind.
        assert [turn["answer"]["belief_state"]["train"]["people"]["value"] for turn in turns] == [
            str(place + 1) for place in range(len(turns))
        ]


def test_postgresql_keeps_what_sqlite_keeps(
    model: ModelServer, postgres: Postgres, tmp_path: Path
) -> None:
    told = []
    for database in (postgres.another(), f"sqlite:///{tmp_path}/dialogues.sqlite"):
        settings = GatewaySettings(database=database, model_url=model.url)
        with GatewayServer(settings) as gateway:
            first, second = gateway.begin(user_id="anna"), gateway.begin(user_id="ben")
            for number, text in enumerate(("안녕", "mumble", "zwölf")):
                gateway.say(first, text, f"m{number}")
            again = gateway.say(first, "mumble", "m1")
            path = f"/v1/dialogues/{first}/turns"
            body = {"belief_state": {"train": {"people": "5"}}, "rerun": True}
            corrected = gateway.call("POST", f"{path}/0/correction", body).json()["turns"]
            undone = gateway.call("DELETE", f"{path}/last/correction").status_code
            flagged = gateway.call("GET", "/v1/dialogues?filter=low_confidence").json()
            page = gateway.call("GET", "/v1/dialogues?limit=1").json()
            rest = gateway.call("GET", f"/v1/dialogues?limit=1&before={page['next']}").json()
            hook = {"sender": "kim", "message": "hello"}
            replies = [
                gateway.call("POST", "/webhooks/rest/webhook", hook).json() for _ in range(2)
            ]
            deleted = [
                gateway.call("DELETE", f"/v1/users/{user}").status_code for user in ("anna", "kim")
            ]
            left = gateway.call("GET", "/v1/dialogues").json()["dialogues"]
            assert [one["dialogue_id"] for one in left] == [second]
            assert rest["dialogues"][0]["dialogue_id"] == first
            assert [one["dialogue_id"] for one in flagged["dialogues"]] == [first]
            told.append(
                (
                    again.headers["Idempotent-Replay"],
                    [(turn["user"], turn["answer"]["belief_state"]) for turn in corrected],
                    [(turn["correction"] or {}).get("answer") for turn in corrected],
                    undone,
                    replies,
                    deleted,
                    gateway.call("GET", "/ready").json(),
                )
            )
    assert told[0] == told[1]
