"""The gateway's API: what is said is remembered, and what cannot be said is refused clearly."""

import json
import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from pydantic import ValidationError

from tests.support.gateway_server import GatewayServer, ModelServer
from todserve.gateway.conversations import model_clients as model_module
from todserve.gateway.gateway_settings import GatewaySettings
from todserve.runtime.errors import ConfigError


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


def settings(model: ModelServer, folder: Path, **changes: Any) -> GatewaySettings:
    return GatewaySettings(
        **{
            "database": f"sqlite:///{folder}/dialogues.sqlite",
            "model_url": model.url,
            "model_retries": 0,
            **changes,
        }
    )


@pytest.fixture
def gateway(model: ModelServer, tmp_path: Path) -> Iterator[GatewayServer]:
    with GatewayServer(settings(model, tmp_path)) as server:
        yield server


def test_a_dialogue_remembers_what_was_said_and_understood(
    gateway: GatewayServer, model: ModelServer
) -> None:
    dialogue_id = gateway.begin(user_id="anna")
    first = gateway.say(dialogue_id, "a train please", "m1")
    second = gateway.say(dialogue_id, "on friday", "m2")
    assert (first.status_code, second.status_code) == (200, 200)
    assert second.json()["reply"] == "1 before: on friday"
    assert model.requests[1] == {
        "user": "on friday",
        "history": [{"user": "a train please", "system": "0 before: a train please"}],
        "state": {"train": {"people": {"value": "1", "confidence": 0.8}}},
        "domain": "train",
    }
    read = gateway.call("GET", f"/v1/dialogues/{dialogue_id}").json()
    assert read["user_id"] == "anna"
    assert read["turns"] == [first.json(), second.json()]
    assert [turn["index"] for turn in read["turns"]] == [0, 1]
    assert read["turns"][1]["model"] == {"name": "tod", "version": "1.0", "checkpoint": "abc"}
    assert read["turns"][1]["answer"]["belief_state"]["train"]["people"]["value"] == "2"


def test_a_message_sent_again_gives_the_stored_turn(
    gateway: GatewayServer, model: ModelServer
) -> None:
    dialogue_id = gateway.begin()
    first = gateway.say(dialogue_id, "hello", "m1")
    again = gateway.say(dialogue_id, "hello", "m1")
    other = gateway.say(dialogue_id, "goodbye", "m1")
    assert again.json() == first.json()
    assert "Idempotent-Replay" not in first.headers
    assert again.headers["Idempotent-Replay"] == "true"
    assert (other.status_code, other.json()["type"]) == (409, "conflict")
    assert len(model.requests) == 1


def test_a_message_that_the_model_did_not_answer_is_not_stored_and_can_be_repeated(
    gateway: GatewayServer, model: ModelServer
) -> None:
    dialogue_id = gateway.begin()
    model.away = True
    refused = gateway.say(dialogue_id, "hello", "m1")
    assert (refused.status_code, refused.json()["type"]) == (503, "model_unavailable")
    assert refused.headers["Retry-After"] == "5"
    assert gateway.turns(dialogue_id) == []
    model.away = False
    assert gateway.say(dialogue_id, "hello", "m1").status_code == 200
    assert len(gateway.turns(dialogue_id)) == 1


def test_dialogues_outlive_the_gateway(model: ModelServer, tmp_path: Path) -> None:
    with GatewayServer(settings(model, tmp_path)) as gateway:
        dialogue_id = gateway.begin()
        turn = gateway.say(dialogue_id, "hello", "m1").json()
    with GatewayServer(settings(model, tmp_path)) as gateway:
        assert gateway.turns(dialogue_id) == [turn]
        assert gateway.say(dialogue_id, "again", "m2").json()["reply"] == "1 before: again"


def test_a_dialogue_can_be_held_with_one_version_of_a_model(
    gateway: GatewayServer, model: ModelServer
) -> None:
    gateway.say(gateway.begin(model="tod/2.0"), "hello", "m1")
    assert model.paths == ["/predictions/tod/2.0"]


