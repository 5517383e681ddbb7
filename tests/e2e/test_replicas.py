"""Two gateways behind a real HAProxy on a real PostgreSQL, seen by a real Prometheus."""

import itertools
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from benchmarks.ports import Ports
from benchmarks.replicas import edge, postgres
from benchmarks.replicas.insistent_client import InsistentClient, faults_of
from benchmarks.replicas.laptop import Laptop, Places
from tests.support.gateway_server import ModelServer
from tests.support.source_tree import ROOT

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(edge.PROGRAM is None, reason="HAProxy is not installed"),
    pytest.mark.skipif(postgres.programs() is None, reason="PostgreSQL is not installed"),
]


@dataclass(frozen=True, kw_only=True)
class Scripted:
    """An endpoint that answers by rule, and tells a load balancer that it has a worker."""

    port: int

    @property
    def check_port(self) -> int:
        return self.port


@pytest.fixture(scope="module")
def models() -> Iterator[tuple[ModelServer, ModelServer]]:
    with ModelServer(seconds=0.005) as one, ModelServer(seconds=0.005) as two:
        yield one, two


@pytest.fixture(scope="module")
def laptop(
    models: tuple[ModelServer, ModelServer], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Laptop]:
    endpoints = [Scripted(port=urlsplit(one.url).port or 0) for one in models]
    folder = tmp_path_factory.mktemp("replicas")
    settings = ["requests_per_minute=0", "lease_seconds=1"]
    with Laptop(
        folder, Places.free(Ports()), endpoints, scrape_seconds=1, settings=settings
    ) as running:
        yield running


@pytest.fixture
def http(laptop: Laptop) -> Iterator[requests.Session]:
    with laptop.session("talk") as session:
        yield session


def begin(laptop: Laptop, http: requests.Session) -> str:
    answer = http.post(f"{laptop.url}/v1/dialogues", json={}, timeout=60)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["dialogue_id"])


def say(laptop: Laptop, http: requests.Session, dialogue_id: str, message_id: str) -> Any:
    body = {"user": "a train to ely", "message_id": message_id}
    url = f"{laptop.url}/v1/dialogues/{dialogue_id}/turns"
    return http.post(url, json=body, timeout=60)


def test_killed_gateways_lose_no_turn_and_no_client_hears_of_it(
    laptop: Laptop, http: requests.Session
) -> None:
    ids = [begin(laptop, http) for _ in range(3)]
    over = threading.Event()
    clients = [
        InsistentClient(
            number=number,
            dialogue_id=ids[number % 3],
            urls=(laptop.url,),
            stop=over,
            headers=laptop.headers("talk"),
            verify=str(laptop.edge.certificate),
        )
        for number in range(6)
    ]
    for client in clients:
        client.start()
    for gateway in laptop.gateways:
        time.sleep(0.5)
        gateway.kill()
        gateway.start()
        laptop.edge.wait_until_up(4)
    over.set()
    for client in clients:
        client.join(timeout=120)
    for dialogue_id in ids:
        turns = http.get(f"{laptop.url}/v1/dialogues/{dialogue_id}", timeout=60).json()["turns"]
        spoke = [client for client in clients if client.dialogue_id == dialogue_id]
        assert len(turns) > 2
        assert set(faults_of(turns, spoke).values()) == {0}
    assert [client.unexpected for client in clients] == [[]] * 6
    assert [client.refused.total() for client in clients] == [0] * 6
    assert [client.broken for client in clients] == [0] * 6


def test_a_drained_gateway_gets_no_further_turn(laptop: Laptop, http: requests.Session) -> None:
    def sent() -> dict[str, int]:
        lines = [line.split(",") for line in laptop.edge.tell("show stat").splitlines()]
        return {line[1]: int(line[7]) for line in lines if line[0] == "gateways" and line[7]}

    dialogue_id = begin(laptop, http)
    laptop.edge.tell("set server gateways/one state drain")
    try:
        before = sent()
        answers = [say(laptop, http, dialogue_id, f"drained-{place}") for place in range(6)]
        after = sent()
    finally:
        laptop.edge.tell("set server gateways/one state ready")
    assert [answer.status_code for answer in answers] == [200] * 6
    assert after["one"] == before["one"]
    assert after["two"] == before["two"] + 6


