"""TorchServeServer: starts a TorchServe, waits until it answers, and stops it without a trace.

``tod start`` and ``tod stop`` call it.
Example: ``with start(ServerSettings()) as server: print(server.inference_url)``.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from todserve.runtime.errors import ServerError
from todserve.runtime.private_files import private_file, private_folder
from todserve.serving.archive import checksums
from todserve.serving.releases.releases import stand_again
from todserve.serving.server.config_properties import Frontend
from todserve.serving.server.java_runtime import JavaRuntime, find_java
from todserve.serving.server.ports import check_free
from todserve.serving.server.processes import processes_of, terminate
from todserve.serving.server.readiness import Probe, Worker, wait_until_ready
from todserve.serving.server.server_record import TEMP_PREFIX, Record, check_ours, forget, mark
from todserve.serving.server.server_settings import ServerSettings
from todserve.serving.server.torchserve_command import (
    LOGS,
    WORKER_LOG,
    ask_to_stop,
    console_tail,
    launch,
)
from todserve.serving.server.worker_log import load_failure


@dataclass(frozen=True, kw_only=True, slots=True)
class RunningServer:
    """A server whose models have answered their canary; leaving its ``with`` block stops it.

    Attributes:
        record: where it is.
        probes: how to ask it about each of its models, in the order they were named.
        log_dir: where its logs are.
        java: what it runs on.
        ready_seconds: from the start to the canary's answer.
    """

    record: Record
    probes: tuple[Probe, ...]
    log_dir: Path
    java: JavaRuntime
    ready_seconds: float

    @property
    def inference_url(self) -> str:
        """Where predictions are asked, without a final slash."""
        return self.record.inference_url

    @property
    def management_url(self) -> str:
        """Where models are described and scaled."""
        return self.record.management_url

    @property
    def metrics_url(self) -> str:
        """Where Prometheus reads."""
        return self.record.metrics_url

    @property
    def probe(self) -> Probe:
        """How to ask it about its first model."""
        return self.probes[0]

    def workers(self) -> tuple[Worker, ...]:
        """Return the first model's workers now."""
        return self.probe.workers()

    def stop(self) -> None:
        """Stop it; nothing happens when it was stopped already."""
        stop(self.log_dir)

    def __enter__(self) -> "RunningServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def start(
    settings: ServerSettings, *, launching: Callable[[], None] = lambda: None
) -> RunningServer:
    """Start TorchServe in the background and return once every model has answered.

    Args:
        settings: what to serve.
        launching: called once nothing speaks against the start, before TorchServe is launched.

    Raises:
        ConfigError: config.properties is unsafe or wrong, or JAVA_HOME names no Java.
        ArchiveError: an archive is missing or altered.
        ServerError: there is no Java, a port is taken, a server of this log folder runs already,
            or a model cannot load; nothing is left running then.
    """
    frontend = Frontend.read(settings.config)
    frontend.check()
    checksums.verify(settings.store, settings.archives)
    java = find_java(os.environ)
    _refuse_second(settings.log_dir)
    check_free(frontend.addresses)
    private_folder(settings.log_dir)
    for name in LOGS:
        log = settings.log_dir / name
        if log.exists():
            log.replace(log.with_suffix(".log.previous"))
        private_file(log)
    launching()
    begun = time.monotonic()
    temp_dir = Path(tempfile.mkdtemp(prefix=TEMP_PREFIX, dir=_short_base()))
    mark(temp_dir)
    try:
        record = launch(settings, frontend, java, temp_dir)
        probes = tuple(
            Probe(
                name=name,
                inference_url=record.inference_url,
                management_url=record.management_url,
                key_file=temp_dir / "key_file.json" if frontend.tokens else None,
            )
            for name in settings.names
        )

        def check() -> None:
            _check_alive(record, settings.log_dir)

        for probe in probes:
            wait_until_ready(probe, deadline=begun + settings.ready_timeout, check=check)
            stand_again(settings.log_dir, probe)
    except BaseException:
        _clean(temp_dir)
        forget(settings.log_dir)
        raise
    return RunningServer(
        record=record,
        probes=probes,
        log_dir=settings.log_dir,
        java=java,
        ready_seconds=time.monotonic() - begun,
    )


def stop(log_dir: Path) -> bool:
    """Stop the server whose record lies in ``log_dir`` and confirm that no process is left.

    Returns:
        Whether there was one.

    Raises:
        ServerError: a process could not be ended, or the record names what is not ours.
    """
    record = Record.load(log_dir)
    if record is None:
        return False
    temp_dir = Path(record.temp_dir)
    check_ours(temp_dir, log_dir)
    was_running = record.running
    if was_running and temp_dir.is_dir():
        ask_to_stop(record.pid, temp_dir)
    _clean(temp_dir)
    forget(log_dir)
    return was_running


def _refuse_second(log_dir: Path) -> None:
    record = Record.load(log_dir)
    if record is None:
        return
    if record.running:
        raise ServerError(
            f"a server is already running: {record.inference_url}, process {record.pid}; "
            f"stop it with `tod stop --logs {log_dir}`, or give this one another log folder and "
            "other ports"
        )
    check_ours(Path(record.temp_dir), log_dir)
    _clean(Path(record.temp_dir))  # it was killed, and left its workers or unpacked models
    forget(log_dir)


def _short_base() -> str | None:
    # A socket's path has at most 107 characters on Linux: a long TMPDIR would not do.
    return None if len(tempfile.gettempdir()) < 70 else "/tmp"  # noqa: S108 (mkdtemp is private)


def _check_alive(record: Record, log_dir: Path) -> None:
    cause = load_failure(log_dir / WORKER_LOG)
    if cause is not None:
        raise ServerError(f"the model cannot load:\n{cause}")
    if not record.running:
        raise ServerError(f"TorchServe ended while starting:\n{console_tail(log_dir)}")


def _clean(temp_dir: Path) -> None:
    terminate(processes_of(temp_dir), patience=10.0)
    left = processes_of(temp_dir)
    if left:
        pids = ", ".join(str(process.pid) for process in left)
        raise ServerError(f"processes {pids} could not be ended; end them yourself")
    shutil.rmtree(temp_dir, ignore_errors=True)
