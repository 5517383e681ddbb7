"""A backup is one moment of the store, whole or refused; a person's dialogues come out and go."""

import gzip
import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.support.gateway_server import GatewayServer, ModelServer
from tests.support.remembered import corrected, spoken
from todserve.cli import main
from todserve.gateway.gateway_settings import GatewaySettings
from todserve.gateway.store.database import Database
from todserve.gateway.store.dialogue_store import Store
from todserve.gateway.store.store_backup import back_up, restore
from todserve.gateway.store.tables import metadata
from todserve.runtime.errors import ConfigError


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/dialogues.sqlite"


@pytest.fixture
def gateway(url: str) -> Iterator[GatewayServer]:
    with (
        ModelServer() as model,
        GatewayServer(GatewaySettings(database=url, model_url=model.url)) as server,
    ):
        yield server


def filled(gateway: GatewayServer) -> str:
    """Return a dialogue of anna's, corrected, beside one of nobody's and an example."""
    dialogue_id = gateway.begin(user_id="anna")
    for number, user in enumerate(("a zebra train", "on friday")):
        assert gateway.say(dialogue_id, user, str(number)).status_code == 200
    corrected(gateway, dialogue_id, 0, belief_state={"train": {"people": "4"}}, rerun=True)
    spoken(gateway, "a train of nobody")
    stored = gateway.call("POST", "/v1/examples", {"text": "기차", "intent": "find_train"})
    assert stored.status_code == 201, stored.text
    return dialogue_id


def everything(url: str) -> dict[str, list[tuple[object, ...]]]:
    database = Database(url)
    with database.reading() as connection:
        found = {
            table.name: sorted(map(tuple, connection.execute(sa.select(table))), key=repr)
            for table in metadata.sorted_tables
        }
    database.close()
    return found


def tried(*words: str) -> int:
    return main.main(["dialogues", *words])


def test_a_backup_of_a_running_gateway_is_restored_whole(
    gateway: GatewayServer, url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    filled(gateway)
    file, other = tmp_path / "monday.backup", f"sqlite:///{tmp_path}/other.sqlite"
    assert tried("backup", str(file), "--database", url) == 0
    assert "2 dialogues, 3 turns, 1 examples" in capsys.readouterr().out
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert tried("restore", str(file), "--database", other) == 0
    assert everything(other) == everything(url)
    assert tried("restore", str(file), "--database", other) == 1
    assert "holds dialogues already; expected an empty one" in capsys.readouterr().err
    assert everything(other) == everything(url)


def test_a_backup_that_is_not_whole_leaves_the_database_empty(
    gateway: GatewayServer, url: str, tmp_path: Path
) -> None:
    filled(gateway)
    whole, broken = tmp_path / "whole.backup", tmp_path / "broken.backup"
    database, empty = Database(url), Database(f"sqlite:///{tmp_path}/empty.sqlite")
    back_up(database, whole)
    lines = gzip.decompress(whole.read_bytes()).splitlines(keepends=True)
    old = json.dumps(json.loads(lines[0]) | {"version": "0001"}).encode() + b"\n"
    wrong = {
        "only a part": gzip.compress(b"".join(lines[:-1])),
        "EOFError": whole.read_bytes()[:-20],
        "BadGzipFile": b"".join(lines),
        "another file": gzip.compress(b'{"kind": "x"}\n'),
        "version 0001": gzip.compress(old + b"".join(lines[1:])),
        "lines after": gzip.compress(b"".join([*lines, lines[1]])),
    }
    for got, content in wrong.items():
        broken.write_bytes(content)
        with pytest.raises(ConfigError, match=got):
            restore(empty, broken)
        assert Store(empty).page(limit=10) == ()
    database.close()
    empty.close()


def test_a_person_gets_all_that_is_held_and_is_erased_from_every_table(
    gateway: GatewayServer, url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dialogue_id = filled(gateway)
    (line,) = gateway.call("GET", "/v1/users/anna").text.splitlines()
    told = json.loads(line)
    assert (told["dialogue_id"], told["user_id"]) == (dialogue_id, "anna")
    assert [turn["user"] for turn in told["turns"]] == ["a zebra train", "on friday"]
    assert told["turns"][0]["correction"]["belief_state"] == {"train": {"people": "4"}}
    out = tmp_path / "anna.jsonl"
    assert tried("export", "anna", "--out", str(out), "--database", url) == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert json.loads(out.read_text()) == told
    assert tried("erase", "anna", "--database", url) == 0
    assert "1 dialogues erased" in capsys.readouterr().out
    left = repr(everything(url))
    assert dialogue_id not in left
    assert "zebra" not in left
    assert "a train of nobody" in left
    assert gateway.call("GET", "/v1/users/anna").text == ""
    for file in tmp_path.glob("dialogues.sqlite*"):
        assert b"zebra" not in file.read_bytes()


def test_a_database_that_is_not_there_is_named_and_not_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tried("erase", "anna", "--database", f"sqlite:///{tmp_path}/typo.sqlite") == 1
    told = capsys.readouterr().err
    assert "typo.sqlite: no such database" in told
    assert "name it with --database" in told
    assert [*tmp_path.iterdir()] == []
