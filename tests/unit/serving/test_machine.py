"""``tod status`` and ``tod doctor``: what runs, what lacks, and what a script reads of it."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.management_server import ManagementServer
from todserve.cli import main
from todserve.serving.server import machine_checks
from todserve.serving.server.machine_checks import Verdict, check_machine
from todserve.serving.server.server_record import Record
from todserve.serving.server.server_status import verb_of

CONFIG = """
inference_address=http://127.0.0.1:{port}
management_address=http://127.0.0.1:{management}
metrics_address=http://127.0.0.1:{metrics}
grpc_inference_port={grpc}
grpc_management_port={grpc_management}
disable_token_authorization=true
enable_model_api=false
allowed_urls=(?!)
workflow_store=/dev/null/none
"""


def record_of(server: ManagementServer, temp_dir: Path) -> Record:
    """Return this very process as a server's record."""
    return Record(
        pid=os.getpid(),
        created=psutil.Process().create_time(),
        temp_dir=str(temp_dir),
        name="tod",
        inference_url="http://127.0.0.1:9",
        management_url=server.url,
        metrics_url="http://127.0.0.1:9",
    )


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    """A server's temporary folder with one unpacked archive."""
    folder = tmp_path / "tod-x"
    archive = folder / "models" / "abc"
    (archive / "MAR-INF").mkdir(parents=True)
    manifest = {"modelName": "tod", "modelVersion": "1.0", "configFile": "model-config.yaml"}
    (archive / "MAR-INF" / "MANIFEST.json").write_text(json.dumps({"model": manifest}))
    (archive / "model-config.yaml").write_text("handler: {engine: {engine: onnx, dtype: auto}}\n")
    (archive / "export.json").write_text('{"dtype": "int8"}')
    return folder