def test_a_correction_stands_beside_the_answer_and_the_next_turn_builds_on_it(
    gateway: GatewayServer, model: ModelServer
) -> None:
    dialogue_id = gateway.begin()
    said = gateway.say(dialogue_id, "a train", "m1").json()
    answer = gateway.call(
        "POST",
        f"/v1/dialogues/{dialogue_id}/turns/0/correction",
        {
            "belief_state": {"train": {"people": "6"}},
            "response": "[value_id] it is, then.",
            "verdict": "wrong",
        },
    )
    turn = answer.json()["turns"][0]
    assert turn["answer"] == said["answer"]
    assert turn["reply"] == said["reply"]
    correction = turn["correction"]
    assert correction.pop("created_at").endswith("Z")
    assert correction == {
        "intent": None,
        "belief_state": {"train": {"people": "6"}},
        "dialogue_act": None,
        "response": "[value_id] it is, then.",
        "verdict": "wrong",
        "answer": None,
        "reply": None,
        "author": None,
        "verdicts": {"": "wrong"},
        "disputed": False,
    }
    after = gateway.say(dialogue_id, "next", "m2").json()
    assert after["answer"]["belief_state"]["train"]["people"]["value"] == "7"
    assert model.requests[-1]["history"] == [
        {"user": "a train", "system": "[value_id] it is, then."}
    ]


def test_running_again_asks_the_model_for_the_later_turns_and_undo_takes_all_of_it_back(
    gateway: GatewayServer,
) -> None:
    dialogue_id = gateway.begin()
    for number in range(3):
        gateway.say(dialogue_id, f"turn {number}", f"m{number}")
    before = gateway.turns(dialogue_id)
    path = f"/v1/dialogues/{dialogue_id}/turns"
    kept = gateway.call("POST", f"{path}/0/correction", {"verdict": "right"}).json()["turns"]
    answer = gateway.call(
        "POST",
        f"{path}/0/correction",
        {"belief_state": {"train": {"people": "10"}}, "rerun": True},
    )
    turns = answer.json()["turns"]
    again = [turn["correction"]["answer"] for turn in turns]
    assert again[0] is None
    assert [one["belief_state"]["train"]["people"]["value"] for one in again[1:]] == ["11", "12"]
    assert [turn["answer"] for turn in turns] == [turn["answer"] for turn in before]
    assert turns[0]["correction"]["verdict"] == "right"
    undo = f"{path}/last/correction"
    assert gateway.call("DELETE", undo).status_code == 204
    assert gateway.turns(dialogue_id) == kept
    assert gateway.call("DELETE", undo).status_code == 204
    assert gateway.turns(dialogue_id) == before
    assert gateway.call("DELETE", undo).status_code == 404


def test_a_correction_that_corrects_nothing_is_no_step_to_undo(gateway: GatewayServer) -> None:
    dialogue_id = gateway.begin()
    gateway.say(dialogue_id, "hello", "m1")
    path = f"/v1/dialogues/{dialogue_id}/turns"
    gateway.call("POST", f"{path}/0/correction", {"verdict": "right"})
    assert gateway.call("POST", f"{path}/0/correction", {"rerun": True}).status_code == 200
    assert gateway.call("DELETE", f"{path}/last/correction").status_code == 204
    assert gateway.turns(dialogue_id)[0]["correction"] is None


def test_dialogues_are_listed_newest_first_and_by_flag(gateway: GatewayServer) -> None:
    texts = ("plain", "mumble", "garble", "quarrel")
    ids = [gateway.begin() for _ in texts]
    for dialogue_id, text in zip(ids, texts, strict=True):
        gateway.say(dialogue_id, text, "m1")
    first = gateway.call("GET", "/v1/dialogues?limit=3").json()
    rest = gateway.call("GET", f"/v1/dialogues?limit=3&before={first['next']}").json()
    listed = first["dialogues"] + rest["dialogues"]
    assert [one["dialogue_id"] for one in listed] == ids[::-1]
    assert rest["next"] is None
    assert (listed[0]["turns"], listed[0]["last_user"]) == (1, "quarrel")
    for flag, dialogue_id in zip(
        ("low_confidence", "unparsed", "disagreement"), ids[1:], strict=True
    ):
        found = gateway.call("GET", f"/v1/dialogues?filter={flag}").json()["dialogues"]
        assert [(one["dialogue_id"], one["flags"]) for one in found] == [(dialogue_id, [flag])]


