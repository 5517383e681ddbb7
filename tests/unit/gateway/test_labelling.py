"""Labelling: dialogues are found, the turns most worth a look come first, and who did what."""

import io
import json
import sqlite3
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from alembic import command
from alembic.config import Config

from tests.support.gateway_server import GatewayServer, ModelServer, counting
from tests.support.remembered import corrected
from todserve.corpora.files.dialogue_layouts import open_dialogues
from todserve.gateway.api.roles import Token
from todserve.gateway.conversations import turn_table
from todserve.gateway.conversations.labeller_agreement import kappa
from todserve.gateway.gateway_settings import GatewaySettings
from todserve.gateway.store import database as database_module
from todserve.gateway.store.database import Database
from todserve.gateway.store.turn_traits import reasons_of

LINES = ("label lena-55d2 lena", "label max-91ab max", "label ida-0f3c ida", "admin ada-77aa")


def answering(request: dict[str, Any]) -> dict[str, Any]:
    """Answer so that the words say what the model makes of them."""
    answer, said = counting(request), request["user"]
    if "weather" in said:
        return answer | {"intent": {"name": "out_of_scope", "confidence": 0.9}}
    if "book" in said:
        return answer | {"intent": {"name": "book_train", "confidence": 0.9}}
    if "nowhere" in said:
        refused = {"domain": "train", "slot": "day", "value": "x", "reason": "not said"}
        return answer | {"refused": [refused]}
    return answer


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[GatewayServer]:
    with ModelServer(answering) as model:
        settings = GatewaySettings(
            database=f"sqlite:///{tmp_path}/dialogues.sqlite",
            model_url=model.url,
            model_retries=0,
            requests_per_minute=0,
        )
        with GatewayServer(settings) as server:
            yield server


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[GatewayServer]:
    with ModelServer(answering) as model:
        settings = GatewaySettings(
            database=f"sqlite:///{tmp_path}/dialogues.sqlite",
            model_url=model.url,
            requests_per_minute=0,
            tokens=tuple(map(Token.of_line, LINES)),
        )
        with GatewayServer(settings) as server:
            yield server


def spoken(gateway: GatewayServer, *texts: str) -> str:
    dialogue_id = gateway.begin()
    for number, text in enumerate(texts):
        assert gateway.say(dialogue_id, text, str(number)).status_code == 200
    return dialogue_id


def correct(gateway: GatewayServer, dialogue_id: str, index: int = 0, **body: object) -> None:
    path = f"/v1/dialogues/{dialogue_id}/turns/{index}/correction"
    answer = gateway.call("POST", path, body)
    assert answer.status_code == 200, answer.text


def listed(gateway: GatewayServer, **query: str) -> list[str]:
    answer = gateway.http.get(f"{gateway.url}/v1/dialogues", params=query, timeout=60)
    assert answer.status_code == 200, answer.text
    return [one["dialogue_id"] for one in answer.json()["dialogues"]]


def queue(gateway: GatewayServer, **query: str) -> dict[str, Any]:
    answer = gateway.http.get(f"{gateway.url}/v1/queue", params=query, timeout=60)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_dialogues_are_found_by_words_of_any_of_their_turns(gateway: GatewayServer) -> None:
    ely = spoken(gateway, "A Train to ELY please", "at 10% past noon")
    booked = spoken(gateway, "book it for 주말")
    assert listed(gateway, search="ely noon") == [ely]
    assert listed(gateway, search="Ely주") == []
    assert listed(gateway, search="주말") == [booked]
    # What the bot said, and what it is about, are searched as well; signs are no wildcards.
    assert listed(gateway, search="book train") == [booked]
    assert set(listed(gateway, search="before:")) == {ely, booked}
    assert listed(gateway, search="0%") == [ely]
    assert listed(gateway, search="e_y") == []


def test_a_search_reads_every_page_by_its_cursor(gateway: GatewayServer) -> None:
    ids = [spoken(gateway, f"a train number {number}") for number in range(5)]
    spoken(gateway, "something else")
    found: list[str] = []
    before: dict[str, str] = {}
    while True:
        query = {"search": "number", "limit": "2"} | before
        page = gateway.http.get(f"{gateway.url}/v1/dialogues", params=query, timeout=60).json()
        found += [one["dialogue_id"] for one in page["dialogues"]]
        if page["next"] is None:
            break
        before = {"before": page["next"]}
    assert found == ids[::-1]


