"""The store: one turn a message, in order, whatever happens at once and whoever holds the file."""

import resource
import threading
import time
from collections.abc import Iterator
from concurrent import futures
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from todserve.gateway.conversations.dialogue_export import everything
from todserve.gateway.gateway_errors import BusyError, MissingError
from todserve.gateway.store import tables
from todserve.gateway.store.database import Database
from todserve.gateway.store.dialogue_leases import Lease, Leases
from todserve.gateway.store.dialogue_store import Store
from todserve.gateway.store.records import TurnRecord
from todserve.runtime.errors import ConfigError

ANSWER = {"model": {"name": "tod", "version": "1", "checkpoint": "abc"}}


class Gateway:
    """What one gateway process has of the store, without HTTP."""

    def __init__(self, url: str, *, seconds: float = 5.0, patience: float = 20.0) -> None:
        self.database = Database(url)
        self.leases = Leases(self.database, seconds=seconds, patience=patience)
        self.store = Store(self.database)

    def append(self, lease: Lease, message_id: str) -> TurnRecord:
        return self.store.append(
            lease,
            user="hello",
            message_id=message_id,
            answer=ANSWER,
            timing_ms={},
        )

    def say(self, dialogue_id: str, message_id: str) -> TurnRecord:
        with self.leases.hold(dialogue_id) as lease:
            return self.append(lease, message_id)

    def close(self) -> None:
        self.leases.close()
        self.database.close()


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/dialogues.sqlite"


@pytest.fixture
def one(url: str) -> Iterator[Gateway]:
    gateway = Gateway(url)
    yield gateway
    gateway.close()


@pytest.fixture
def other(url: str) -> Iterator[Gateway]:
    gateway = Gateway(url)
    yield gateway
    gateway.close()


def test_sqlite_syncs_every_commit_and_keeps_a_log_beside_the_file(one: Gateway) -> None:
    with one.database.reading() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        }
    # 2 is FULL.
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1}


def test_turns_are_synced_whatever_a_connection_was_used_for_before(one: Gateway) -> None:
    def level(*, synced: bool) -> object:
        with one.database.writing(synced=synced) as connection:
            return connection.exec_driver_sql("PRAGMA synchronous").scalar()

    assert [level(synced=synced) for synced in (True, False, True)] == [2, 1, 2]


def test_the_migrations_make_the_tables_that_the_store_uses(one: Gateway) -> None:
    reflected = sa.MetaData()
    reflected.reflect(one.database.engine)
    for table in tables.metadata.tables.values():
        made = reflected.tables[table.name]
        assert [(c.name, c.nullable, c.primary_key) for c in made.columns] == [
            (c.name, c.nullable, c.primary_key) for c in table.columns
        ]
        indexed = {tuple(index.columns.keys()) for index in table.indexes}
        assert {tuple(index.columns.keys()) for index in made.indexes} == indexed


def test_databases_opened_at_once_are_migrated_once(url: str) -> None:
    start = threading.Barrier(6)

    def opened() -> None:
        start.wait()
        Database(url).close()

    with ThreadPoolExecutor(6) as pool:
        for future in [pool.submit(opened) for _ in range(6)]:
            future.result()


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///:memory:",
        "nonsense",
        "nosuch://x/y",
        "postgresql+psycopg://x:port/y",
    ],
)
def test_a_database_that_would_forget_or_cannot_be_opened_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="sqlite:///"):
        Database(url)


def test_a_database_of_a_newer_version_is_refused(one: Gateway, url: str) -> None:
    with one.database.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ConfigError, match="9999.*last opened"):
        Database(url)


def test_a_log_that_cannot_be_emptied_does_not_undo_a_deletion(
    one: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    dialogue_id = one.store.create(model="tod").dialogue_id
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    with one.database.writing() as connection:
        connection.execute(sa.delete(tables.dialogues))
    # As on a full disk: the file cannot take what its log holds.
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, usual[1]))
    try:
        one.database.forget()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert "not emptied: OperationalError" in caplog.text
    with pytest.raises(MissingError):
        one.store.dialogue(dialogue_id)


def test_two_gateways_append_to_one_dialogue_one_after_the_other(
    one: Gateway, other: Gateway
) -> None:
    dialogue_id = one.store.create(model="tod").dialogue_id
    under_way: list[int] = []
    most = []

    def say(number: int) -> TurnRecord:
        gateway = (one, other)[number % 2]
        with gateway.leases.hold(dialogue_id) as lease:
            under_way.append(number)
            most.append(len(under_way))
            time.sleep(0.002)
            under_way.remove(number)
            return gateway.append(lease, f"m{number}")

    with ThreadPoolExecutor(12) as pool:
        told = list(pool.map(say, range(40)))
    turns = other.store.turns(dialogue_id)
    assert max(most) == 1
    assert [turn.index for turn in turns] == list(range(40))
    assert sorted(told, key=lambda turn: turn.index) == list(turns)
    assert one.store.dialogue(dialogue_id).turns == 40


def test_a_dialogue_that_is_held_stops_no_other(one: Gateway, other: Gateway) -> None:
    held, free = (one.store.create(model="tod").dialogue_id for _ in range(2))
    with one.leases.hold(held):
        assert one.say(free, "m1").index == 0
        assert other.say(free, "m2").index == 1