def test_what_a_user_said_is_gone_after_deletion(gateway: GatewayServer, tmp_path: Path) -> None:
    kept, gone = gateway.begin(user_id="anna"), gateway.begin(user_id="ben")
    for dialogue_id in (kept, gone):
        gateway.say(dialogue_id, f"zebra of {dialogue_id}", "m1")
    gateway.call("POST", f"/v1/dialogues/{gone}/turns/0/correction", {"verdict": "right"})
    assert gateway.call("DELETE", "/v1/users/ben").status_code == 204
    assert gateway.call("GET", f"/v1/dialogues/{gone}").status_code == 404
    assert len(gateway.turns(kept)) == 1
    assert gateway.call("DELETE", f"/v1/dialogues/{kept}").status_code == 204
    assert gateway.call("GET", "/v1/dialogues").json()["dialogues"] == []
    assert gateway.call("DELETE", f"/v1/dialogues/{kept}").status_code == 404
    for file in tmp_path.glob("dialogues.sqlite*"):
        assert b"zebra" not in file.read_bytes()


@pytest.mark.parametrize("user", ["anna/b", "/", "a//b/", "anna?x=1#y", "안나 %2F"])
def test_whatever_an_id_is_what_its_user_said_can_be_deleted(
    gateway: GatewayServer, user: str
) -> None:
    dialogue_id = gateway.begin(user_id=user)
    other = gateway.begin(user_id="anna")
    deleted = gateway.call("DELETE", f"/v1/users/{quote(user, safe='')}")
    assert deleted.status_code == 204
    assert gateway.call("GET", f"/v1/dialogues/{dialogue_id}").status_code == 404
    assert gateway.call("GET", f"/v1/dialogues/{other}").status_code == 200


def test_an_expired_dialogue_takes_no_more_and_a_sender_begins_another(
    model: ModelServer, tmp_path: Path
) -> None:
    with GatewayServer(settings(model, tmp_path, expire_after=1e-6)) as gateway:
        dialogue_id = gateway.begin()
        refused = gateway.say(dialogue_id, "hello", "m1")
        assert (refused.status_code, refused.json()["type"]) == (410, "expired")
        assert gateway.turns(dialogue_id) == []


def test_the_rest_channel_is_rasas(gateway: GatewayServer, model: ModelServer) -> None:
    assert gateway.call("GET", "/webhooks/rest/").json() == {"status": "ok"}
    path = "/webhooks/rest/webhook"
    first = gateway.call("POST", path, {"sender": "anna", "message": "a train"})
    second = gateway.call("POST", path, {"sender": "anna", "message": "friday", "metadata": {}})
    other = gateway.call("POST", path, {"sender": "ben", "message": "hello"})
    assert first.json() == [{"recipient_id": "anna", "text": "0 before: a train"}]
    assert second.json() == [{"recipient_id": "anna", "text": "1 before: friday"}]
    assert other.json() == [{"recipient_id": "ben", "text": "0 before: hello"}]
    keyed = {"sender": "ben", "message": "again", "metadata": {"message_id": "k1"}}
    assert [gateway.call("POST", path, keyed).json() for _ in range(2)] == [
        [{"recipient_id": "ben", "text": "1 before: again"}]
    ] * 2
    assert len(model.requests) == 4


def test_export_in_the_layout_of_sgd_carries_the_correction(gateway: GatewayServer) -> None:
    plain, corrected = gateway.begin(), gateway.begin(user_id="anna")
    for dialogue_id in (plain, corrected):
        gateway.say(dialogue_id, "a train for 4", "m1")
    gateway.call(
        "POST",
        f"/v1/dialogues/{corrected}/turns/0/correction",
        {
            "intent": "book_train",
            "belief_state": {"train": {"people": "4"}},
            "dialogue_act": [{"domain": "train", "act": "offer", "slot": "day"}],
            "response": "[value_id] leaves on [value_day].",
        },
    )
    every = gateway.call("GET", "/v1/export?format=sgd").text.splitlines()
    assert {json.loads(line)["dialogue_id"] for line in every} == {plain, corrected}
    (line,) = gateway.call("GET", "/v1/export?format=sgd&corrected=true").text.splitlines()
    user, system = json.loads(line)["turns"]
    assert user["utterance"] == "a train for 4"
    assert user["frames"][0]["state"] == {
        "active_intent": "book_train",
        "requested_slots": [],
        "slot_values": {"people": ["4"]},
    }
    assert system["utterance"] == "TR7 leaves on Friday."
    assert system["frames"][0]["actions"] == [
        {"act": "OFFER", "slot": "day", "values": [], "canonical_values": []}
    ]
    (raw,) = gateway.call("GET", "/v1/export?corrected=true").text.splitlines()
    assert json.loads(raw)["user_id"] == "anna"
    assert json.loads(raw)["turns"] == gateway.turns(corrected)


