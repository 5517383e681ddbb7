"""Overload: what cannot be answered is refused so that clients and balancers know why."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import socketio
from prometheus_client.parser import text_string_to_metric_families

from tests.support.gateway_server import GatewayServer, ModelServer, counting
from todserve.gateway.api.roles import ASK_THE_MODEL, NEEDED, asks_the_model
from todserve.gateway.gateway_settings import GatewaySettings
from todserve.studio.studio_page import mount_studio


class HeldModel:
    """A model that answers when it is told to."""

    def __init__(self) -> None:
        self.asked = threading.Semaphore(0)
        self.may_answer = threading.Event()

    def __call__(self, request: dict[str, Any]) -> dict[str, Any]:
        self.asked.release()
        self.may_answer.wait(60)
        return counting(request)


@contextmanager
def crowded(folder: Path, **changes: Any) -> Iterator[tuple[GatewayServer, HeldModel]]:
    held = HeldModel()
    with ModelServer(held) as model:
        settings = GatewaySettings(
            database=f"sqlite:///{folder}/dialogues.sqlite",
            model_url=model.url,
            model_retries=0,
            turns_at_once=1,
            **changes,
        )
        with GatewayServer(settings) as gateway:
            try:
                yield gateway, held
            finally:
                held.may_answer.set()


def samples(gateway: GatewayServer) -> dict[str, float]:
    text = gateway.call("GET", "/metrics").text
    return {
        f"{one.name}{sorted(one.labels.values())}" if one.labels else one.name: one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def test_every_route_that_takes_something_is_judged_whether_it_asks_the_model() -> None:
    ask_nothing = {
        ("POST", path) for path in ("/v1/dialogues", "/v1/examples", "/v1/releases/rollback")
    }
    assert {one for one in NEEDED if one[0] == "POST"} == ASK_THE_MODEL | ask_nothing
    assert not ASK_THE_MODEL & ask_nothing


@pytest.mark.parametrize(
    ("method", "path", "asks"),
    [
        ("POST", "/v1/dialogues/4f2a/turns", True),
        ("POST", "/v1/dialogues/4f2a/turns/3/correction", True),
        ("POST", "/v2/models/tod/versions/1.0/infer", True),
        ("POST", "/v1/models/tod:predict", True),
        ("GET", "/v1/dialogues/4f2a/turns", False),
        ("POST", "/v1/dialogues", False),
        ("POST", "/v1/dialogues/4f2a/turns/3/correction/more", False),
    ],
)
def test_a_request_that_asks_the_model_is_known_by_its_route(
    method: str, path: str, asks: bool
) -> None:
    assert asks_the_model(method, path) is asks


def test_a_message_without_a_place_gets_503_and_when_to_come_back_and_is_taken_then(
    tmp_path: Path,
) -> None:
    with crowded(tmp_path, turns_waiting=0) as (gateway, held), ThreadPoolExecutor(1) as pool:
        first, second = gateway.begin(), gateway.begin()
        answered = pool.submit(gateway.say, first, "a train", "m1")
        assert held.asked.acquire(timeout=60)
        refused = gateway.say(second, "a taxi", "m1")
        assert refused.status_code == 503
        assert refused.json()["type"] == "overloaded"
        assert int(refused.headers["Retry-After"]) >= 1
        held.may_answer.set()
        assert answered.result().status_code == 200
        assert gateway.say(second, "a taxi", "m1").json()["reply"] == "0 before: a taxi"
        assert [len(gateway.turns(one)) for one in (first, second)] == [1, 1]


def test_a_web_chat_without_a_place_is_told_when_to_come_back(tmp_path: Path) -> None:
    refused: list[dict[str, Any]] = []
    told = threading.Event()
    with crowded(tmp_path, turns_waiting=0) as (gateway, held), ThreadPoolExecutor(1) as pool:
        first = gateway.begin()
        answered = pool.submit(gateway.say, first, "a train", "m1")
        assert held.asked.acquire(timeout=60)
        chat = socketio.Client(reconnection=False)

        def hear(why: dict[str, Any]) -> None:
            refused.append(why)
            told.set()

        chat.on("message_refused", hear)
        chat.connect(gateway.url, transports=["polling"], wait_timeout=30)
        chat.emit("user_uttered", {"message": "a taxi"})
        assert told.wait(30)
        chat.eio.disconnect(abort=True)
        held.may_answer.set()
        assert answered.result().status_code == 200
    assert (refused[0]["code"], refused[0]["type"]) == (503, "overloaded")
    assert refused[0]["retry_after"] >= 1


def test_a_message_that_waited_for_too_long_is_refused_and_never_reaches_the_model(
    tmp_path: Path,
) -> None:
    with (
        crowded(tmp_path, turn_patience=0.01) as (gateway, held),
        ThreadPoolExecutor(1) as pool,
    ):
        first, second = gateway.begin(), gateway.begin()
        answered = pool.submit(gateway.say, first, "a train", "m1")
        assert held.asked.acquire(timeout=60)
        assert gateway.say(second, "a taxi", "m1").status_code == 503
        held.may_answer.set()
        assert answered.result().status_code == 200
        assert not held.asked.acquire(blocking=False)


def test_reading_goes_on_while_the_model_has_all_that_it_can_do(tmp_path: Path) -> None:
    with crowded(tmp_path, turns_waiting=0) as (gateway, held), ThreadPoolExecutor(1) as pool:
        dialogue = gateway.begin()
        answered = pool.submit(gateway.say, dialogue, "a train", "m1")
        assert held.asked.acquire(timeout=60)
        assert gateway.turns(dialogue) == []
        assert gateway.call("GET", "/health").status_code == 200
        held.may_answer.set()
        assert answered.result().status_code == 200


def test_the_metrics_count_what_happened(tmp_path: Path) -> None:
    with crowded(tmp_path, turns_waiting=0) as (gateway, held), ThreadPoolExecutor(1) as pool:
        dialogue = gateway.begin()
        answered = pool.submit(gateway.say, dialogue, "a train", "m1")
        assert held.asked.acquire(timeout=60)
        assert samples(gateway)["tod_gateway_under_way"] == 1
        gateway.say(dialogue, "a taxi", "m2")
        held.may_answer.set()
        assert answered.result().status_code == 200
        mount_studio(gateway.app)
        assert gateway.call("GET", "/studio/scripts/app.js").status_code == 200
        assert gateway.call("GET", "/studio/none.js").status_code == 404
        seen = samples(gateway)
    turns = "/v1/dialogues/{dialogue_id}/turns"
    assert seen["tod_gateway_dialogues_total"] == 1
    assert seen[f"tod_gateway_requests_total{sorted(['POST', turns, '200'])}"] == 1
    assert seen[f"tod_gateway_requests_total{sorted(['POST', '(no route)', '503'])}"] == 1
    files = "/studio/{file}"
    assert seen[f"tod_gateway_requests_total{sorted(['GET', files, '200'])}"] == 1
    assert seen[f"tod_gateway_requests_total{sorted(['GET', files, '404'])}"] == 1
    assert seen["tod_gateway_refusals_total['full']"] == 1
    assert seen["tod_gateway_model_seconds_count['answered']"] == 1
    assert seen["tod_gateway_wait_seconds_count"] == 1
    assert (seen["tod_gateway_waiting"], seen["tod_gateway_under_way"]) == (0, 0)


def test_the_metrics_hold_nothing_that_a_client_chose(tmp_path: Path) -> None:
    with crowded(tmp_path) as (gateway, held):
        held.may_answer.set()
        dialogue = gateway.begin(user_id="annabel")
        gateway.say(dialogue, "zucchini please", "message-77")
        gateway.call("GET", "/rhubarb")
        gateway.call("BREW", f"/v1/dialogues/{dialogue}")
        text = gateway.call("GET", "/metrics").text
    assert "tod_gateway_requests_total" in text
    for chosen in ("annabel", "zucchini", "message-77", "rhubarb", "BREW", dialogue):
        assert chosen not in text


@pytest.mark.parametrize(("token", "status"), [("eye", 200), ("mouth", 200), ("wrong", 401)])
def test_whoever_may_watch_reads_the_metrics_and_nothing_else(
    tmp_path: Path, token: str, status: int
) -> None:
    tokens = ({"role": "watch", "secret": "eye"}, {"role": "talk", "secret": "mouth"})
    with crowded(tmp_path, tokens=tokens) as (gateway, _):
        bearer = f"Bearer {token}"
        assert gateway.call("GET", "/metrics", Authorization=bearer).status_code == status
        if token == "eye":
            refused = gateway.call("GET", "/v1/dialogues", Authorization=bearer)
            assert refused.status_code == 403


def test_without_tokens_the_metrics_are_shown_to_this_machine_alone(tmp_path: Path) -> None:
    with crowded(tmp_path) as (gateway, _):
        assert gateway.call("GET", "/metrics", Host="gateway.example").status_code == 421
