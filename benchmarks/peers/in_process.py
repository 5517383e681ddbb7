"""Peers without a server: one process that answers turns over a pipe and times them itself.

What a turn costs without HTTP, and the rows of the paper's latency table.
Example: ``InProcessPeer("bare", PipeWorker(...), mode="pipeline", ...).start()``.
"""

import json
import select
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil

from benchmarks.peers.asking import first_answer
from benchmarks.peers.base import TIMEOUT, AnswerForm, Client, Closing, PeerError
from benchmarks.peers.process import OwnProcess
from benchmarks.peers.stock_files import HERE, size_of

_LOADED = 240.0  # seconds
_SCRIPT = HERE / "in_process_worker.py"


class PipeWorker:
    """The process; several peers may ask it in different modes, one at a time.

    Args:
        kind: ``pipeline`` or ``stock``.
        model: what it loads; called when it is started.
        path: the only PYTHONPATH it gets; called likewise. Ours runs its archive's own code.
        settings: engine settings; called likewise.
        folder: its own, which must exist.
    """

    def __init__(
        self,
        kind: str,
        *,
        model: Callable[[], Path],
        path: Callable[[], Path],
        settings: Callable[[], Mapping[str, Any]],
        folder: Path,
    ) -> None:
        self._kind = kind
        self._model = model
        self._path = path
        self._settings = settings
        self._folder = folder
        self._process: OwnProcess | None = None
        self.startup_seconds = 0.0
        self.size_bytes = 0

    def start(self) -> None:
        """Start it unless it runs.

        Raises:
            PeerError: it cannot load, with its output.
        """
        if self._process is not None:
            return
        model = self._model().resolve()
        command = [sys.executable, "-P", str(_SCRIPT), self._kind, str(model)]
        command += ["--settings", json.dumps(self._settings())]
        process = OwnProcess(
            command,
            self._folder,
            cwd=self._folder,
            environment={"PYTHONPATH": str(self._path())},
            speaks=True,
        )
        begun = time.monotonic()
        process.start()
        self._process = process
        try:
            self._read(_LOADED)
        except PeerError:
            self.stop()
            raise
        self.startup_seconds = time.monotonic() - begun
        self.size_bytes = size_of(model) if self._kind == "stock" else _all_of(model)

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def ask(self, mode: str, body: bytes) -> tuple[float, dict[str, Any]]:
        """Return the seconds of the work alone and the answer.

        Raises:
            PeerError: the turn failed or the process ended.
        """
        pipes = self._process.process if self._process else None
        if pipes is None or pipes.stdin is None:
            raise PeerError(f"the {self._kind} process was not started")
        pipes.stdin.write(b'{"mode": "%b", "request": %b}\n' % (mode.encode(), body))
        pipes.stdin.flush()
        reply = self._read(TIMEOUT)
        if "error" in reply:
            raise PeerError(reply["error"])
        return reply["seconds"], reply["answer"]

    def processes(self) -> list[psutil.Process]:
        """Return the process."""
        return self._process.family() if self._process else []

    def _read(self, seconds: float) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.process is not None
        output = self._process.process.stdout
        assert output is not None
        # A reply is one line and the process waits after it, so nothing is left in the buffer.
        if not select.select([output], [], [], seconds)[0]:
            raise PeerError(f"the {self._kind} process did not answer within {seconds:g} s")
        line = output.readline()
        if not line:
            raise PeerError(f"the {self._kind} process ended:\n{self._process.output()}")
        reply: dict[str, Any] = json.loads(line)
        return reply


class InProcessPeer:
    """One mode of a ``PipeWorker``, as a peer of one client."""

    most_clients = 1

    def __init__(
        self, name: str, worker: PipeWorker, *, mode: str, title: str, form: AnswerForm
    ) -> None:
        """Ask ``worker`` in ``mode``."""
        self.name = name
        self.title = title
        self.form = form
        self._worker = worker
        self._mode = mode

    @property
    def startup_seconds(self) -> float:
        """Seconds until the process was ready."""
        return self._worker.startup_seconds

    @property
    def size_bytes(self) -> int:
        """Bytes of the checkpoint's files."""
        return self._worker.size_bytes

    def start(self) -> None:
        """Start the process and answer a first turn."""
        self._worker.start()
        first_answer(self)

    def stop(self) -> None:
        """End the process."""
        self._worker.stop()

    def client(self) -> Client:
        """Return a way to ask."""
        return _PipeClient(self._worker, self._mode)

    def processes(self) -> list[psutil.Process]:
        """Return the process."""
        return self._worker.processes()

    def workers(self) -> list[psutil.Process]:
        """Return the process."""
        return self._worker.processes()


class _PipeClient(Closing):
    inside_seconds: float | None

    def __init__(self, worker: PipeWorker, mode: str) -> None:
        self._worker = worker
        self._mode = mode
        self.inside_seconds = None

    def ask(self, body: bytes) -> dict[str, Any]:
        self.inside_seconds, answer = self._worker.ask(self._mode, body)
        return answer


def _all_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
