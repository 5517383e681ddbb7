"""Rasa's channels: what its web chats, buttons and programs send and expect, on a real gateway."""

import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import socketio

from tests.support.bot_talk import configured
from tests.support.gateway_server import GatewayServer, ModelServer
from tests.support.serving_thread import ServingThread
from todserve.gateway.api.roles import Token
from todserve.gateway.gateway_settings import GatewaySettings
from todserve.runtime.errors import ConfigError

REST = "/webhooks/rest/webhook"
CARD = {"data": {"card": 1}}
BUTTONS = [{"title": "Ely", "payload": '/inform{"people": "4"}'}]
BOT = {
    "responses": {
        "utter_greet": [{"text": "Hello.\n\nWhere to?", "buttons": BUTTONS}],
        "utter_show": [{"text": "Look.", "image": "http://x.example/{people}.png"}],
        "utter_card": [{"custom": CARD}],
        "utter_channel": [{"text": "plain"}, {"text": "chat", "channel": "socketio"}],
        "utter_pages": [{"elements": [{"title": "A", "subtitle": "b"}]}],
    },
    "actions": {
        "intents": {
            "greet": "utter_greet",
            "inform": "utter_show",
            "card": "utter_card",
            "channel": "utter_channel",
            "pages": "utter_pages",
            "many": "many",
        }
    },
}
MANY = """

class Many:
    def name(self):
        return "many"

    def run(self, dispatcher, tracker, domain):
        dispatcher.utter_message(text="one")
        dispatcher.utter_message(text="two", buttons=[{"title": "x", "payload": "/x"}])
        dispatcher.utter_message(image="http://x.example/1.png")
        dispatcher.utter_message(json_message={"card": 2}, attachment={"file": "a.pdf"})
"""


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


def settings(model: ModelServer, folder: Path, **changes: Any) -> GatewaySettings:
    configured(folder, BOT)
    with (folder / "actions.py").open("a") as module:
        module.write(MANY)
    return GatewaySettings(
        database=f"sqlite:///{folder}/dialogues.sqlite",
        model_url=model.url,
        bot=folder / "bot.yml",
        **changes,
    )


@pytest.fixture
def gateway(model: ModelServer, tmp_path: Path) -> Iterator[GatewayServer]:
    with GatewayServer(settings(model, tmp_path)) as server:
        yield server


def said(gateway: GatewayServer, message: str, sender: object = "anna") -> list[dict[str, Any]]:
    answer = gateway.call("POST", REST, {"sender": sender, "message": message})
    assert answer.status_code == 200, answer.text
    replies: list[dict[str, Any]] = answer.json()
    return [{k: v for k, v in one.items() if k != "recipient_id"} for one in replies]


def test_rest_answers_buttons_images_custom_json_and_paragraphs_as_rasa_does(
    gateway: GatewayServer,
) -> None:
    assert said(gateway, "/greet") == [{"text": "Hello.\n\nWhere to?", "buttons": BUTTONS}]
    assert said(gateway, BUTTONS[0]["payload"]) == [
        {"text": "Look."},
        {"image": "http://x.example/4.png"},
    ]
    assert said(gateway, "/card") == [{"custom": CARD}]
    assert said(gateway, "/pages") == [{"text": "A : b", "buttons": []}]
    assert said(gateway, "/many") == [
        {"text": "one"},
        {"text": "two", "buttons": [{"title": "x", "payload": "/x"}]},
        {"image": "http://x.example/1.png"},
        {"custom": {"card": 2}},
        {"attachment": {"file": "a.pdf"}},
    ]


def test_a_payload_is_its_intent_and_its_entities_and_the_model_reads_words(
    gateway: GatewayServer, model: ModelServer
) -> None:
    dialogue_id = gateway.begin()
    turn = gateway.say(dialogue_id, ' /inform{"people": 4, "odd": [true]} ', "m1").json()
    assert turn["answer"]["intent"] == {"name": "inform", "confidence": 1.0}
    assert turn["answer"]["belief_state"] == {
        "train": {"people": {"value": "4", "confidence": 1.0}}
    }
    assert turn["answer"]["entities"] == {"people": ["4"], "odd": ["true"]}
    assert model.requests[0]["user"] == "inform 4 true"
    assert model.requests[0]["state"] == {"train": {"people": "4"}}
    gateway.say(dialogue_id, "hello", "m2")
    assert model.requests[1]["history"][0]["user"] == "inform 4 true"
    assert model.requests[1]["state"]["train"]["people"]["value"] == "4"


