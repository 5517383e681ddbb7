"""What people made of dialogues, what they labelled, and what is too old, in PostgreSQL."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from benchmarks.replicas.postgres import Postgres
from tests.support.gateway_server import GatewayServer, ModelServer
from tests.support.remembered import corrected, spoken
from todserve.gateway.gateway_settings import GatewaySettings
from todserve.gateway.store import database as database_module
from todserve.gateway.store import tables
from todserve.gateway.store.database import Database
from todserve.gateway.store.dialogue_store import now_in_microseconds
from todserve.gateway.store.retention import Retention
from todserve.gateway.store.store_backup import back_up, restore


@pytest.fixture
def url(postgres: Postgres) -> str:
    return postgres.another()


@pytest.fixture
def gateway(url: str) -> Iterator[GatewayServer]:
    with (
        ModelServer() as model,
        GatewayServer(GatewaySettings(database=url, model_url=model.url)) as server,
    ):
        yield server


def test_filters_and_examples_work_in_postgresql(gateway: GatewayServer) -> None:
    ids = {name: spoken(gateway, "a train", "friday") for name in ("plain", "mended", "wrong")}
    corrected(gateway, ids["mended"], 1, verdict="wrong")
    corrected(gateway, ids["mended"], 0, belief_state={"train": {"people": "4"}}, rerun=True)
    corrected(gateway, ids["wrong"], 0, verdict="right")
    corrected(gateway, ids["wrong"], 0, verdict="wrong")

    def listed(name: str) -> list[str]:
        found = gateway.call("GET", f"/v1/dialogues?filter={name}")
        assert found.status_code == 200, found.text
        return [one["dialogue_id"] for one in found.json()["dialogues"]]

    assert listed("corrected") == [ids["mended"]]
    assert listed("wrong") == [ids["wrong"]]
    assert listed("right") == listed("handed_off") == []
    bodies: list[dict[str, Any]] = [
        {"text": "기차", "intent": "find_train"},
        {"text": "friday", "belief_state": {"train": {"day": "friday"}}},
    ]
    stored = [gateway.call("POST", "/v1/examples", body).json() for body in bodies]
    page = gateway.call("GET", "/v1/examples?limit=1").json()
    rest = gateway.call("GET", f"/v1/examples?limit=1&before={page['next']}").json()
    assert page["examples"] + rest["examples"] == stored[::-1]
    lines = gateway.call("GET", "/v1/export?format=sgd&corrected=true").text.splitlines()
    assert len(lines) == 3  # one dialogue, two examples


def test_a_backup_of_sqlite_goes_into_postgresql_and_back(url: str, tmp_path: Path) -> None:
    first, last = (f"sqlite:///{tmp_path}/{name}.sqlite" for name in ("first", "last"))
    with (
        ModelServer() as model,
        GatewayServer(GatewaySettings(database=first, model_url=model.url)) as gateway,
    ):
        dialogue_id = spoken(gateway, "a train", "기차 on friday")
        corrected(gateway, dialogue_id, 0, belief_state={"train": {"people": "4"}}, rerun=True)
        turns = gateway.turns(dialogue_id)
    counted = []
    for number, (old, new) in enumerate(((first, url), (url, last))):
        source, target = Database(old), Database(new)
        counted += [
            back_up(source, tmp_path / str(number)),
            restore(target, tmp_path / str(number)),
        ]
        source.close()
        target.close()
    assert counted == [counted[0]] * 4
    with (
        ModelServer() as model,
        GatewayServer(GatewaySettings(database=last, model_url=model.url)) as gateway,
    ):
        assert gateway.turns(dialogue_id) == turns
        assert gateway.say(dialogue_id, "and back", "3").status_code == 200


def test_old_dialogues_are_deleted_in_postgresql(gateway: GatewayServer, url: str) -> None:
    old, young, mended = (spoken(gateway, "a train") for _ in range(3))
    database = Database(url)
    aged = tables.dialogues.c.dialogue_id.in_([old, mended])
    with database.writing() as connection:
        connection.execute(sa.update(tables.dialogues).where(aged).values(updated_at=0))
    corrected(gateway, mended, 0, verdict="right")
    assert Retention(database, days=1).sweep() == 1
    database.close()
    left = gateway.call("GET", "/v1/dialogues").json()["dialogues"]
    assert {one["dialogue_id"] for one in left} == {young, mended}


def test_what_is_corrected_while_old_dialogues_are_deleted_stays_in_postgresql(
    gateway: GatewayServer, url: str
) -> None:
    dialogue_id = spoken(gateway, "a train")
    database = Database(url)
    this = sa.update(tables.dialogues).where(tables.dialogues.c.dialogue_id == dialogue_id)
    with database.writing() as connection:
        connection.execute(this.values(updated_at=0))
    deleted: list[int] = []
    sweeping = threading.Thread(target=lambda: deleted.append(Retention(database, days=1).sweep()))
    with database.writing() as connection:
        # As a correction does: first it gives the dialogue back, then it writes itself down.
        connection.execute(this.values(lease_holder=None))
        sweeping.start()
        sweeping.join(2)
        step = {"dialogue_id": dialogue_id, "step": 1, "position": 0, "content": {}}
        now = now_in_microseconds()
        connection.execute(sa.insert(tables.corrections).values(**step, created_at=now))
    sweeping.join()
    database.close()
    assert deleted == [0]
    assert len(gateway.turns(dialogue_id)) == 1


def test_a_row_that_postgresql_refuses_is_not_logged(
    gateway: GatewayServer, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    dialogue_id = gateway.begin()
    database = Database(url)
    with database.writing() as connection:
        connection.execute(sa.text("ALTER TABLE turns ADD CHECK (message_id <> 'm1')"))
    database.close()
    refused = gateway.say(dialogue_id, "zebra", "m1")
    assert (refused.status_code, refused.json()["type"]) == (503, "store_unavailable")
    assert "CheckViolation" in caplog.text
    assert "zebra" not in caplog.text


def test_search_and_queue_work_in_postgresql_and_on_a_database_from_before(
    gateway: GatewayServer, url: str
) -> None:
    found = spoken(gateway, "A Train to Ely", "mumble at 10%")
    spoken(gateway, "주말")
    corrected(gateway, found, 0, verdict="right")

    def told() -> tuple[Any, ...]:
        def listed(query: str) -> list[str]:
            answer = gateway.call("GET", f"/v1/dialogues?{query}")
            assert answer.status_code == 200, answer.text
            return [one["dialogue_id"] for one in answer.json()["dialogues"]]

        queue = gateway.call("GET", "/v1/queue").json()
        again = gateway.call("GET", f"/v1/queue?limit=1&before={queue['next'] or '0-0-0-0'}")
        return (
            [listed(query) for query in ("search=ely mumble", "search=10%25", "search=1_%25")],
            [listed(query) for query in ("filter=right", "filter=flagged", "intent=find_train")],
            [(one["dialogue_id"], one["index"], one["reasons"]) for one in queue["turns"]],
            queue["waiting"],
            again.json()["turns"],
            gateway.call("GET", "/v1/versions").json(),
            gateway.call("GET", "/v1/agreement").json(),
        )

    first = told()
    assert first[0] == [[found], [found], []]
    assert first[1][:2] == [[found], [found]]
    assert first[2:5] == ([(found, 1, ["low_confidence"])], 1, [])
    folder = Path(database_module.__file__).parent / "migrations"
    config = Config()
    config.set_main_option("script_location", str(folder))
    database = Database(url)
    for move, to in ((command.downgrade, "0004"), (command.upgrade, "head")):
        with database.writing() as connection:
            config.attributes["connection"] = connection
            move(config, to)
    database.close()
    assert told() == first
    gateway.call("DELETE", f"/v1/dialogues/{found}/turns/last/correction")
    assert told()[3] == 1
