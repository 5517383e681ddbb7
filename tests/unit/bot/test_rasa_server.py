"""The client of an action server: what is asked again, what is not, and what messages never say."""

import gzip
import socket
import threading
from typing import Any

import pytest

from tests.support.local_server import Answer, LocalServer
from todserve.bot.action_events import Event
from todserve.bot.actions import ActionError
from todserve.bot.dialogue_tracker import Tracker
from todserve.bot.message_dispatcher import Dispatcher
from todserve.bot.services.rasa_action_server import ActionRejectedError, RasaActionServer
from todserve.runtime.errors import ConfigError

SAID = "my secret"
TRACKER = Tracker(sender_id="d1", slots={}, latest_message={"text": SAID}, key="d1:m1")


def asked(*answers: Answer) -> tuple[LocalServer, list[Event] | ActionError]:
    with LocalServer(*answers) as server:
        client = RasaActionServer(f"{server.url}/webhook", timeout=5)
        try:
            return server, client.run("act", Dispatcher(), TRACKER, {})
        except ActionError as error:
            return server, error


def test_a_request_is_what_rasa_would_send() -> None:
    server, events = asked(Answer(body={"events": [], "responses": []}))
    assert events == []
    assert server.paths == ["/webhook"]
    (request,) = server.requests
    assert request["next_action"] == "act"
    assert request["sender_id"] == "d1"
    assert request["tracker"] == TRACKER.current_state()
    assert {"intents", "slots", "responses", "forms"} <= set(request["domain"])
    assert request["version"].startswith("3.")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Answer(400, {"error": SAID, "action_name": "act"}), "declined to run"),
        (Answer(400, {"error": SAID}), "got HTTP 400"),
        (Answer(404, {"error": SAID, "action_name": "act"}), "unknown action 'act'; expected one"),
        (Answer(404, b"not found"), "expected a webhook"),
        (Answer(449, {"error": SAID, "action_name": "act"}), "got HTTP 449"),
        (Answer(500, {"error": SAID, "request_body": {"text": SAID}}), "got HTTP 500"),
        (Answer(302, b""), "got HTTP 302"),
        (Answer(200, b"<html>"), "problems; expected events and responses"),
        (Answer(200, {"events": SAID}), "problems; expected events and responses"),
        (Answer(200, {"events": [{"name": SAID}]}), "answered no list of events"),
        (Answer(200, gzip.compress(b" " * 10_000_000), packed=True), "got a packed answer"),
        (Answer(200, b" " * 2_000_000), "got more of an answer; expected at most 1000000 bytes"),
        (Answer(500, b" " * 2_000_000), "got more of an answer"),
        (Answer(200, b"[" * 100_000), "problems; expected events and responses"),
        (Answer(400, b"[" * 100_000), "got HTTP 400"),
        (Answer(drop=True), "may have run, and is not asked again"),
    ],
)
def test_an_answer_that_is_none_is_told_once_and_without_its_text(
    answer: Answer, says: str
) -> None:
    server, error = asked(answer)
    assert says in str(error)
    assert SAID not in str(error)
    assert len(server.requests) == 1


def test_only_an_actions_own_refusal_is_a_rejection() -> None:
    _, rejected = asked(Answer(400, {"action_name": "act"}))
    _, failed = asked(Answer(400, {"error": "no body"}))
    assert isinstance(rejected, ActionRejectedError)
    assert not isinstance(failed, ActionRejectedError)


def test_no_answer_in_time_is_told_once() -> None:
    connections = []
    with socket.create_server(("127.0.0.1", 0)) as silent:
        taking = threading.Thread(target=lambda: connections.append(silent.accept()))
        taking.start()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/webhook"
        client = RasaActionServer(address, timeout=0.2)
        with pytest.raises(ActionError, match=r"no answer within 0\.2 s"):
            client.run("act", Dispatcher(), TRACKER, {})
        taking.join()
        silent.setblocking(False)
        with pytest.raises(BlockingIOError):
            silent.accept()  # it did not come a second time
    connections[0][0].close()


def test_a_refused_connection_is_tried_again_and_named_in_the_end() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    client = RasaActionServer(f"http://127.0.0.1:{port}/webhook", retries=2, backoff=0.001)
    with pytest.raises(ActionError, match="connection refused 3 times; nothing ran"):
        client.run("act", Dispatcher(), TRACKER, {})
    assert not client.ready()
    with pytest.raises(ActionError, match="got ConnectionError at /actions"):
        client.names()


def test_something_else_than_an_action_server_has_no_names() -> None:
    with LocalServer() as server:  # it knows no GET at all
        client = RasaActionServer(f"{server.url}/webhook")
        assert not client.ready()
        with pytest.raises(ActionError, match="expected a rasa-sdk action server"):
            client.names()


def test_messages_of_todays_and_older_servers_are_said_alike() -> None:
    responses: list[dict[str, Any]] = [
        {"text": "a", "buttons": [], "template": None, "image": None, "custom": {}},
        {"text": None, "template": "utter_b", "place": "here", "not a name": 1},
        {"response": "utter_c", "buttons": [{"title": "x"}], "custom": {"k": 1}},
    ]
    dispatcher = Dispatcher()
    with LocalServer(Answer(body={"events": None, "responses": responses})) as server:
        client = RasaActionServer(f"{server.url}/webhook")
        assert client.run("act", dispatcher, TRACKER, {}) == []
    assert dispatcher.messages == [
        {"text": "a", "response": None},
        {"text": None, "response": "utter_b", "place": "here"},
        {
            "text": None,
            "response": "utter_c",
            "buttons": [{"title": "x"}],
            "json_message": {"k": 1},
        },
    ]


@pytest.mark.parametrize(
    "address", ["127.0.0.1:5055", "ftp://x/webhook", "http:///webhook", "http://x:99999/"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match=r"actions\.endpoint: got .*; expected an address"):
        RasaActionServer(address)


def test_a_password_in_an_address_is_never_shown() -> None:
    client = RasaActionServer("http://me:hush@127.0.0.1:9/webhook", retries=0)
    with pytest.raises(ActionError, match=r"127\.0\.0\.1:9: action 'act'") as error:
        client.run("act", Dispatcher(), TRACKER, {})
    assert "hush" not in str(error.value)
