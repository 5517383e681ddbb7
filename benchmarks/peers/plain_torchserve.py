"""PlainTorchServe: a TorchServe with given archives and workflows, as its documentation starts it.

The stock handler and the cascades are served by it; todserve's own start and stop are for our
archive. The logs are as quiet as ours (todserve's log4j2 file), so that no peer pays for logging.
Example: ``PlainTorchServe(folder, ports, models={"stock": Path("stock.mar")}).start()``.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil
import requests

import todserve
from benchmarks.peers.base import PeerError
from benchmarks.peers.process import OwnProcess, clean_environment
from benchmarks.ports import Ports
from todserve.serving.server.java_runtime import find_java

ROOT = Path(todserve.__file__).resolve().parents[1]
_READY = 240.0  # seconds
_WORKER = "model_service_worker.py"


class PlainTorchServe:
    """One TorchServe on loopback, tokens off, one worker a model."""

    def __init__(
        self,
        folder: Path,
        ports: Ports,
        *,
        models: Mapping[str, Path],
        workflow: Path | None = None,
    ) -> None:
        """Serve ``models``, or the ``workflow`` (a .war) whose nodes are ``models``."""
        self._folder = folder
        self._models = models
        self._workflow = workflow
        self._ports = ports.take(5)
        self._process: OwnProcess | None = None

    @property
    def port(self) -> int:
        """Where predictions are asked."""
        return self._ports[0]

    def start(self) -> None:
        """Start, and return once every worker is READY.

        Raises:
            PeerError: it ended, or was not ready in time.
        """
        java = find_java(os.environ)
        temp_dir, store = self._folder / "tmp", self._folder / "store"
        for folder in (temp_dir, store):
            folder.mkdir(parents=True)
        for name, archive in self._models.items():
            shutil.copyfile(archive, store / f"{name}.mar")
        if self._workflow is not None:
            shutil.copyfile(self._workflow, store / self._workflow.name)
        config = self._write_config()
        command = [sys.executable, "-P", "-m", "ts.model_server", "--start", "--foreground"]
        command += ["--ncs", "--model-store", str(store), "--workflow-store", str(store)]
        command += ["--ts-config", str(config)]
        command += ["--log-config", str(ROOT / "archive" / "log4j2.xml")]
        if self._workflow is None:
            command += ["--models", *(f"{name}={name}.mar" for name in self._models)]
        self._process = OwnProcess(
            command,
            temp_dir,
            cwd=temp_dir,
            environment={
                "JAVA_HOME": str(java.home),
                "LOG_LOCATION": str(temp_dir),
                "METRICS_LOCATION": str(temp_dir),
            },
        )
        self._process.start()
        try:
            self._process.wait_for(self._answers, seconds=_READY, what="TorchServe")
            if self._workflow is not None:
                self._register(self._workflow)
            self._process.wait_for(self._ready, seconds=_READY, what="TorchServe's models")
        except PeerError as error:
            log = temp_dir / "worker.log"
            tail = log.read_text(errors="replace").splitlines()[-25:] if log.is_file() else []
            self.stop()
            raise PeerError("\n".join([str(error), *tail])) from None

    def stop(self) -> None:
        """Stop the JVM and its workers."""
        if self._process is not None:
            self._process.stop()

    def processes(self) -> list[psutil.Process]:
        """Return the JVM, the workers and the command that started them."""
        return self._process.family() if self._process else []

    def workers(self) -> list[psutil.Process]:
        """Return the workers that run a model."""
        found = []
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                if any(word.endswith(_WORKER) for word in process.cmdline()):
                    found.append(process)
        return found

    def _write_config(self) -> Path:
        inference, management, metrics, grpc_inference, grpc_management = self._ports
        settings = {
            "inference_address": f"http://127.0.0.1:{inference}",
            "management_address": f"http://127.0.0.1:{management}",
            "metrics_address": f"http://127.0.0.1:{metrics}",
            "grpc_inference_port": grpc_inference,
            "grpc_management_port": grpc_management,
            "disable_token_authorization": "true",
            "enable_model_api": "true",  # a workflow can only be registered over it
            "default_workers_per_model": 1,
            "default_response_timeout": 120,
        }
        path = self._folder / "config.properties"
        path.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
        return path

    def _register(self, workflow: Path) -> None:
        url = f"http://127.0.0.1:{self._ports[1]}/workflows"
        reply = _session().post(url, params={"url": workflow.name}, timeout=_READY)
        if not reply.ok:
            raise PeerError(f"the workflow was refused: HTTP {reply.status_code} {reply.text}")

    def _answers(self) -> bool:
        try:
            return _session().get(f"http://127.0.0.1:{self.port}/ping", timeout=5).ok
        except requests.RequestException:
            return False

    def _ready(self) -> bool:
        if self._workflow is not None:  # registering returns once its nodes are READY
            return len(self.workers()) >= len(self._models)
        for name in self._models:
            url = f"http://127.0.0.1:{self._ports[1]}/models/{name}"
            try:
                workers = _session().get(url, timeout=5).json()[0]["workers"]
            except (requests.RequestException, ValueError, LookupError):
                return False
            if not workers or any(worker["status"] != "READY" for worker in workers):
                return False
        return True


def pack_model(
    name: str, handler: Path, files: Path, config: str, folder: Path, *, serialized: Path
) -> Path:
    """Return ``folder/name.mar`` as torch-model-archiver makes it.

    Args:
        name: the model's.
        handler: its handler module.
        files: a folder whose contents go to the archive's root.
        config: text of its model-config.yaml.
        folder: where to work and to write.
        serialized: the weights.

    Raises:
        PeerError: the archiver refused.
    """
    (folder / "model-config.yaml").write_text(config, encoding="utf-8")
    command = [sys.executable, "-m", "model_archiver.model_packaging", "--model-name", name]
    command += ["--version", "1.0", "--export-path", str(folder), "--handler", str(handler)]
    command += ["--serialized-file", str(serialized), "--extra-files", str(files)]
    command += ["--config-file", str(folder / "model-config.yaml"), "--force"]
    run_archiver(command, folder)
    return folder / f"{name}.mar"


def run_archiver(command: Sequence[str], folder: Path) -> None:
    """Run an archiver in ``folder``, under a TMPDIR of its own, which it empties."""
    private = folder / "archiver"
    private.mkdir(exist_ok=True)
    done = subprocess.run(
        command,
        cwd=folder,
        env=clean_environment(private),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise PeerError(f"{command[2]} failed:\n{done.stderr.strip()}")


def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # no proxy of the environment for this very machine
    return session