def test_nothing_runs_and_the_exit_status_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["status", "--logs", str(tmp_path)]) == 1
    assert (
        "no server of `tod start` runs here; start one with: tod start\n" in capsys.readouterr().out
    )
    assert main.main(["status", "--logs", str(tmp_path), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["running"], told["ready"], told["models"]) == (False, False, [])


def test_what_runs_is_told_with_version_engine_workers_and_memory(
    tmp_path: Path, unpacked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with ManagementServer(tod=[("1.0", "READY")], korean=[("2.0", "READY")]) as server:
        record_of(server, unpacked).save(tmp_path)
        assert main.main(["status", "--logs", str(tmp_path), "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert main.main(["status", "--logs", str(tmp_path)]) == 0
        shown = capsys.readouterr().out
    first, second = told["models"]
    assert (first["name"], first["version"], first["engine"]) == ("tod", "1.0", "onnx")
    assert (first["dtype"], first["ready"]) == ("int8", True)
    assert first["workers"][0]["pid"] == os.getpid()
    assert first["workers"][0]["memory_bytes"] > 1_000_000
    assert (second["name"], second["engine"]) == ("korean", None)
    assert told["server"]["management"] == server.url
    assert f"process {os.getpid()}" in shown
    assert [line.split()[:4] for line in shown.splitlines() if line.startswith("tod ")] == [
        ["tod", "1.0", "onnx", "int8"]
    ]


def test_a_worker_that_is_not_ready_is_no_success(
    tmp_path: Path, unpacked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with ManagementServer(tod=[("1.0", "READY")], slow=[("1.0", "UNLOADING")]) as server:
        record_of(server, unpacked).save(tmp_path)
        assert main.main(["status", "--logs", str(tmp_path)]) == 1
    assert "0 of 1 ready" in capsys.readouterr().out


def test_a_server_whose_management_port_is_silent_is_told(
    tmp_path: Path, unpacked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with ManagementServer() as server:
        record = record_of(server, unpacked)
    record.save(tmp_path)
    assert main.main(["status", "--logs", str(tmp_path)]) == 1
    assert "its management port does not answer" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "verb"),
    [
        (["/x/python", "/x/bin/tod", "gateway", "--port", "1"], "gateway"),
        (["python", "-m", "todserve", "studio"], "studio"),
        (["tod", "studio"], "studio"),
        (["tod", "chat"], None),
        (["vi", "gateway"], None),
        ([], None),
    ],
)
def test_a_gateway_is_known_by_its_command_line(words: list[str], verb: str | None) -> None:
    assert verb_of(words) == verb


@pytest.fixture
def ports() -> Iterator[list[socket.socket]]:
    """Five ports, the first of which is taken."""
    sockets = [socket.socket() for _ in range(5)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    sockets[0].listen()
    yield sockets
    for one in sockets:
        one.close()


def config_with(ports: list[socket.socket], path: Path) -> Path:
    numbers = [one.getsockname()[1] for one in ports]
    for one in ports[1:]:
        one.close()
    names = ("port", "management", "metrics", "grpc", "grpc_management")
    path.write_text(CONFIG.format(**dict(zip(names, numbers, strict=True))))
    return path


def test_doctor_names_what_lacks_and_the_command_that_mends_it(
    tmp_path: Path, ports: list[socket.socket], capsys: pytest.CaptureFixture[str]
) -> None:
    config = config_with(ports, tmp_path / "config.properties")
    taken = ports[0].getsockname()[1]
    words = ["--store", str(tmp_path / "none"), "--logs", str(tmp_path), "--config", str(config)]
    assert main.main(["doctor", *words, "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    checks = {check["name"]: check for check in told["checks"]}
    assert told["well"] is False
    assert checks["python"]["verdict"] == "ok"
    assert checks["archives"]["verdict"] == "missing"
    assert checks["archives"]["fix"] == "tod archive checkpoints/multiwoz"
    assert checks[f"port {taken}"]["verdict"] == "missing"
    assert "already in use" in checks[f"port {taken}"]["found"]
    assert all(check["fix"] for check in told["checks"] if check["verdict"] == "missing")
    assert main.main(["doctor", *words]) == 1
    shown = capsys.readouterr().out
    assert "-> tod archive checkpoints/multiwoz\n" in shown
    assert shown.endswith(f"{sum(c['verdict'] == 'missing' for c in told['checks'])} missing\n")


def requires(*lines: str) -> Any:
    return lambda _: list(lines)


def test_doctor_tells_packages_from_what_is_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    there = metadata.version("typer")
    monkeypatch.setattr(
        "importlib.metadata.requires",
        requires(
            f"typer=={there}",
            "rich==0.0.1",
            'no-such-package==2.0; extra == "serve"',
            'no-such-thing==1.0; extra == "bench"',
        ),
    )
    found = [check for check in check_machine() if check.name in ("packages", "extra bench")]
    assert [check.fix for check in found if check.missing] == [
        *("pip install 'rich==0.0.1'", "pip install 'no-such-package==2.0'")
    ]
    (bench,) = [check for check in found if check.name == "extra bench"]
    assert (bench.verdict, bench.fix) == (Verdict.OPTIONAL, "pip install 'todserve[bench]'")


def test_doctor_says_where_java_lacks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    (java,) = [check for check in check_machine() if check.name == "java"]
    assert (java.missing, java.fix) == (True, "unset JAVA_HOME")


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_doctor_says_which_folder_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    checks = check_machine(log_dir=tmp_path / "logs")
    tmp_path.chmod(0o700)
    (folder,) = [check for check in checks if check.name == f"folder {tmp_path / 'logs'}"]
    assert folder.fix == f"chmod u+rwx {tmp_path}"


def test_doctor_names_the_python_that_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_checks, "OLDEST_PYTHON", (99, 0))
    assert check_machine()[0].fix == "TOD_PYTHON=python99.0 make setup"
    assert sys.executable in check_machine()[0].found


def test_doctor_helps_where_only_a_client_is_installed() -> None:
    source = (
        "import sys; sys.modules.update(dict.fromkeys(('psutil', 'yaml', 'torch', 'numpy'))); "
        "from todserve.cli.main import main; print(main(['doctor'])); print(main(['status']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=True
    )
    assert "ok       python" in done.stdout
    assert "package 'psutil' is not installed" in done.stderr
    assert "`tod doctor`" in done.stderr
