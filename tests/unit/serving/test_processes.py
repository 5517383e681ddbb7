import dataclasses
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from todserve.runtime.errors import ServerError
from todserve.serving.server.processes import is_running, processes_of, terminate
from todserve.serving.server.server_record import Record, forget, mark
from todserve.serving.server.torchserve_server import stop

WAIT = "import sys, time; print('up', flush=True); time.sleep(60)"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + WAIT


def spawn(code: str, *arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", code, *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    return process


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    with spawn(WAIT, "ts/model_service_worker.py", f"{tmp_path}/.ts.sock.9000") as process:
        yield process
        process.kill()


def make_record(process: psutil.Process) -> Record:
    return Record(
        pid=process.pid,
        created=process.create_time(),
        temp_dir="/tmp/tod-x",  # noqa: S108
        name="tod",
        inference_url="http://127.0.0.1:1",
        management_url="http://127.0.0.1:2",
        metrics_url="http://127.0.0.1:3",
    )


def test_processes_of_finds_by_folder(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    assert [process.pid for process in processes_of(tmp_path)] == [sleeper.pid]
    assert processes_of(Path(str(tmp_path)[:-1])) == []


def test_processes_of_leaves_others_who_name_the_folder(tmp_path: Path) -> None:
    with spawn(WAIT, f"{tmp_path}/config.properties") as editor:
        assert processes_of(tmp_path) == []
        editor.kill()


def test_zombie_does_not_run(sleeper: subprocess.Popen[bytes]) -> None:
    process = psutil.Process(sleeper.pid)
    assert is_running(process)
    sleeper.kill()
    # Wait for its end, but leave it unreaped.
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    assert not is_running(process)


def test_terminate_kills_who_does_not_listen(tmp_path: Path) -> None:
    with spawn(DEAF, str(tmp_path)) as process:
        killed = terminate([psutil.Process(process.pid)], patience=0.2)
        assert [one.pid for one in killed] == [process.pid]
        assert not psutil.pid_exists(process.pid)


def test_record_comes_back_and_is_forgotten(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    record = make_record(psutil.Process(sleeper.pid))
    record.save(tmp_path)
    assert Record.load(tmp_path) == record
    assert record.running
    forget(tmp_path)
    assert Record.load(tmp_path) is None


def test_record_of_another_process_with_the_same_number_does_not_run(
    sleeper: subprocess.Popen[bytes],
) -> None:
    record = make_record(psutil.Process(sleeper.pid))
    earlier = Record(**{**{f: getattr(record, f) for f in record.__slots__}, "created": 1.0})
    assert not earlier.running


def test_stop_deletes_no_folder_without_our_mark(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    logs, theirs, ours = tmp_path / "logs", tmp_path / "tod-theirs", tmp_path / "tod-ours"
    for folder in (logs, theirs, ours):
        folder.mkdir()
    (theirs / "precious").write_text("x")
    mark(ours)
    link = tmp_path / "tod-link"
    link.symlink_to(ours)
    copied = tmp_path / "tod-copied"
    shutil.copytree(ours, copied)
    record = make_record(psutil.Process(sleeper.pid))
    named = [str(theirs), str(link), str(copied), f"{ours}/../tod-theirs", f"{ours}/.."]
    for temp_dir in (*named, "/", "", ".", "tod-ours", f"{tmp_path}/gone"):
        dataclasses.replace(record, temp_dir=temp_dir).save(logs)
        with pytest.raises(ServerError, match="temp_dir: got .*nothing was ended or deleted"):
            stop(logs)
    assert (theirs / "precious").read_text() == "x"
    assert is_running(psutil.Process(sleeper.pid))
    dataclasses.replace(record, temp_dir=str(ours), created=1.0).save(logs)
    assert stop(logs) is False
    assert not ours.exists()


def test_stop_forgets_a_server_whose_folder_is_gone(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    record = make_record(psutil.Process(sleeper.pid))
    dataclasses.replace(record, temp_dir=str(tmp_path / "tod-gone"), created=1.0).save(tmp_path)
    assert stop(tmp_path) is False
    assert Record.load(tmp_path) is None


WRONG_TYPES = json.dumps(dict.fromkeys(Record.__slots__, 1))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}', WRONG_TYPES])
def test_unreadable_record_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "server.json").write_text(text)
    assert Record.load(tmp_path) is None