def test_the_edge_lets_in_tls_alone_tokens_through_and_figures_not_out(
    laptop: Laptop, http: requests.Session
) -> None:
    where = urlsplit(laptop.url)
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        socket.create_connection((str(where.hostname), where.port or 0), timeout=10) as plain,
        pytest.raises(ssl.SSLError),
    ):
        old.wrap_socket(plain)
    refused = http.post(
        f"{laptop.url}/v1/dialogues", json={}, headers={"Authorization": ""}, timeout=60
    )
    assert (refused.status_code, refused.json()["type"]) == (401, "unauthorized")
    with laptop.session("watch") as watching:
        hidden = watching.get(f"{laptop.url}/metrics", timeout=60)
        assert (hidden.status_code, hidden.json()["code"]) == (404, 404)
    named = http.get(f"{laptop.url}/health", headers={"X-Request-ID": "of-mine"}, timeout=60)
    assert named.headers["X-Request-ID"] == "of-mine"
    log = (laptop.secrets.parent / "edge" / "output.log").read_text(encoding="utf-8")
    assert "of-mine" in log
    assert "/v1/dialogues" not in log


def test_prometheus_sees_both_gateways_and_knows_every_word_of_the_dashboard(
    laptop: Laptop, http: requests.Session
) -> None:
    prometheus = laptop.prometheus
    if prometheus is None:
        pytest.skip("Prometheus is not installed")
    dialogue_id = begin(laptop, http)
    board = json.loads((ROOT / "deploy/monitoring/dashboard.json").read_text(encoding="utf-8"))
    expressions = [
        one["expr"].replace("$__rate_interval", "1m")
        for panel in board["panels"]
        for one in panel["targets"]
    ]
    # TorchServe does not run here, nobody was refused, nothing is released, and so few turns have
    # no drift.
    never: tuple[str, ...] = (
        "tod_batch",
        "tod_turns",
        "tod_failed",
        "_refusals",
        "_marks",
        "_shadow",
        "_fallbacks",
    )
    never += ("tod_read_tokens", "tod_written_tokens", "_drift")
    asked = [one for one in expressions if not any(word in one for word in never)]
    assert len(asked) > 12
    missing = asked
    deadline = time.monotonic() + 30
    for number in itertools.count():
        say(laptop, http, dialogue_id, f"seen-{number}")
        missing = [one for one in asked if not prometheus.found(one)]
        if not missing or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    assert missing == []
    for one in expressions:
        prometheus.found(one)
    up = {one["metric"]["job"]: one["value"][1] for one in prometheus.found("up")}
    assert up == {"todserve-gateway": "1", "todserve-edge": "1", "prometheus": "1"}
    rules = prometheus.get("/api/v1/rules")["groups"][0]["rules"]
    assert {one["health"] for one in rules} == {"ok"}


def test_without_a_model_dialogues_are_read_and_the_gateways_own_refusal_arrives(
    models: tuple[ModelServer, ModelServer], laptop: Laptop, http: requests.Session
) -> None:
    dialogue_id = begin(laptop, http)
    for model in models:
        model.away = True
    try:
        deadline = time.monotonic() + 60
        while "gateways,BACKEND" in (shown := laptop.edge.tell("show stat")):
            (line,) = (one for one in shown.splitlines() if one.startswith("gateways,BACKEND"))
            if "DOWN" in line or time.monotonic() > deadline:
                break
            time.sleep(0.1)
        refused = say(laptop, http, dialogue_id, "nobody")
        read = http.get(f"{laptop.url}/v1/dialogues/{dialogue_id}", timeout=60)
        unready = http.get(f"{laptop.url}/ready", timeout=60)
    finally:
        for model in models:
            model.away = False
        laptop.edge.wait_until_up(4)
    assert (refused.status_code, refused.json()["type"]) == (503, "model_unavailable")
    assert refused.headers["Retry-After"] == "5"
    assert (read.status_code, read.json()["turns"]) == (200, [])
    assert (unready.status_code, unready.json()["model"]) == (503, False)
    assert say(laptop, http, dialogue_id, "nobody").status_code == 200
