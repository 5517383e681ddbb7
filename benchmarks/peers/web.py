"""The web peers: Flask and LitServe, each a Python server started by its module.

Example: ``flask_peer(Path("checkpoints/multiwoz"), folder, Ports()).start()``.
"""

import contextlib
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from benchmarks.peers.asking import first_answer
from benchmarks.peers.base import AnswerForm, Client, HttpClient
from benchmarks.peers.plain_torchserve import ROOT
from benchmarks.peers.process import OwnProcess
from benchmarks.peers.stock_files import size_of
from benchmarks.ports import Ports

_READY = 240.0  # seconds


class WebPeer:
    """A server module run with ``python -m``.

    Args:
        name: in tables.
        title: what it is.
        module: the module; takes the checkpoint and ``--port``.
        options: further words for it.
    """

    form = AnswerForm.TEXTS
    most_clients = 64

    def __init__(
        self,
        name: str,
        title: str,
        module: str,
        checkpoint: Path,
        folder: Path,
        ports: Ports,
        options: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.title = title
        self._checkpoint = checkpoint.resolve()
        self._folder = folder
        (self._port,) = ports.take(1)
        command = [sys.executable, "-m", module, str(self._checkpoint), "--port", str(self._port)]
        self._process = OwnProcess([*command, *options], folder, cwd=ROOT)
        self.startup_seconds = 0.0
        self.size_bytes = size_of(self._checkpoint)

    def start(self) -> None:
        """Start the server and answer a first turn."""
        begun = time.monotonic()
        self._process.start()
        try:
            self._process.wait_for(self._listens, seconds=_READY, what=self.name)
        except BaseException:
            self.stop()
            raise
        first_answer(self)
        self.startup_seconds = time.monotonic() - begun

    def stop(self) -> None:
        """End the server and its processes."""
        self._process.stop()

    def client(self) -> Client:
        """Return a new connection."""
        return HttpClient(self._port, "/predict")

    def processes(self) -> list[psutil.Process]:
        """Return all its processes."""
        return self._process.family()

    def workers(self) -> list[psutil.Process]:
        """Return those that said so, else the server itself."""
        said = {int(path.read_text()) for path in self._folder.glob("worker-*.pid")}
        family = self.processes()
        return [process for process in family if process.pid in said] if said else family[:1]

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._port), 1):
            return True
        return False


def flask_peer(checkpoint: Path, folder: Path, ports: Ports, *, lock: bool = False) -> WebPeer:
    """Return the Flask peer; without ``lock`` its threads generate side by side."""
    return WebPeer(
        "flask",
        f"Flask's threaded server, four generate calls a turn, {'a' if lock else 'no'} lock",
        "benchmarks.peers.flask_server",
        checkpoint,
        folder,
        ports,
        ["--lock"] if lock else [],
    )


def litserve_peer(checkpoint: Path, folder: Path, ports: Ports) -> WebPeer:
    """Return the LitServe peer."""
    return WebPeer(
        "litserve",
        "LitServe, max_batch_size 16, batch_timeout 5 ms, one generate a phase",
        "benchmarks.peers.litserve_server",
        checkpoint,
        folder,
        ports,
    )