def test_health_and_readiness_tell_the_truth(gateway: GatewayServer, model: ModelServer) -> None:
    assert gateway.call("GET", "/health").json() == {"status": "ok"}
    ready = gateway.call("GET", "/ready")
    assert (ready.status_code, ready.json()) == (
        200,
        {"status": "ready", "store": True, "model": True},
    )
    model.away = True
    until = time.monotonic() + 30
    while (away := gateway.call("GET", "/ready")).status_code == 200:
        assert time.monotonic() < until, "what was found once is told for ever"
        time.sleep(0.05)
    assert (away.status_code, away.json()["model"], away.json()["store"]) == (503, False, True)
    assert gateway.call("GET", "/health").status_code == 200


def test_whoever_asks_for_readiness_all_the_time_occupies_nobody(
    gateway: GatewayServer, model: ModelServer
) -> None:
    began = time.monotonic()
    for _ in range(50):
        assert gateway.call("GET", "/ready").status_code == 200
    assert len(model.requests) <= 1 + (time.monotonic() - began)


def test_a_dialogue_too_long_to_be_asked_again_at_once_is_refused_whole(
    gateway: GatewayServer, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_module, "_MOST_AGAIN", 2)
    dialogue_id = gateway.begin()
    for number in range(4):
        gateway.say(dialogue_id, "a train", str(number))
    before, asked = gateway.turns(dialogue_id), len(model.requests)
    path = f"/v1/dialogues/{dialogue_id}"
    compared = gateway.call("POST", f"{path}/compare", {"model": "tod"})
    again = {"intent": "general", "rerun": True}
    corrected = gateway.call("POST", f"{path}/turns/0/correction", again)
    for refused, turns in ((compared, 4), (corrected, 3)):
        assert (refused.status_code, refused.json()["type"]) == (422, "too_long")
        assert refused.json()["message"].startswith(f"got {turns} turns to ask again")
    assert (gateway.turns(dialogue_id), len(model.requests)) == (before, asked)
    assert gateway.call("POST", f"{path}/turns/1/correction", again).status_code == 200


def test_a_request_id_goes_in_through_and_out(gateway: GatewayServer, model: ModelServer) -> None:
    dialogue_id = gateway.begin()
    body = {"user": "hello", "message_id": "m1"}
    path = f"/v1/dialogues/{dialogue_id}/turns"
    answer = gateway.call("POST", path, body, X_Request_ID="trace-7")
    assert answer.headers["X-Request-ID"] == "trace-7"
    assert model.ids == ["trace-7"]
    unsafe = gateway.call("GET", "/health", X_Request_ID="a b")
    assert len(unsafe.headers["X-Request-ID"]) == 32


def test_a_token_opens_the_api_and_nothing_else_does(model: ModelServer, tmp_path: Path) -> None:
    with GatewayServer(settings(model, tmp_path, tokens=("sesame", "other"))) as gateway:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "sesame"}):
            answer = gateway.call("GET", "/v1/dialogues", **headers)
            assert (answer.status_code, answer.json()["code"]) == (401, 401)
            assert answer.headers["WWW-Authenticate"] == "Bearer"
        for token in ("sesame", "other"):
            opened = gateway.call("GET", "/v1/dialogues", Authorization=f"Bearer {token}")
            assert opened.status_code == 200
        assert gateway.call("GET", "/health").status_code == 200


def test_a_token_may_be_written_in_any_script(model: ModelServer, tmp_path: Path) -> None:
    with GatewayServer(settings(model, tmp_path, tokens=("sésame-열려라",))) as gateway:
        for token, code in (("sésame-열려라", 200), ("sésame", 401)):
            header = f"Bearer {token}".encode().decode("latin-1")
            opened = gateway.call("GET", "/v1/dialogues", Authorization=header)
            assert opened.status_code == code