@pytest.mark.parametrize("text", ["/", "/ greet", "and/or", "/greet{nope}", "/greet[1]x y", "/a b"])
def test_what_only_looks_like_a_payload_is_words(
    gateway: GatewayServer, model: ModelServer, text: str
) -> None:
    turn = gateway.say(gateway.begin(), text, "m1").json()
    assert turn["answer"]["intent"]["name"] == "find_train"
    assert model.requests[0]["user"] == text


def test_a_sender_may_be_a_number_or_nobody(gateway: GatewayServer) -> None:
    for sender, recipient in ((5, "5"), (None, "default"), (2.5, "2.5")):
        body = {"sender": sender, "message": "/channel"}
        answer = gateway.call("POST", REST, body)
        assert answer.json() == [{"recipient_id": recipient, "text": "plain"}]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", None])
def test_a_body_of_any_type_is_read_as_json(gateway: GatewayServer, kind: str | None) -> None:
    content = json.dumps({"sender": "anna", "message": "/channel"}).encode()
    headers = {} if kind is None else {"Content-Type": kind}
    answer = gateway.http.post(gateway.url + REST, data=content, headers=headers, timeout=60)
    assert answer.json() == [{"recipient_id": "anna", "text": "plain"}]


def test_a_packed_body_is_read_on_every_way_in(gateway: GatewayServer) -> None:
    packed = gzip.compress(json.dumps({"sender": "anna", "message": "/channel"}).encode())
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    answer = gateway.http.post(gateway.url + REST, data=packed, headers=headers, timeout=60)
    assert answer.json() == [{"recipient_id": "anna", "text": "plain"}]
    begun = gateway.http.post(
        gateway.url + "/v1/dialogues", data=gzip.compress(b"{}"), headers=headers, timeout=60
    )
    assert begun.status_code == 201


