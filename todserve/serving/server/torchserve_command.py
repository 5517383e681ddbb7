"""TorchServe's command: calls it with our settings, in an environment of its own.

The one place that starts and stops ``torchserve``; `torchserve_server` calls it.
Example: ``launch(settings, frontend, java, temp_dir).pid`` is the JVM's process number.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

from todserve.runtime.errors import ServerError
from todserve.runtime.private_files import OTHERS
from todserve.serving.server.config_properties import Frontend
from todserve.serving.server.java_runtime import JavaRuntime
from todserve.serving.server.processes import is_running
from todserve.serving.server.server_record import Record
from todserve.serving.server.server_settings import ServerSettings

CONSOLE_LOG = "console.log"
WORKER_LOG = "worker.log"
LOGS = (CONSOLE_LOG, "server.log", WORKER_LOG)
_STOP_PATIENCE = 60.0  # seconds; TorchServe lets running requests end


def launch(
    settings: ServerSettings, frontend: Frontend, java: JavaRuntime, temp_dir: Path
) -> Record:
    """Start TorchServe in the background and write down what was started.

    Raises:
        ServerError: it ended at once; with what it printed.
    """
    ours = frontend.write(temp_dir / "config.properties")
    command = [sys.executable, "-P", "-m", "ts.model_server", "--start", "--ncs"]
    command += ["--model-store", str(settings.store.resolve())]
    command += ["--models", *(f"{name}={archive}" for name, archive in settings.models)]
    command += ["--ts-config", str(ours.path), "--log-config", str(settings.log_config.resolve())]
    environment = server_environment(java, temp_dir, settings.log_dir)
    with (settings.log_dir / CONSOLE_LOG).open("wb") as console:
        # Its logs, like what it unpacks, are nobody else's to read.
        subprocess.run(
            command,
            cwd=temp_dir,  # where TorchServe writes key_file.json
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in the terminal is not for the server
            umask=OTHERS,
            check=False,
        )
    pid_file = temp_dir / ".model_server.pid"
    if not pid_file.is_file():
        raise ServerError(f"TorchServe did not start:\n{console_tail(settings.log_dir)}")
    record = Record(
        pid=int(pid_file.read_text(encoding="utf-8")),
        created=_created(int(pid_file.read_text(encoding="utf-8")), settings.log_dir),
        temp_dir=str(temp_dir),
        name=settings.names[0],
        store=str(settings.store.resolve()),
        inference_url=ours.inference.url,
        management_url=ours.management.url,
        metrics_url=ours.metrics.url,
    )
    record.save(settings.log_dir)
    return record


def server_environment(java: JavaRuntime, temp_dir: Path, log_dir: Path) -> dict[str, str]:
    """Return the environment for TorchServe and its workers.

    What the caller's environment says about Python and TorchServe is left out: PYTHONPATH would
    stand before the archive, PYTHONWARNINGS=error would end a worker, TS_CONFIG_FILE would win
    over ours. Threads of PyTorch that wait do not spin, unless the caller's environment wants it:
    where other processes have work too, spinning costs far more than it saves.
    """
    kept = {
        key: text
        for key, text in os.environ.items()
        if not key.startswith(("PYTHON", "TS_")) and key not in {"TEMP", "TMP"}
    }
    # TMPDIR is where Python, TEMP where Java keep their files; LOG_LOCATION is for log4j2.
    ours = {"TMPDIR": temp_dir, "TEMP": temp_dir, "LOG_LOCATION": log_dir.resolve()}
    ours |= {"METRICS_LOCATION": log_dir.resolve(), "JAVA_HOME": java.home}
    return {"OMP_WAIT_POLICY": "PASSIVE"} | kept | {key: str(path) for key, path in ours.items()}


def _created(pid: int, log_dir: Path) -> float:
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        raise ServerError(f"TorchServe ended at once:\n{console_tail(log_dir)}") from None


def console_tail(log_dir: Path) -> str:
    """Return the last lines that TorchServe printed."""
    lines = (log_dir / CONSOLE_LOG).read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(lines[-30:]) or "(it printed nothing)"


def ask_to_stop(pid: int, temp_dir: Path) -> None:
    """Call ``torchserve --stop`` and return when the JVM has ended, or will not."""
    environment = dict(os.environ) | {"TMPDIR": str(temp_dir)}  # where its pid file is
    environment.pop("PYTHONPATH", None)
    command = [sys.executable, "-P", "-m", "ts.model_server", "--stop", "--foreground"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, cwd=temp_dir, env=environment, **quiet) as stopping:  # type: ignore[call-overload]
        deadline = time.monotonic() + _STOP_PATIENCE
        server = psutil.Process(pid) if psutil.pid_exists(pid) else None
        while stopping.poll() is None and time.monotonic() < deadline:
            # It waits for ever on a zombie, which is what a container without init leaves.
            if server is not None and not is_running(server):
                break
            time.sleep(0.1)
        stopping.terminate()