@pytest.mark.parametrize(
    ("host", "code"),
    [("127.0.0.1:80", 200), ("localhost", 200), ("[::1]:80", 200)]
    + [("elsewhere.example", 421), ("127.0.0.1.elsewhere.example", 421), ("[", 421)],
)
def test_a_page_from_elsewhere_cannot_speak_with_an_open_gateway(
    gateway: GatewayServer, host: str, code: int
) -> None:
    assert gateway.call("GET", "/v1/dialogues", Host=host).status_code == code


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"host": "0.0.0.0"}, "host"),
        ({"host": "gateway.example"}, "host"),
        ({"tokens": (" ",)}, "tokens"),
    ],
)
def test_a_gateway_that_others_reach_without_a_token_is_refused(
    changes: dict[str, Any], named: str
) -> None:
    with pytest.raises(ConfigError, match=named):
        GatewaySettings(**changes)
    assert GatewaySettings(host="0.0.0.0", tokens=("sesame",)).host == "0.0.0.0"


@pytest.mark.parametrize(
    "changes",
    [
        {"model_url": "nonsense"},
        {"model_url": "http://"},
        {"expire_after": float("inf")},
        {"patience": float("inf")},
        {"lease_seconds": 1e30},
        {"model_timeout": 1e30},
        {"retain_days": float("inf")},
        {"retain_days": 1e9},
    ],
    ids=str,
)
def test_settings_that_would_fail_at_the_first_message_are_refused(
    changes: dict[str, Any],
) -> None:
    with pytest.raises(ValidationError, match=next(iter(changes))):
        GatewaySettings(**changes)


def test_a_database_that_cannot_be_opened_is_refused(model: ModelServer, tmp_path: Path) -> None:
    (tmp_path / "dialogues.sqlite").write_bytes(b"no database " * 200)
    with pytest.raises(ConfigError, match="database: cannot open"):
        GatewayServer(settings(model, tmp_path))


def test_large_bodies_and_fast_clients_are_refused(model: ModelServer, tmp_path: Path) -> None:
    slow = settings(model, tmp_path, max_body_bytes=200, requests_per_minute=60)
    with GatewayServer(slow) as gateway:
        large = gateway.call("POST", "/v1/dialogues", {"user_id": "x" * 300})
        assert (large.status_code, large.json()["type"]) == (413, "too_large")
        chunked = gateway.http.post(
            f"{gateway.url}/v1/dialogues", data=iter([b"x" * 150] * 2), timeout=60
        )
        assert chunked.status_code == 413
        codes = [gateway.call("GET", "/v1/dialogues").status_code for _ in range(8)]
        assert 429 in codes
        assert gateway.call("GET", "/health").status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/v1/dialogues", {"model": "../ping"}, 422),
        ("/v1/dialogues", {"surprise": 1}, 422),
        ("/v1/dialogues/abc/turns", {"user": "hello", "message_id": "1"}, 404),
        ("/v1/dialogues/abc/turns", {"user": " ", "message_id": "1"}, 422),
        ("/v1/dialogues/abc/turns", {"user": "nul \x00", "message_id": "1"}, 422),
        ("/v1/dialogues/abc/turns", {"user": "secret"}, 422),
        ("/v1/dialogues/abc/turns/0/correction", {"verdict": "maybe"}, 422),
        ("/v1/dialogues/abc/turns/0/correction", {"verdict": "right"}, 404),
        ("/webhooks/rest/webhook", {"sender": "anna"}, 422),
        ("/nowhere", {}, 404),
    ],
)
def test_refusals_have_one_shape_and_repeat_nothing(
    gateway: GatewayServer, path: str, body: object, code: int
) -> None:
    answer = gateway.call("POST", path, body)
    assert answer.status_code == code
    assert set(answer.json()) == {"code", "type", "message"}
    assert answer.json()["code"] == code
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("content", "kind", "said"),
    [
        (b"{nope", "application/json", "body: no JSON from character 1 on; expected a JSON object"),
        (b"[]", "application/json", "body: no JSON object; expected"),
        (b"", "application/json", "body: no JSON object; expected"),
        (b"{}", "text/plain", "with Content-Type: application/json"),
        (b'{"user": "\xff"}', "application/json", "body: cannot be read; expected a JSON object"),
        (b"[" * 100_000, "application/json", "body: cannot be read; expected a JSON object"),
        (b'{"user": "a", "message_id": "1", "x": 1}', "application/json", "body.x: unknown key"),
        (b'{"user": "  ", "message_id": "1"}', "application/json", "body.user: got a text of sp"),
        (b'{"user": "a", "message_id": "\\u0000"}', "application/json", "message_id: got the cha"),
    ],
    ids=range(9),
)
def test_a_refused_body_is_told_what_was_expected(
    gateway: GatewayServer, content: bytes, kind: str, said: str
) -> None:
    refused = gateway.http.post(
        f"{gateway.url}/v1/dialogues/abc/turns",
        data=content,
        headers={"Content-Type": kind},
        timeout=60,
    )
    assert refused.status_code in (400, 422)
    assert said in refused.json()["message"]