def test_a_message_does_not_wait_for_ever(one: Gateway, url: str) -> None:
    impatient = Gateway(url, patience=0.05)
    dialogue_id = one.store.create(model="tod").dialogue_id
    with one.leases.hold(dialogue_id), pytest.raises(BusyError):
        impatient.say(dialogue_id, "m1")
    assert impatient.say(dialogue_id, "m1").index == 0
    impatient.close()


def test_messages_of_one_dialogue_cannot_wait_in_every_thread(one: Gateway) -> None:
    few = Leases(one.database, seconds=5.0, patience=20.0, most=2)
    dialogue_id = one.store.create(model="tod").dialogue_id

    def wait() -> None:
        with few.hold(dialogue_id):
            pass

    with ThreadPoolExecutor(2) as pool:
        with few.hold(dialogue_id):
            both = [pool.submit(wait) for _ in range(2)]
            # One may wait; the other is told at once, while the first is still being answered.
            done, waiting = futures.wait(both, return_when=futures.FIRST_COMPLETED)
            assert [type(one.exception()) for one in done] == [BusyError]
        assert [one.exception() for one in waiting] == [None]
    few.close()


def test_a_living_gateway_keeps_its_lease_for_as_long_as_the_model_takes(
    url: str, other: Gateway
) -> None:
    short = Gateway(url, seconds=0.3)
    dialogue_id = short.store.create(model="tod").dialogue_id
    impatient = Gateway(url, patience=0.05)
    with short.leases.hold(dialogue_id) as lease:
        time.sleep(0.8)
        with pytest.raises(BusyError):
            impatient.say(dialogue_id, "m1")
        assert short.append(lease, "m2").index == 0
    impatient.close()
    short.close()


def test_renewing_looks_at_nothing_but_the_dialogues_that_are_held(url: str) -> None:
    short = Gateway(url, seconds=0.1)
    dialogue_id = short.store.create(model="tod").dialogue_id
    renewing: list[tuple[str, Any]] = []
    with short.leases.hold(dialogue_id):

        @sa.event.listens_for(short.database.engine, "before_cursor_execute")
        def note(_: object, cursor: object, statement: str, given: Any, *rest: object) -> None:
            if statement.startswith("UPDATE") and not renewing:
                renewing.append((f"EXPLAIN QUERY PLAN {statement}", given))

        while not renewing:
            time.sleep(0.01)
    with short.database.reading() as connection:
        (step,) = connection.exec_driver_sql(*renewing[0]).all()
    assert step.detail.startswith("SEARCH dialogues USING INDEX")
    short.close()


def test_the_lease_of_a_dead_gateway_runs_out_and_the_dead_can_append_no_more(
    url: str, other: Gateway
) -> None:
    dead = Gateway(url, seconds=0.2)
    dialogue_id = dead.store.create(model="tod").dialogue_id
    with dead.leases.hold(dialogue_id) as lease:
        # Stands still, as a stopped process would: it renews nothing.
        dead.leases.close()
        assert other.say(dialogue_id, "m1").index == 0
        with pytest.raises(BusyError, match="another gateway"):
            dead.append(lease, "m2")
    assert [turn.message_id for turn in other.store.turns(dialogue_id)] == ["m1"]
    dead.database.close()


def test_a_dialogue_deleted_under_a_message_takes_it_no_more(one: Gateway) -> None:
    dialogue_id = one.store.create(model="tod").dialogue_id
    with one.leases.hold(dialogue_id) as lease:
        one.store.delete(dialogue_id)
        with pytest.raises(MissingError):
            one.append(lease, "m1")
    with pytest.raises(MissingError):
        one.say(dialogue_id, "m1")


def test_a_dialogue_deleted_while_everything_is_exported_is_left_out(one: Gateway) -> None:
    kept, gone, empty = (one.store.create(model="tod").dialogue_id for _ in range(3))
    one.say(kept, "m1")
    one.say(gone, "m1")
    exported = everything(one.store)
    # All three have been found once the newest one is there.
    first = next(exported)
    one.store.delete(gone)
    assert [record.dialogue_id for record, _ in [first, *exported]] == [empty, kept]


def test_the_tables_themselves_refuse_a_second_turn_of_the_same_message(one: Gateway) -> None:
    dialogue_id = one.store.create(model="tod").dialogue_id
    one.say(dialogue_id, "m1")
    with pytest.raises(sa.exc.IntegrityError) as caught:
        one.say(dialogue_id, "m1")
    assert "hello" not in str(caught.value)
    assert one.store.dialogue(dialogue_id).turns == 1
    # Nothing of the failed attempt is left, and the dialogue goes on at once.
    assert one.say(dialogue_id, "m2").index == 1


def test_first_messages_of_one_sender_at_once_begin_one_dialogue(
    one: Gateway, other: Gateway
) -> None:
    start = threading.Barrier(8)

    def of_sender(number: int) -> str:
        start.wait()
        return (one, other)[number % 2].store.of_sender("anna", model="tod", alive_since=0)

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(of_sender, range(8)))) == 1
    assert len(one.store.page(limit=10)) == 1


def test_a_sender_whose_dialogue_has_expired_begins_another(one: Gateway) -> None:
    first = one.store.of_sender("anna", model="tod", alive_since=0)
    after = one.store.dialogue(first).updated_at + 1
    time.sleep(0.001)
    second = one.store.of_sender("anna", model="tod", alive_since=after)
    assert second != first
    assert one.store.of_sender("anna", model="tod", alive_since=after) == second
    assert one.store.delete_user("anna") == 2