@pytest.mark.parametrize(
    ("body", "headers", "told"),
    [
        (b"{}", {"Content-Encoding": "br"}, "got 'br'; expected gzip, deflate or none"),
        (b"{}", {"Content-Encoding": "gzip"}, "the body is no gzip"),
        (gzip.compress(b" " * 10_000_000), {"Content-Encoding": "gzip"}, "once unpacked"),
        (
            '{"message": "café"}'.encode("latin-1"),
            {"Content-Type": "application/json; charset=latin-1"},
            "got charset 'latin-1'; expected utf-8",
        ),
        (b'{"sender": "a", "sender": "b", "message": "hi"}', {}, "'sender' is there twice"),
        (b'{"message": "hi", "metadata": {"x": NaN}}', {}, "got NaN or Infinity"),
        (b'{"message": "\\ud800"}', {}, "expected a text of whole characters"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_by_what_is_wrong_with_it(
    gateway: GatewayServer, body: bytes, headers: dict[str, str], told: str
) -> None:
    sent = {"Content-Type": "application/json", **headers}
    answer = gateway.http.post(gateway.url + REST, data=body, headers=sent, timeout=60)
    assert answer.status_code in (400, 422)
    assert told in answer.json()["message"]
    assert gateway.call("GET", "/v1/dialogues").json()["dialogues"] == []


def test_a_page_of_another_site_can_neither_speak_nor_read_unless_a_setting_lets_it(
    model: ModelServer, tmp_path: Path
) -> None:
    shop = {"Origin": "https://shop.example"}
    asking = {**shop, "Access-Control-Request-Method": "POST"}
    content = json.dumps({"message": "/channel"})
    with GatewayServer(settings(model, tmp_path)) as gateway:
        plain = {**shop, "Content-Type": "text/plain"}
        refused = gateway.http.post(gateway.url + REST, data=content, headers=plain, timeout=60)
        assert (refused.status_code, refused.json()["type"]) == (403, "forbidden")
        assert "Access-Control-Allow-Origin" not in refused.headers
        for path in ("/v1/models/tod:predict", "/v2/models/tod/infer", "/model/parse"):
            refused = gateway.http.post(gateway.url + path, data="{}", headers=plain, timeout=60)
            assert (refused.status_code, refused.json()["type"]) == (403, "forbidden")
        own = {"Origin": gateway.url, "Content-Type": "text/plain"}
        answer = gateway.http.post(gateway.url + REST, data=content, headers=own, timeout=60)
        assert answer.status_code == 200
    tokens = (Token.of_line("talk 7c0e"),)
    open_to = settings(model, tmp_path, cors="https://shop.example", tokens=tokens)
    with GatewayServer(open_to) as gateway:
        allowed = gateway.http.options(gateway.url + REST, headers=asking, timeout=60)
        assert allowed.status_code == 200
        assert allowed.headers["Access-Control-Allow-Origin"] == "https://shop.example"
        assert allowed.headers["X-Content-Type-Options"] == "nosniff"
        body = {"message": "/channel"}
        answer = gateway.call("POST", REST, body, Authorization="Bearer 7c0e", **shop)
        assert answer.json()[0]["text"] == "plain"
        assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"
        without = gateway.call("POST", REST, body, **shop)
        assert without.status_code == 401
        assert without.headers["Access-Control-Allow-Origin"] == "https://shop.example"
        elsewhere = {**asking, "Origin": "https://evil.example"}
        refused = gateway.http.options(gateway.url + REST, headers=elsewhere, timeout=60)
        assert "Access-Control-Allow-Origin" not in refused.headers
        other = gateway.http.options(gateway.url + "/v1/dialogues", headers=asking, timeout=60)
        assert "Access-Control-Allow-Origin" not in other.headers


class Receiver(ServingThread):
    """Takes what the callback channel sends."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                outer.bodies.append(json.loads(self.rfile.read(length)))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        super().__init__(Handler, ThreadingHTTPServer)


def test_the_callback_channel_sends_each_message_where_a_setting_says(
    model: ModelServer, tmp_path: Path
) -> None:
    path, body = "/webhooks/callback/webhook", {"sender": "anna", "message": "/many"}
    with Receiver() as receiver:
        url = f"{receiver.url}/bot"
        with GatewayServer(settings(model, tmp_path, callback_url=url)) as gateway:
            assert gateway.call("GET", "/webhooks/callback/").json() == {"status": "ok"}
            assert gateway.call("POST", path, body).text == "success"
    assert [sorted(one) for one in receiver.bodies[:2]] == [
        ["recipient_id", "text"],
        ["buttons", "recipient_id", "text"],
    ]
    assert len(receiver.bodies) == 5
    with GatewayServer(settings(model, tmp_path, callback_url=url)) as gateway:
        assert gateway.call("POST", path, body).text == "success"  # nobody listens any more
    with GatewayServer(settings(model, tmp_path)) as gateway:
        assert gateway.call("POST", path, body).status_code == 404


class Chat:
    """A web chat as Rasa's widgets are: it asks for a session, speaks, and hears."""

    def __init__(self, url: str, *, expecting: int, transport: str, **given: Any) -> None:
        self.heard: list[Any] = []
        self.session: str | None = None
        self.refused: Any = None
        # Its WebSockets would name an origin of their own beside the one that a test gives.
        plain = {"suppress_origin": True}
        self._client = socketio.Client(reconnection=False, websocket_extra_options=plain)
        self._done, self._begun = threading.Event(), threading.Event()

        def confirm(session: str) -> None:
            self.session = session
            self._begun.set()

        def hear(told: Any) -> None:
            self.heard.append(told)
            if len(self.heard) == expecting:
                self._done.set()

        def refuse(told: Any) -> None:
            self.refused = told
            self._done.set()

        self._client.on("session_confirm", confirm)
        self._client.on("bot_uttered", hear)
        self._client.on("message_refused", refuse)
        self._client.connect(url, transports=[transport], wait_timeout=30, **given)

    def say(self, message: object, session: str | None = None) -> None:
        self._client.emit("session_request", {"session_id": session})
        assert self._begun.wait(30)
        self._client.emit("user_uttered", {"message": message, "session_id": self.session})
        assert self._done.wait(30)
        # Not waiting for a poll that is under way.
        self._client.eio.disconnect(abort=True)


@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_a_web_chat_on_socket_io_hears_what_rasas_would(
    gateway: GatewayServer, transport: str
) -> None:
    chat = Chat(gateway.url, expecting=2, transport=transport)
    chat.say("/greet")
    quick = {"content_type": "text", **BUTTONS[0]}
    assert chat.heard == [
        {"text": "Hello.", "quick_replies": []},
        {"text": "Where to?", "quick_replies": [quick]},
    ]
    shown = Chat(gateway.url, expecting=2, transport=transport)
    shown.say('/inform{"people": "4"}')
    picture = {"type": "image", "payload": {"src": "http://x.example/4.png"}}
    assert shown.heard == [{"text": "Look."}, {"attachment": picture}]
    card = Chat(gateway.url, expecting=1, transport=transport)
    card.say("/card")
    assert card.heard == [CARD["data"]]
    channel = Chat(gateway.url, expecting=1, transport=transport)
    channel.say("/channel")
    assert channel.heard == [{"text": "chat"}]
    wrong = Chat(gateway.url, expecting=1, transport=transport)
    wrong.say(5)
    assert wrong.refused["code"] == 422


def test_a_session_goes_on_after_a_reload_where_a_setting_says(
    model: ModelServer, tmp_path: Path
) -> None:
    with GatewayServer(settings(model, tmp_path, socket_sessions=True)) as gateway:
        first = Chat(gateway.url, expecting=1, transport="polling")
        first.say("hello")
        second = Chat(gateway.url, expecting=1, transport="polling")
        second.say("again", first.session)
    assert first.heard[0] == {"text": "0 before: hello"}
    assert second.session == first.session
    assert second.heard == [{"text": "1 before: again"}]


def test_with_tokens_a_chat_needs_one_unless_it_is_open_to_all(
    model: ModelServer, tmp_path: Path
) -> None:
    tokens = (Token.of_line("talk 7c0e"), Token.of_line("admin 0f3c"))
    with GatewayServer(settings(model, tmp_path, tokens=tokens)) as gateway:
        for transport in ("polling", "websocket"):
            with pytest.raises(socketio.exceptions.ConnectionError):
                Chat(gateway.url, expecting=1, transport=transport)
            chat = Chat(f"{gateway.url}?token=7c0e", expecting=1, transport=transport)
            chat.say("/channel")
            assert chat.heard == [{"text": "chat"}]
    with GatewayServer(settings(model, tmp_path, tokens=tokens, open_chat=True)) as gateway:
        chat = Chat(gateway.url, expecting=1, transport="websocket")
        chat.say("/channel")
        assert chat.heard == [{"text": "chat"}]
        assert gateway.call("POST", REST, {"message": "hello"}).status_code == 401


@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_a_chat_on_another_sites_page_is_let_in_by_the_setting_alone(
    model: ModelServer, tmp_path: Path, transport: str
) -> None:
    shop = {"headers": {"Origin": "https://shop.example"}}
    with (
        GatewayServer(settings(model, tmp_path)) as gateway,
        pytest.raises(socketio.exceptions.ConnectionError),
    ):
        Chat(gateway.url, expecting=1, transport=transport, **shop)
    with GatewayServer(settings(model, tmp_path, cors="https://shop.example")) as gateway:
        chat = Chat(gateway.url, expecting=1, transport=transport, **shop)
        chat.say("/channel")
        assert chat.heard == [{"text": "chat"}]


def test_a_tracker_tells_slots_and_events_in_order(gateway: GatewayServer) -> None:
    said(gateway, "hello")
    said(gateway, '/inform{"people": "4"}')
    tracker = gateway.call("GET", "/conversations/anna/tracker").json()
    assert tracker["sender_id"] == "anna"
    assert tracker["slots"]["people"] == "4"
    assert tracker["latest_message"]["intent"] == {"name": "inform", "confidence": 1.0}
    assert tracker["latest_message"]["entities"][0]["entity"] == "people"
    told = [(one["event"], one.get("name") or one.get("text")) for one in tracker["events"]]
    assert told == [
        ("action", "action_session_start"),
        ("session_started", None),
        ("action", "action_listen"),
        ("user", "hello"),
        ("slot", "people"),
        ("bot", "0 before: hello"),
        ("action", "action_listen"),
        ("user", '/inform{"people": "4"}'),
        ("slot", "people"),
        ("action", "utter_show"),
        ("bot", "Look."),
        ("action", "action_listen"),
    ]
    times = [one["timestamp"] for one in tracker["events"]]
    assert times == sorted(times)
    none = gateway.call("GET", "/conversations/anna/tracker?include_events=NONE").json()
    assert none["events"] is None
    stranger = gateway.call("GET", "/conversations/nobody/tracker").json()
    assert (stranger["latest_message"], len(stranger["events"])) == ({}, 3)


def test_a_message_is_parsed_as_rasas_api_does_and_nothing_is_stored(
    gateway: GatewayServer,
) -> None:
    parsed = gateway.call("POST", "/model/parse", {"text": "for 1 please", "message_id": "7"})
    assert parsed.json() == {
        "text": "for 1 please",
        "message_id": "7",
        "intent": {"name": "find_train", "confidence": 0.9},
        "intent_ranking": [{"name": "find_train", "confidence": 0.9}],
        "entities": [
            {
                "entity": "people",
                "value": "1",
                "start": 4,
                "end": 5,
                "confidence_entity": 0.8,
                "extractor": "todserve",
            }
        ],
        "metadata": {},
    }
    assert gateway.call("GET", "/v1/dialogues").json()["dialogues"] == []


def test_a_token_sees_its_own_conversations_alone(model: ModelServer, tmp_path: Path) -> None:
    tokens = tuple(map(Token.of_line, ("talk anna-7c0e", "talk ben-91ab", "label lena-55d2")))
    with GatewayServer(settings(model, tmp_path, tokens=tokens)) as gateway:
        anna, ben = "Bearer anna-7c0e", "Bearer ben-91ab"
        body = {"sender": "user", "message": "hello"}
        gateway.call("POST", REST, body, Authorization=anna)
        path = "/conversations/user/tracker"
        counts = {
            who: len(gateway.call("GET", path, Authorization=who).json()["events"])
            for who in (anna, ben)
        }
        assert counts[ben] == 3 < counts[anna]
        (listed,) = gateway.call("GET", "/v1/dialogues", Authorization=anna).json()["dialogues"]
        by_id = f"/conversations/{listed['dialogue_id']}/tracker"
        lena = gateway.call("GET", by_id, Authorization="Bearer lena-55d2").json()
        assert len(lena["events"]) == counts[anna]
        assert len(gateway.call("GET", by_id, Authorization=ben).json()["events"]) == 3


@pytest.mark.parametrize("origin", ["shop.example", "https://a.example/x", "https://*.example"])
def test_what_is_no_origin_is_refused(origin: str) -> None:
    with pytest.raises(ConfigError, match=r"cors: got .*; expected the origin of a site"):
        GatewaySettings(cors=origin)


def test_streamed_replies_are_a_line_each(gateway: GatewayServer) -> None:
    answer = gateway.call("POST", f"{REST}?stream=true", {"sender": "anna", "message": "/many"})
    lines = [json.loads(line) for line in answer.text.splitlines()]
    plain = gateway.call("POST", REST, {"sender": "ben", "message": "/many"}).json()
    assert lines == [{**one, "recipient_id": "anna"} for one in plain]
    assert len(lines) > 1


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/v1/chat/completions", "POST /v1/dialogues"),
        ("/webhooks/slack/webhook", "rest, callback and Socket.IO"),
        ("/conversations/anna/trigger_intent", "the tracker and /model/parse"),
        ("/predictions/tod", "TorchServe's"),
        ("/nowhere", "no such address here; /docs lists"),
    ],
)
def test_an_address_of_another_server_is_told_with_what_is_here(
    gateway: GatewayServer, path: str, told: str
) -> None:
    answer = gateway.call("POST", path, {})
    assert (answer.status_code, answer.json()["type"]) == (404, "not_found")
    assert told in answer.json()["message"]


def test_what_rasa_does_with_restart_and_session_start_by_itself_is_done(
    gateway: GatewayServer, model: ModelServer
) -> None:
    assert said(gateway, '/inform{"people": "4"}')[0] == {"text": "Look."}
    assert said(gateway, "/session_start") == []
    said(gateway, "hello")
    assert model.requests[-1]["state"]["train"]["people"]["value"] == "4"
    assert said(gateway, "/restart") == []
    said(gateway, "hello")
    assert (model.requests[-1]["state"], model.requests[-1]["history"]) == ({}, [])
    assert "domain" not in model.requests[-1]
    said(gateway, "again")
    assert [one["user"] for one in model.requests[-1]["history"]] == ["hello"]