def test_an_unknown_filter_is_told_those_that_there_are(gateway: GatewayServer) -> None:
    refused = gateway.call("GET", "/v1/dialogues?filter=lost")
    assert refused.status_code == 422
    told = refused.json()["message"]
    assert told.startswith("query.filter: expected 'all', 'low_confidence', 'unparsed'")


def test_an_error_of_the_gateway_names_its_request_and_repeats_nothing(
    model: ModelServer, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with GatewayServer(settings(model, tmp_path)) as gateway:
        dialogue_id = gateway.begin()
        gateway.say(dialogue_id, "a train", "1")
        with closing(sqlite3.connect(tmp_path / "dialogues.sqlite")) as connection:
            # A turn that this version cannot have written.
            connection.execute("UPDATE turns SET answer = '{\"zebra\": 1}'")
            connection.commit()
        failed = gateway.call("GET", f"/v1/dialogues/{dialogue_id}", X_Request_ID="r-500")
    assert (failed.status_code, failed.json()["type"]) == (500, "internal")
    assert failed.headers["X-Request-ID"] == "r-500"
    logged = "".join(capfd.readouterr())
    assert "GET /v1/dialogues/{dialogue_id} 500" in logged
    assert "r-500: KeyError" in logged
    # The traceback shows where, and not what: a message could repeat what somebody said.
    assert "in view" in logged
    assert "KeyError: 'model'" not in logged


def test_nothing_that_was_said_is_logged(
    model: ModelServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with GatewayServer(settings(model, tmp_path)) as gateway:
        dialogue_id = gateway.begin(user_id="zebra")
        gateway.say(dialogue_id, "zebra", "zebra")
        gateway.call("POST", f"/v1/dialogues/{dialogue_id}/turns", {"user": "zebra"})
        gateway.call("DELETE", "/v1/users/zebra")
    lines = [record.getMessage() for record in caplog.records]
    assert any("/v1/dialogues/{dialogue_id}/turns 200" in line for line in lines)
    assert any("DELETE /v1/users/{user_id} 204" in line for line in lines)
    assert not any("zebra" in line for line in lines)


def test_a_key_that_stands_twice_is_refused_by_its_name(model: ModelServer, tmp_path: Path) -> None:
    with GatewayServer(settings(model, tmp_path)) as gateway:
        path = f"{gateway.url}/v1/dialogues/{gateway.begin()}/turns"
        body = b'{"user": "one", "user": "two", "message_id": "1"}'
        headers = {"Content-Type": "application/json"}
        answer = gateway.http.post(path, body, headers=headers, timeout=60)
    assert answer.status_code == 422
    assert answer.json()["message"] == "body: key 'user' is there twice; send it once"
    assert model.requests == []


def test_another_method_is_answered_with_all_that_there_are(
    model: ModelServer, tmp_path: Path
) -> None:
    with GatewayServer(settings(model, tmp_path)) as gateway:
        wrong = gateway.call("PUT", "/v1/dialogues")
        other = gateway.call("POST", f"/v1/dialogues/{gateway.begin()}")
    assert (wrong.status_code, wrong.headers["Allow"]) == (405, "GET, POST")
    assert "expected one of GET, POST" in wrong.json()["message"]
    assert (other.status_code, other.headers["Allow"]) == (405, "DELETE, GET")


def test_what_is_missing_is_said_in_our_own_words(model: ModelServer, tmp_path: Path) -> None:
    with GatewayServer(settings(model, tmp_path)) as gateway:
        answer = gateway.call("POST", f"/v1/dialogues/{gateway.begin()}/turns", {"user": "hi"})
    assert answer.status_code == 422
    assert answer.json()["message"].startswith("body.message_id: it is missing")
