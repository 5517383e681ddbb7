"""A message answered in parts: understood first, then the reply, then the turn; stored once."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.gateway_server import GatewayServer, ModelServer
from todserve.gateway.conversations.model_clients import Told
from todserve.gateway.gateway_settings import GatewaySettings
from todserve.gateway.store.records import TurnRecord
from todserve.gateway.turn_stream import TurnStreams

Event = tuple[str, dict[str, Any]]


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with ModelServer() as server:
        server.between = lambda: None
        yield server


@pytest.fixture
def gateway(model: ModelServer, tmp_path: Path) -> Iterator[GatewayServer]:
    settings = GatewaySettings(
        database=f"sqlite:///{tmp_path}/d.sqlite", model_url=model.url, model_retries=0
    )
    with GatewayServer(settings) as server:
        yield server


def opened(gateway: GatewayServer, dialogue_id: str, user: str, message_id: str) -> Any:
    return gateway.http.post(
        f"{gateway.url}/v1/dialogues/{dialogue_id}/turns",
        json={"user": user, "message_id": message_id},
        headers={"Accept": "text/event-stream"},
        stream=True,
        timeout=60,
    )


def events(answer: requests.Response) -> Iterator[Event]:
    assert answer.headers["content-type"].startswith("text/event-stream"), answer.text
    name = ""
    for line in answer.iter_lines(decode_unicode=True):
        field, _, text = line.partition(": ")
        if field == "event":
            name = text
        elif field == "data":
            yield name, json.loads(text)


def test_what_was_understood_is_told_before_the_reply_is_written(
    gateway: GatewayServer, model: ModelServer
) -> None:
    written = threading.Event()
    model.between = lambda: written.wait(60)
    dialogue_id = gateway.begin()
    told = events(opened(gateway, dialogue_id, "a train", "1"))
    name, first = next(told)
    assert name == "understood"
    assert first["answer"]["intent"]["name"] == "find_train"
    assert first["answer"]["belief_state"]["train"]["people"]["value"] == "1"
    assert first["answer"]["database"]["matches"] == 1
    assert first["answer"]["response"] is None
    assert gateway.turns(dialogue_id) == []
    written.set()
    rest = [*told]
    pieces = [content["text"] for name, content in rest[:-1] if name == "piece"]
    assert len(pieces) == len(rest) - 1 == 4
    name, turn = rest[-1]
    assert (name, "".join(pieces)) == ("turn", turn["reply"])
    assert [turn] == gateway.turns(dialogue_id)
    assert len(model.requests) == 1


def test_a_stream_ends_with_the_turn_that_a_plain_call_gives(gateway: GatewayServer) -> None:
    dialogue_id = gateway.begin()
    *_, (_, turn) = events(opened(gateway, dialogue_id, "a train", "1"))
    plain = gateway.say(dialogue_id, "a train", "1")
    assert plain.headers["Idempotent-Replay"] == "true"
    assert plain.json() == turn
    again = opened(gateway, dialogue_id, "a train", "1")
    assert again.headers["Idempotent-Replay"] == "true"
    names = [name for name, _ in events(again)]
    assert (names[0], names[-1]) == ("understood", "turn")
    assert len(gateway.turns(dialogue_id)) == 1


def test_a_client_that_leaves_early_does_no_harm_and_the_turn_is_stored_once(
    gateway: GatewayServer, model: ModelServer
) -> None:
    written = threading.Event()
    model.between = lambda: written.wait(60)
    dialogue_id = gateway.begin()
    left = opened(gateway, dialogue_id, "a train", "1")
    assert next(events(left))[0] == "understood"
    left.close()
    # It keeps its place: the model is still at it.
    shown = "tod_gateway_under_way 1.0"
    assert all(shown in gateway.call("GET", "/metrics").text for _ in range(5))
    written.set()
    model.between = lambda: None
    while not gateway.turns(dialogue_id) or shown in gateway.call("GET", "/metrics").text:
        time.sleep(0.01)
    *_, (name, turn) = events(opened(gateway, dialogue_id, "a train", "1"))
    assert (name, turn["message_id"]) == ("turn", "1")
    *_, (name, turn) = events(opened(gateway, dialogue_id, "friday", "2"))
    assert (name, turn["index"]) == ("turn", 1)
    assert len(model.requests) == 2


def test_a_turn_that_fails_after_it_was_understood_is_an_error_and_not_stored(
    gateway: GatewayServer, model: ModelServer
) -> None:
    model.second_line = b'{"code": 507, "type": "x", "message": "out of memory"}'
    dialogue_id = gateway.begin()
    (name, _), (failed, fault) = events(opened(gateway, dialogue_id, "a train", "1"))
    assert (name, failed) == ("understood", "error")
    assert (fault["code"], fault["type"]) == (503, "model_unavailable")
    assert fault["retry_after"] > 0
    assert gateway.turns(dialogue_id) == []
    model.second_line = b'{"intent": '
    *_, (failed, _) = events(opened(gateway, dialogue_id, "a train", "1"))
    assert failed == "error"
    model.second_line = None
    *_, (name, _) = events(opened(gateway, dialogue_id, "a train", "1"))
    assert name == "turn"


def test_what_is_refused_at_once_is_refused_as_without_a_stream(
    gateway: GatewayServer, model: ModelServer
) -> None:
    missing = opened(gateway, "0", "a train", "1")
    assert (missing.status_code, missing.json()["type"]) == (404, "not_found")
    model.away = True
    away = opened(gateway, gateway.begin(), "a train", "1")
    assert (away.status_code, away.json()["type"]) == (503, "model_unavailable")
    assert away.headers["Retry-After"]


def test_an_endpoint_that_answers_in_one_piece_is_told_in_parts_all_the_same(
    gateway: GatewayServer, model: ModelServer
) -> None:
    model.between = None
    names = [name for name, _ in events(opened(gateway, gateway.begin(), "a train", "1"))]
    assert names == ["understood", *["piece"] * 4, "turn"]


def test_a_stream_that_waits_says_that_it_is_still_there() -> None:
    answer = {"model": {"name": "tod", "version": "1", "checkpoint": "c"}}
    turn = TurnRecord(
        index=0, user="a train", message_id="1", answer=answer, timing_ms={}, created_at=0
    )
    written = threading.Event()

    def answering(told: Told) -> tuple[TurnRecord, bool]:
        told(answer)
        written.wait(60)
        return turn, False

    async def listened() -> list[bytes]:
        streams = TurnStreams(threads=1, shown=lambda one: {"index": one.index}, heartbeat=0.01)
        stream = await streams.open(answering, request_id="1")
        found = []
        async for one in stream.events():
            found.append(one)
            if len(found) > 2:
                written.set()
        streams.close()
        return found

    found = asyncio.run(listened())
    assert found[0].startswith(b"event: understood\n")
    assert set(found[1:-1]) == {b": still there\n\n"}
    assert found[-1] == b'event: turn\ndata: {"index": 0}\n\n'
