"""What ``tod start`` says, and that it says nothing before it is true."""

import os
from pathlib import Path

import pytest

from todserve.cli import main
from todserve.serving.server import server_announcements
from todserve.serving.server.java_runtime import JavaRuntime
from todserve.serving.server.readiness import Probe, Worker
from todserve.serving.server.server_record import Record
from todserve.serving.server.torchserve_server import RunningServer


def test_a_start_that_is_refused_announces_no_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = Path("config.properties").resolve()
    words = ["start", "--store", str(tmp_path), "--config", str(config), "--logs", str(tmp_path)]
    assert main.main(words) == 1
    said = capsys.readouterr()
    assert "does not exist; build it with `tod archive CHECKPOINT`" in said.err
    assert said.out == ""


def test_every_model_tells_its_own_workers_and_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Described(Probe):
        def workers(self) -> tuple[Worker, ...]:
            size = {"tod": 372_000_000, "korean": 90_000_000}[self.name]
            return (Worker(worker_id="9000", pid=os.getpid(), ready=True, memory=size),)

    url = "http://127.0.0.1:8080"
    record = Record(
        pid=os.getpid(),
        created=0.0,
        temp_dir=str(tmp_path),
        name="tod",
        inference_url=url,
        management_url=url,
        metrics_url=url,
    )
    running = RunningServer(
        record=record,
        probes=tuple(
            Described(name=name, inference_url=url, management_url=url)
            for name in ("tod", "korean")
        ),
        log_dir=tmp_path,
        java=JavaRuntime(executable=Path("/x/bin/java"), version=17, source="PATH"),
        ready_seconds=2.0,
    )
    # Starting two models for real is what tests/e2e does; here only the words are looked at.
    monkeypatch.setattr(server_announcements, "start", lambda *_, **__: running)
    assert main.main(["start", "--name", "tod", "korean"]) == 0
    shown = capsys.readouterr().out
    assert f"  inference   {url}/predictions/tod\n  workers     1: 372 MB\n" in shown
    assert f"  inference   {url}/predictions/korean\n  workers     1: 90 MB\n" in shown
