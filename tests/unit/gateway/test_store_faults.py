"""What befalls the database's file: it is noticed, said, and over when it is over."""

import resource
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.support.gateway_server import GatewayServer, ModelServer
from todserve.gateway.gateway_settings import GatewaySettings
from todserve.gateway.store import database as database_module
from todserve.gateway.store.database import Database
from todserve.runtime.errors import ConfigError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kept" / "dialogues.sqlite"


@pytest.fixture
def gateway(path: Path) -> Iterator[GatewayServer]:
    with ModelServer() as model:
        settings = GatewaySettings(database=f"sqlite:///{path}", model_url=model.url)
        with GatewayServer(settings) as serving:
            yield serving


@contextmanager
def another_process_writes(path: Path) -> Iterator[None]:
    """Hold SQLite's lock for writing, as another program would."""
    with sqlite3.connect(path, isolation_level=None) as holder:
        holder.execute("BEGIN IMMEDIATE")
        yield
        holder.execute("ROLLBACK")
    holder.close()


def ready(gateway: GatewayServer) -> bool:
    gateway_is = gateway.call("GET", "/ready").json()
    return bool(gateway_is["store"])


def wait_until_ready_is(gateway: GatewayServer, expected: bool) -> None:
    for _ in range(200):
        if ready(gateway) is expected:
            return
        threading.Event().wait(0.1)  # it looks once a second
    raise AssertionError(f"/ready did not come to say store: {expected}")


# A connection that was opened while the file may only be read stays so. Root may write to any file,
# so the program becomes somebody else first.
_READ_ONLY = """
import os, tempfile, time
from pathlib import Path
from todserve.gateway.store.database import Database
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
with tempfile.TemporaryDirectory(dir="/tmp") as made:
    folder = Path(made)
    database = Database(f"sqlite:///{folder}/dialogues.sqlite")
    assert database.writable()
    for one in folder.iterdir():
        one.chmod(0o400)
    folder.chmod(0o500)
    database.engine.dispose()  # as when more connections are needed than there are
    print("while it is read-only:", database.writable(), database.writable())
    folder.chmod(0o700)
    for one in folder.iterdir():
        one.chmod(0o600)
    end = time.monotonic() + 60
    while not (taken := database.writable()) and time.monotonic() < end:
        time.sleep(0.1)
    print("afterwards:", taken)
    database.close()
"""


def test_a_database_that_was_read_only_for_a_while_is_written_to_again() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _READ_ONLY], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.stdout == "while it is read-only: False False\nafterwards: True\n"


def test_a_connection_that_may_not_write_is_not_kept(path: Path) -> None:
    database = Database(f"sqlite:///{path}", connections=2)
    with database.engine.connect() as first, database.engine.connect() as second:
        for one in (first, second):
            one.exec_driver_sql("PRAGMA query_only=ON")  # SQLite's own refusal, of the same kind
    assert not database.writable()
    assert database.writable()
    database.close()


def test_ready_says_so_when_the_disk_is_full(gateway: GatewayServer, path: Path) -> None:
    wait_until_ready_is(gateway, True)
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, usual[1]))
    try:
        wait_until_ready_is(gateway, False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    wait_until_ready_is(gateway, True)
    assert gateway.say(gateway.begin(), "a train", "m1").status_code == 200


def test_a_disk_that_has_hardly_any_room_is_full(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(f"sqlite:///{path}")
    assert database.writable()
    monkeypatch.setattr(database_module, "_LEAST_BYTES", 1 << 62)
    assert not database.writable()
    database.close()


def test_a_file_that_is_gone_is_noticed_and_used_again_when_it_is_back(
    gateway: GatewayServer, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    dialogue = gateway.begin()
    assert gateway.say(dialogue, "a train", "m1").status_code == 200
    with sqlite3.connect(path) as source, sqlite3.connect(path.with_name("copy")) as copy:
        source.backup(copy)
    source.close()
    copy.close()
    for one in path.parent.glob("dialogues.sqlite*"):
        one.unlink()
    refused = gateway.say(dialogue, "a taxi", "m2")
    assert refused.status_code == 503
    assert refused.json()["type"] == "store_unavailable"
    assert gateway.call("GET", f"/v1/dialogues/{dialogue}").status_code == 503
    wait_until_ready_is(gateway, False)
    assert not path.exists()  # an empty one would look like a loss of everything
    assert caplog.text.count("the database's file is gone;") == 1
    shutil.copyfile(path.with_name("copy"), path)
    assert gateway.say(dialogue, "a taxi", "m2").status_code == 200
    assert [turn["user"] for turn in gateway.turns(dialogue)] == ["a train", "a taxi"]
    with sqlite3.connect(path) as found:
        assert found.execute("SELECT count(*) FROM turns").fetchone() == (2,)
    found.close()


def test_those_who_wait_for_another_process_wait_together_and_not_one_after_the_other(
    path: Path,
) -> None:
    database = Database(f"sqlite:///{path}")
    told: list[str] = []

    def noted(_: object, __: object, statement: str, *___: object) -> None:
        told.append(statement)

    def write() -> None:
        with (
            pytest.raises(sa.exc.SQLAlchemyError, match=r"locked|too long"),
            database.writing(seconds=2.0) as connection,
        ):
            connection.execute(sa.text("SELECT 1"))

    sa.event.listen(database.engine, "before_cursor_execute", noted)
    with another_process_writes(path), ThreadPoolExecutor(6) as pool:
        for future in [pool.submit(write) for _ in range(6)]:
            future.result()
    # The first had it all; for whoever came after him hardly anything was left.
    asked = "PRAGMA busy_timeout="
    waits = [int(one.removeprefix(asked)) for one in told if one.startswith(asked)]
    assert sum(one > 1000 for one in waits) == 1, waits
    assert database.writable()
    database.close()


def test_reading_goes_on_while_many_wait_to_write(path: Path) -> None:
    with ModelServer() as model:
        settings = GatewaySettings(database=f"sqlite:///{path}", model_url=model.url, threads=16)
        with GatewayServer(settings) as gateway, ThreadPoolExecutor(40) as pool:
            dialogue = gateway.begin()
            with another_process_writes(path):
                begun = [pool.submit(gateway.call, "POST", "/v1/dialogues", {}) for _ in range(40)]
                for _ in range(5):
                    assert gateway.turns(dialogue) == []
                assert any(not one.done() for one in begun)  # they were waiting all the while
            statuses = {one.result().status_code for one in begun}
    assert statuses == {201, 503}


@pytest.mark.parametrize("kind", ["folder", "text", "read-only"])
def test_a_database_that_cannot_be_used_is_refused_without_trying_again(
    path: Path, kind: str
) -> None:
    path.parent.mkdir()
    url = f"sqlite:///{path}"
    if kind == "folder":
        path.mkdir()
    elif kind == "text":
        path.write_text("no database " * 100)
    else:
        Database(url).close()
        url = f"sqlite:///file:{path}?mode=ro&uri=true"
    with pytest.raises(ConfigError, match="cannot open it"):
        Database(url)
    tried = database_module._keep_a_log.statistics
    assert tried.get("attempt_number", 1) == 1