def test_dialogues_are_found_by_intent_as_it_stands_corrected(gateway: GatewayServer) -> None:
    first, second = spoken(gateway, "a train"), spoken(gateway, "book it")
    assert listed(gateway, intent="book_train") == [second]
    correct(gateway, first, intent="book_train")
    assert listed(gateway, intent="book_train") == [second, first]
    assert listed(gateway, intent="find_train") == []
    gateway.call("DELETE", f"/v1/dialogues/{first}/turns/last/correction")
    assert listed(gateway, intent="find_train") == [first]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("low_confidence", "mumble"),
        ("refused", "nowhere"),
        ("outside", "the weather"),
        ("unparsed", "garble"),
        ("disagreement", "quarrel"),
    ],
)
def test_dialogues_are_found_by_what_the_model_made_of_them(
    gateway: GatewayServer, name: str, text: str
) -> None:
    spoken(gateway, "a train")
    found = spoken(gateway, "a train", text)
    assert listed(gateway, filter=name) == [found]
    assert listed(gateway, filter="flagged") == [found]
    (marked, _) = gateway.call("GET", "/v1/dialogues").json()["dialogues"]
    assert [one["reasons"] for one in marked["marks"]] == [[], [name]]


def test_a_list_says_what_a_dialogue_is_about_and_what_people_made_of_each_turn(
    gateway: GatewayServer,
) -> None:
    dialogue_id = spoken(gateway, "a train", "book it", "a train again")
    correct(gateway, dialogue_id, 0, verdict="right")
    correct(gateway, dialogue_id, 1, intent="find_train", verdict="wrong")
    (found,) = gateway.call("GET", "/v1/dialogues").json()["dialogues"]
    assert (found["domains"], found["intents"]) == (["train"], ["find_train"])
    marks = [(one["verdict"], one["corrected"]) for one in found["marks"]]
    assert marks == [("right", False), ("wrong", True), (None, False)]
    assert listed(gateway, filter="unjudged") == [dialogue_id]
    correct(gateway, dialogue_id, 2, verdict="right")
    assert listed(gateway, filter="unjudged") == []


def test_the_queue_begins_with_what_is_most_worth_a_look_and_loses_what_is_judged(
    gateway: GatewayServer,
) -> None:
    sure = spoken(gateway, "a train")
    doubted = spoken(gateway, "mumble", "mumble and garble and quarrel")
    outside = spoken(gateway, "the weather")
    found = queue(gateway)
    assert found["waiting"] == 3
    places = [(one["dialogue_id"], one["index"]) for one in found["turns"]]
    assert places == [(doubted, 1), (doubted, 0), (outside, 0)]
    assert found["turns"][0]["reasons"] == ["low_confidence", "unparsed", "disagreement"]
    first = queue(gateway, limit="2")
    assert [one["index"] for one in queue(gateway, before=first["next"])["turns"]] == [0]
    correct(gateway, doubted, 1, verdict="wrong")
    assert [one["index"] for one in queue(gateway)["turns"]] == [0, 0]
    gateway.call("DELETE", f"/v1/dialogues/{doubted}/turns/last/correction")
    assert queue(gateway)["waiting"] == 3
    assert sure not in {one["dialogue_id"] for one in queue(gateway)["turns"]}


def test_a_turn_that_rests_on_what_was_corrected_since_comes_into_the_queue(
    gateway: GatewayServer,
) -> None:
    dialogue_id = spoken(gateway, "a train", "friday", "at noon")
    correct(gateway, dialogue_id, 1, belief_state={"train": {"people": "4"}})
    (waiting,) = queue(gateway)["turns"]
    assert (waiting["index"], waiting["reasons"]) == (2, ["corrected"])
    # Asked again it rests on the correction.
    correct(gateway, dialogue_id, 1, belief_state={"train": {"people": "5"}}, rerun=True)
    assert queue(gateway)["waiting"] == 0
    assert spoken(gateway, "another")
    assert gateway.say(dialogue_id, "more", "4").ok
    assert queue(gateway)["waiting"] == 0


def bearer(gateway: GatewayServer, token: str, method: str, path: str, body: object = None) -> Any:
    return gateway.call(method, path, body, Authorization=f"Bearer {token}")


