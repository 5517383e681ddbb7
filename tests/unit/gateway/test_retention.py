"""Retention: what nobody touched for long goes, and nothing else does."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import ValidationError

from tests.support.gateway_server import GatewayServer, ModelServer
from tests.unit.gateway.test_store import Gateway
from todserve.gateway.gateway_errors import MissingError
from todserve.gateway.gateway_settings import GatewaySettings
from todserve.gateway.store import tables
from todserve.gateway.store.dialogue_store import now_in_microseconds
from todserve.gateway.store.retention import Retention

DAY = 86_400 * 1_000_000


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/dialogues.sqlite"


@pytest.fixture
def one(url: str) -> Iterator[Gateway]:
    gateway = Gateway(url)
    yield gateway
    gateway.close()


def begin(gateway: Gateway, *, days_ago: float, text: str = "hello") -> str:
    """Begin a dialogue of one turn that was said so long ago."""
    dialogue_id = gateway.store.create(model="tod").dialogue_id
    gateway.say(dialogue_id, text)
    moment = now_in_microseconds() - round(days_ago * DAY)
    this = tables.dialogues.c.dialogue_id == dialogue_id
    with gateway.database.writing() as connection:
        connection.execute(sa.update(tables.dialogues).where(this).values(updated_at=moment))
    return dialogue_id


def kept(gateway: Gateway) -> set[str]:
    return {record.dialogue_id for record in gateway.store.page(limit=1000)}


def test_old_dialogues_go_with_their_turns_and_young_ones_stay(one: Gateway, url: str) -> None:
    old, young = begin(one, days_ago=31, text="zebra"), begin(one, days_ago=29)
    assert Retention(one.database, days=30).sweep() == 1
    assert kept(one) == {young}
    assert one.store.turns(old) == ()
    assert len(one.store.turns(young)) == 1
    folder = Path(url.removeprefix("sqlite:///")).parent
    for file in folder.glob("dialogues.sqlite*"):
        assert b"zebra" not in file.read_bytes()


def test_a_correction_is_a_touch(one: Gateway) -> None:
    dialogue_id = begin(one, days_ago=31)
    with one.leases.hold(dialogue_id) as lease:
        one.store.correct(lease, {0: {"verdict": "right"}})
    assert Retention(one.database, days=30).sweep() == 0
    assert kept(one) == {dialogue_id}


def test_a_dialogue_in_which_something_is_being_said_stays(one: Gateway) -> None:
    dialogue_id = begin(one, days_ago=31)
    with one.leases.hold(dialogue_id) as lease:
        assert Retention(one.database, days=30).sweep() == 0
        one.append(lease, "m2")
    assert len(one.store.turns(dialogue_id)) == 2
    assert Retention(one.database, days=30).sweep() == 0


def test_gateways_that_delete_at_once_delete_everything_once(one: Gateway, url: str) -> None:
    other = Gateway(url)
    old = [begin(one, days_ago=31) for _ in range(230)]
    young = {begin(one, days_ago=1) for _ in range(3)}
    with ThreadPoolExecutor(4) as pool:
        sweeps = [Retention(each.database, days=30).sweep for each in (one, other) * 2]
        deleted = sum(future.result() for future in [pool.submit(sweep) for sweep in sweeps])
    other.close()
    assert deleted == len(old)
    assert kept(one) == young


def test_a_running_gateway_deletes_by_itself(tmp_path: Path, one: Gateway, url: str) -> None:
    old, young = begin(one, days_ago=31), begin(one, days_ago=1)
    with ModelServer() as model:
        settings = GatewaySettings(database=url, model_url=model.url, retain_days=30)
        with GatewayServer(settings) as gateway:
            deadline = time.monotonic() + 30
            while old in kept(one):
                assert time.monotonic() < deadline, "the old dialogue is still there"
                time.sleep(0.02)
            assert len(gateway.turns(young)) == 1
            assert gateway.call("GET", f"/v1/dialogues/{old}").status_code == 404
    with pytest.raises(MissingError):
        one.store.dialogue(old)


def test_everything_is_kept_unless_told_otherwise(one: Gateway, url: str) -> None:
    old = begin(one, days_ago=10_000)
    with ModelServer() as model:
        settings = GatewaySettings(database=url, model_url=model.url)
        assert settings.retain_days == 0
        with GatewayServer(settings) as gateway:
            assert len(gateway.turns(old)) == 1
    assert kept(one) == {old}
    with pytest.raises(ValidationError, match="retain_days"):
        GatewaySettings(retain_days=-1)
