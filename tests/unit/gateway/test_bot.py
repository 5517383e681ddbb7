"""The gateway with a bot: what it says is stored with the turn, and what it did before is kept."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml
from alembic import command
from alembic.config import Config

from tests.support.bot_talk import configured
from tests.support.clinic_bot import CLINIC
from tests.support.gateway_server import GatewayServer, ModelServer, counting
from todserve.gateway.gateway_settings import GatewaySettings
from todserve.gateway.store import database as database_module

FORM = {
    "forms": {"book_table": {"domain": "train"}},
    "responses": {"utter_confirm": ["On {day}?"]},
    "actions": {"intents": {"fail": "fail", "later": "later"}},
    "fallback": {"intent": 0.3, "hand_off_after": 2},
}


def by_rule(request: dict[str, Any]) -> dict[str, Any]:
    """Answer as ``counting``, for two, with the intent and the day that the user names outright."""
    answer = counting(request)
    intent, _, day = request["user"].partition(" ")
    answer["intent"]["name"] = intent
    answer["belief_state"]["train"]["people"]["value"] = "2"
    before = request.get("state", {}).get("train", {})
    if day or "day" in before:
        known = before.get("day", {})
        value = day or (known["value"] if isinstance(known, dict) else known)
        answer["belief_state"]["train"]["day"] = {"value": value, "confidence": 0.9}
    return answer


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with ModelServer(by_rule) as server:
        yield server


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/dialogues.sqlite"


@pytest.fixture
def bot(tmp_path: Path) -> Path:
    configured(tmp_path, FORM)
    return tmp_path / "bot.yml"


@pytest.fixture
def gateway(model: ModelServer, database: str, bot: Path) -> Iterator[GatewayServer]:
    settings = GatewaySettings(database=database, model_url=model.url, bot=bot)
    with GatewayServer(settings) as server:
        yield server


def test_without_a_bot_the_model_speaks(model: ModelServer, database: str) -> None:
    with GatewayServer(GatewaySettings(database=database, model_url=model.url)) as gateway:
        turn = gateway.say(gateway.begin(), "hello", "m1").json()
    assert turn["bot"] is None
    assert turn["reply"] == "0 before: hello"


def test_a_turn_shows_what_the_bot_made_of_it_and_a_retry_shows_the_same(
    gateway: GatewayServer,
) -> None:
    dialogue_id = gateway.begin()
    asked = gateway.say(dialogue_id, "book_table", "m1")
    again = gateway.say(dialogue_id, "book_table", "m1")
    assert again.headers["Idempotent-Replay"] == "true"
    assert again.json() == asked.json()
    assert asked.json()["reply"] == "Which day?"
    assert asked.json()["bot"] == {
        "messages": ["Which day?"],
        "shown": [{"text": "Which day?"}],
        "events": [{"event": "active_loop", "name": "book_table", "timestamp": None}],
        "form": {
            "name": "book_table",
            "values": {"people": "2"},
            "missing": ["day"],
            "awaiting_confirmation": False,
        },
        "handed_off": False,
        "fallback": False,
        "error": None,
    }
    assert gateway.turns(dialogue_id) == [asked.json()]


def test_the_model_is_shown_what_the_user_read(gateway: GatewayServer, model: ModelServer) -> None:
    dialogue_id = gateway.begin()
    gateway.say(dialogue_id, "book_table", "m1")
    gateway.say(dialogue_id, "book_table friday", "m2")
    assert model.requests[1]["history"] == [{"user": "book_table", "system": "Which day?"}]


def test_a_corrected_slot_is_what_the_form_goes_on_with(gateway: GatewayServer) -> None:
    dialogue_id = gateway.begin()
    said = gateway.say(dialogue_id, "book_table friday", "m1").json()
    assert said["reply"] == "On Friday?"
    path = f"/v1/dialogues/{dialogue_id}/turns/0/correction"
    state = {"train": {"people": "2", "day": "monday"}}
    assert gateway.call("POST", path, {"belief_state": state}).status_code == 200
    asked = gateway.say(dialogue_id, "yes", "m2").json()
    assert asked["reply"] == "On Monday?"
    assert gateway.say(dialogue_id, "yes", "m3").json()["reply"] == "Booked: K3."


def test_a_failed_action_leaves_a_stored_turn_that_names_it(gateway: GatewayServer) -> None:
    dialogue_id = gateway.begin()
    answer = gateway.say(dialogue_id, "fail", "m1")
    assert answer.status_code == 200
    (turn,) = gateway.turns(dialogue_id)
    assert turn["bot"]["error"] == "fail: ValueError"
    assert turn["reply"] == "I am sorry, that did not work. Please try again in a moment."


def test_a_proposal_is_the_models_alone_and_runs_no_action(
    gateway: GatewayServer, model: ModelServer, caplog: pytest.LogCaptureFixture
) -> None:
    answer = gateway.call("POST", "/v1/proposals", {"text": "fail monday", "model": "tod/2.0"})
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"answer"}
    assert answer.json()["answer"]["intent"]["name"] == "fail"
    assert answer.json()["answer"]["belief_state"]["train"]["day"]["value"] == "monday"
    assert model.paths == ["/predictions/tod/2.0"]
    assert "action" not in caplog.text
    assert gateway.call("GET", "/v1/dialogues").json()["dialogues"] == []


def test_exported_lines_show_a_bot_as_the_api_does(gateway: GatewayServer) -> None:
    dialogue_id = gateway.begin()
    gateway.say(dialogue_id, "book_table friday", "1")
    (line,) = gateway.call("GET", "/v1/export").text.splitlines()
    assert json.loads(line)["turns"] == gateway.turns(dialogue_id)


def test_a_person_takes_over_and_gives_back(gateway: GatewayServer) -> None:
    dialogue_id = gateway.begin()

    def say(text: str, message_id: str) -> Any:
        return gateway.say(dialogue_id, text, message_id).json()

    # The model is unsure of whatever is mumbled.
    assert say("mumble", "m1")["bot"]["fallback"]
    assert say("mumble", "m2")["bot"]["handed_off"]
    assert (say("hello", "m3")["reply"], say("hello", "m4")["bot"]["handed_off"]) == ("", True)
    gateway.begin()
    waiting = "/v1/dialogues?filter=handed_off"
    (listed,) = gateway.call("GET", waiting).json()["dialogues"]
    assert listed["dialogue_id"] == dialogue_id
    assert "handed_off" in listed["flags"]
    resumed = gateway.call("DELETE", f"/v1/dialogues/{dialogue_id}/hand-off")
    assert resumed.status_code == 204
    assert say("hello", "m5")["reply"] == "4 before: hello"
    assert gateway.call("GET", waiting).json()["dialogues"] == []
    assert gateway.call("DELETE", "/v1/dialogues/abc/hand-off").status_code == 404


@pytest.mark.parametrize("given", ["\ud800", "", "x" * 129, "a\x00", 5, None])
def test_rasas_channel_gives_a_message_without_a_usable_id_one_of_its_own(
    gateway: GatewayServer, given: object
) -> None:
    body = {"sender": "anna", "message": "find", "metadata": {"message_id": given}}
    assert gateway.call("POST", "/webhooks/rest/webhook", body).status_code == 200
    assert gateway.call("POST", "/webhooks/rest/webhook", body).status_code == 200
    (dialogue,) = gateway.call("GET", "/v1/dialogues").json()["dialogues"]
    assert dialogue["turns"] == 2


def test_rasas_channel_gets_one_entry_a_message_and_none_in_silence(
    gateway: GatewayServer,
) -> None:
    def texts(message: str) -> list[str]:
        body = {"sender": "anna", "message": message}
        found = gateway.call("POST", "/webhooks/rest/webhook", body).json()
        return [one["text"] for one in found]

    assert texts("later") == ["later", "after later"]
    assert texts("hello") == []


def test_a_bot_that_cannot_be_understood_stops_the_start(
    model: ModelServer, database: str, tmp_path: Path
) -> None:
    from todserve.gateway.api.gateway_app import create_app
    from todserve.runtime.errors import ConfigError

    with pytest.raises(ConfigError, match="cannot be read"):
        create_app(GatewaySettings(database=database, bot=tmp_path / "none.yml"))


def test_turns_from_before_there_were_bots_are_kept_and_have_none(
    model: ModelServer, database: str, bot: Path
) -> None:
    old_turn(database)
    settings = GatewaySettings(database=database, model_url=model.url, bot=bot)
    with GatewayServer(settings) as gateway:
        (turn,) = gateway.turns("abc")
        assert turn["bot"] is None
        assert turn["reply"] == "0 before: hello"
        (listed,) = gateway.call("GET", "/v1/dialogues").json()["dialogues"]
        assert listed["flags"] == ["unparsed"]
        assert gateway.say("abc", "book_table", "m2").json()["reply"] == "Which day?"


def old_turn(database: str) -> None:
    """Make a database as its first version did, with a dialogue of one turn."""
    import time

    engine = sa.create_engine(database)
    config = Config()
    folder = Path(database_module.__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder))
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        tables = sa.MetaData()
        tables.reflect(connection)
        now = time.time_ns() // 1000
        row = {
            "dialogue_id": "abc",
            "model": "tod",
            "created_at": now,
            "updated_at": now,
            "turns": 1,
            "low_confidence": False,
            "unparsed": True,
            "disagreement": False,
        }
        connection.execute(sa.insert(tables.tables["dialogues"]).values(**row))
        turn = {
            "dialogue_id": "abc",
            "position": 0,
            "message_id": "m1",
            "user": "hello",
            "answer": counting({"user": "hello"}),
            "timing_ms": {},
            "created_at": now,
        }
        connection.execute(sa.insert(tables.tables["turns"]).values(**turn))
    engine.dispose()


def test_a_dialogue_that_nobody_gave_back_in_time_is_the_bots_again(
    model: ModelServer, database: str, tmp_path: Path
) -> None:
    # Any next message comes later than that.
    configured(tmp_path, FORM, {"hand_off": {"back_after": 1e-6}})
    settings = GatewaySettings(database=database, model_url=model.url, bot=tmp_path / "bot.yml")
    with GatewayServer(settings) as gateway:
        dialogue_id = gateway.begin()
        gateway.say(dialogue_id, "mumble", "m1")
        assert gateway.say(dialogue_id, "mumble", "m2").json()["bot"]["handed_off"]
        back = gateway.say(dialogue_id, "book_table", "m3").json()
        assert back["reply"].endswith("I am listening again.\nWhich day?")
        waiting = gateway.call("GET", "/v1/dialogues?filter=handed_off").json()
        assert dialogue_id not in json.dumps(waiting)


def test_a_bot_that_needs_no_model_asks_none(database: str, tmp_path: Path) -> None:
    path = tmp_path / "bot.yml"
    path.write_text(yaml.safe_dump(CLINIC, allow_unicode=True), encoding="utf-8")
    nobody = "http://127.0.0.1:9"
    with GatewayServer(GatewaySettings(database=database, model_url=nobody, bot=path)) as gateway:
        assert gateway.call("GET", "/ready").status_code == 200
        dialogue_id = gateway.begin()
        said = ["an appointment on friday", "anna", '/inform{"people": "4"}', "no, tuesday", "yes"]
        turns = [gateway.say(dialogue_id, one, f"m{n}").json() for n, one in enumerate(said)]
    assert [one["reply"] for one in turns] == [
        "Your name?",
        "How many?",
        "Anna, Friday, 4: right?",
        "Anna, Tuesday, 4: right?",
        "Done.",
    ]