def test_people_are_told_apart_and_what_they_disagree_on_comes_back(
    guarded: GatewayServer,
) -> None:
    lena, max_, ida, ada = (line.split()[1] for line in LINES)
    begun = bearer(guarded, ada, "POST", "/v1/dialogues", {}).json()["dialogue_id"]
    path = f"/v1/dialogues/{begun}"
    for number in range(4):
        body = {"user": "a train", "message_id": str(number)}
        assert bearer(guarded, ada, "POST", f"{path}/turns", body).ok
    said = {lena: ("right", "right", "wrong", "right"), max_: ("right", "wrong", "wrong", "right")}
    for token, verdicts in said.items():
        for index, verdict in enumerate(verdicts):
            again = bearer(guarded, token, "GET", "/v1/queue?second=true").json()
            assert again["waiting"] == (0 if token == lena else 4 - index)
            judged = bearer(
                guarded, token, "POST", f"{path}/turns/{index}/correction", {"verdict": verdict}
            )
            assert judged.ok
    agreed = bearer(guarded, lena, "GET", "/v1/agreement").json()
    assert agreed["pairs"] == [{"a": "lena", "b": "max", "turns": 4, "agreed": 3, "kappa": 0.5}]
    assert {one["name"]: (one["right"], one["wrong"]) for one in agreed["people"]} == {
        "lena": (3, 1),
        "max": (2, 2),
    }
    (disputed,) = bearer(guarded, ida, "GET", "/v1/queue").json()["turns"]
    assert (disputed["index"], disputed["reasons"]) == (1, ["disputed"])
    found = bearer(guarded, ida, "GET", "/v1/dialogues?filter=disputed").json()["dialogues"]
    assert [one["dialogue_id"] for one in found] == [begun]
    decided = bearer(guarded, ida, "POST", f"{path}/turns/1/correction", {"verdict": "right"})
    correction = decided.json()["turns"][1]["correction"]
    assert (correction["verdict"], correction["author"]) == ("right", "ida")
    assert correction["verdicts"] == {"lena": "right", "max": "wrong", "ida": "right"}
    assert not correction["disputed"]
    assert bearer(guarded, ida, "GET", "/v1/queue").json()["waiting"] == 0
    nameless = bearer(guarded, ada, "GET", "/v1/queue?second=true")
    assert (nameless.status_code, nameless.json()["type"]) == (422, "unknown_label")


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([("r", "r"), ("w", "w")], 1.0),
        ([("r", "w"), ("w", "r")], -1.0),
        ([("r", "r")] * 5 + [("w", "w")] * 4 + [("r", "w")], 0.8),
        ([("r", "r")] * 3, None),
        ([], None),
    ],
)
def test_kappa_is_cohens(pairs: list[tuple[str, str]], expected: float | None) -> None:
    found = kappa(pairs)
    assert found == (expected if expected is None else pytest.approx(expected))


def test_versions_are_those_that_answered_and_say_whether_they_are_served(
    tmp_path: Path,
) -> None:
    with ModelServer(answering) as model:
        url, database = model.url, f"sqlite:///{tmp_path}/d.sqlite"
        settings = GatewaySettings(database=database, model_url=url, model_retries=0)
        with GatewayServer(settings) as gateway:
            spoken(gateway, "a train", "another")
            model.unknown = "tod/1.0"
            (found,) = gateway.call("GET", "/v1/versions").json()["versions"]
            assert found == {"name": "tod/1.0", "turns": 2, "served": False, "checkpoint": None}
            model.unknown = None
            (found,) = gateway.call("GET", "/v1/versions").json()["versions"]
            assert (found["served"], found["checkpoint"]) == (True, "abc")


def test_a_plain_reply_to_what_lies_outside_is_no_refusal() -> None:
    plain = {"response": {"source": "plain"}}
    assert [*reasons_of(plain, 0.5)] == ["refused"]
    outside = plain | {"intent": {"name": "out_of_scope", "confidence": 0.9}}
    assert [*reasons_of(outside, 0.5)] == ["outside"]


def test_a_database_from_before_is_searched_like_a_new_one(
    gateway: GatewayServer, tmp_path: Path
) -> None:
    ids = [spoken(gateway, "a train", "mumble"), spoken(gateway, "the weather")]
    correct(gateway, ids[0], 0, intent="book_train", verdict="wrong")
    before = _traits(tmp_path)
    folder = Path(database_module.__file__).parent / "migrations"
    config = Config()
    config.set_main_option("script_location", str(folder))
    database = Database(f"sqlite:///{tmp_path}/dialogues.sqlite")
    for move, to in ((command.downgrade, "0004"), (command.upgrade, "head")):
        with database.writing() as connection:
            config.attributes["connection"] = connection
            move(config, to)
    database.close()
    assert len(before) == 3
    # What was shaken by a correction is only told from there on.
    assert [row[:-1] for row in _traits(tmp_path)] == [row[:-1] for row in before]
    assert listed(gateway, filter="outside") == [ids[1]]


def _traits(folder: Path) -> list[tuple[Any, ...]]:
    columns = "dialogue_id, position, model, intent, domain, verdict, corrected, settled, words"
    with sqlite3.connect(folder / "dialogues.sqlite") as connection:
        rows = connection.execute(f"SELECT {columns}, worth FROM traits ORDER BY 1, 2").fetchall()
    connection.close()
    return rows


def test_turns_are_exported_as_a_table_with_what_people_made_of_them(
    gateway: GatewayServer,
) -> None:
    dialogue_id = spoken(gateway, "a train", "mumble", "주말")
    correct(gateway, dialogue_id, 0, verdict="right")
    correct(gateway, dialogue_id, 1, intent="book_train", verdict="wrong")
    answer = gateway.call("GET", "/v1/export?format=parquet")
    assert answer.headers["Content-Type"] == "application/vnd.apache.parquet"
    rows = pq.read_table(io.BytesIO(answer.content)).to_pylist()
    assert [row["user"] for row in rows] == ["a train", "mumble", "주말"]
    assert [row["verdict"] for row in rows] == ["right", "wrong", None]
    assert rows[1]["intent"] == "find_train"
    assert json.loads(rows[1]["correction"]) == {"intent": "book_train"}
    assert rows[1]["reasons"] == ["low_confidence"]
    assert json.loads(rows[2]["belief_state"])["train"]["people"]["value"] == "3"
    assert (rows[0]["model"], rows[0]["matches"]) == ("tod/1.0", 1)
    judged = gateway.call("GET", "/v1/export?format=parquet&corrected=true").content
    assert pq.read_table(io.BytesIO(judged)).num_rows == 2


def test_dialogues_are_exported_as_a_rasa_project_that_reads_back(
    gateway: GatewayServer, tmp_path: Path
) -> None:
    dialogue_id = spoken(gateway, "a train", "friday")
    correct(gateway, dialogue_id, 0, intent="book_train", belief_state={"train": {"people": "1"}})
    spoken(gateway, "nobody looked")
    answer = gateway.call("GET", "/v1/export?format=rasa&corrected=true")
    folder = tmp_path / "rasa"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        packed.extractall(folder)
    assert (folder / "domain" / "service.train.yml").is_file()
    _, found = open_dialogues(folder)
    (read,) = found
    assert [turn.user for turn in read.turns] == ["a train", "friday"]
    assert [turn.intent for turn in read.turns] == ["book_train", "find_train"]


def test_a_format_whose_package_is_missing_is_refused_with_its_name(
    gateway: GatewayServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn_table, "find_spec", lambda _: None)
    answer = gateway.call("GET", "/v1/export?format=parquet")
    assert (answer.status_code, answer.json()["type"]) == (501, "not_installed")
    assert "todserve[parquet]" in answer.json()["message"]


def test_a_model_is_asked_again_what_people_corrected_and_judged_right(
    gateway: GatewayServer,
) -> None:
    dialogue_id = spoken(gateway, "a train", "book it", "hello")
    corrected(gateway, dialogue_id, 0, belief_state={"train": {"people": "1"}})
    corrected(gateway, dialogue_id, 0, intent="find_train")
    corrected(gateway, dialogue_id, 1, intent="find_train")
    corrected(gateway, dialogue_id, 2, verdict="right")
    spoken(gateway, "nobody looked at this")
    answer = gateway.call("POST", "/v1/review", {"model": "tod/1.0"})
    assert answer.status_code == 200, answer.text
    found = {one["index"]: one for one in answer.json()["turns"]}
    assert {one["dialogue_id"] for one in found.values()} == {dialogue_id}
    assert [found[index]["change"] for index in range(3)] == [
        "now right",
        "still wrong",
        "right as before",
    ]
    assert found[1]["differences"] == [
        {"aspect": "intent", "a": ["find_train"], "b": ["book_train"]}
    ]
    before = gateway.turns(dialogue_id)
    assert gateway.call("POST", "/v1/review", {"model": "tod/1.0"}).status_code == 200
    assert gateway.turns(dialogue_id) == before


def test_a_turn_that_was_right_and_is_answered_otherwise_now_is_told(tmp_path: Path) -> None:
    worse = False

    def changing(request: dict[str, Any]) -> dict[str, Any]:
        answer = counting(request)
        return answer | {"intent": {"name": "book_train", "confidence": 0.9}} if worse else answer

    with ModelServer(changing) as model:
        settings = GatewaySettings(
            database=f"sqlite:///{tmp_path}/dialogues.sqlite", model_url=model.url
        )
        with GatewayServer(settings) as gateway:
            corrected(gateway, spoken(gateway, "a train"), 0, verdict="right")
            worse = True
            (turn,) = gateway.call("POST", "/v1/review", {"model": "tod"}).json()["turns"]
    assert turn["change"] == "no longer right"
    assert turn["differences"] == [{"aspect": "intent", "a": ["find_train"], "b": ["book_train"]}]
