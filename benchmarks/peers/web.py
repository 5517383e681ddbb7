"""The web peers: Flask, LitServe, Ray Serve and OpenVINO, each a Python server of a module.

Example: ``flask_peer(Path("checkpoints/multiwoz"), folder, Ports()).start()``.
"""

import contextlib
import http.client
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
import torch

from benchmarks.peers.asking import first_answer
from benchmarks.peers.base import AnswerForm, Client, HttpClient
from benchmarks.peers.plain_torchserve import ROOT
from benchmarks.peers.process import OwnProcess
from benchmarks.peers.stock_files import size_of
from benchmarks.ports import Ports
from todserve.runtime.checkpoint import load_network
from todserve.runtime.engines.engine_spec import Dtype
from todserve.runtime.engines.onnx.onnx_export import FOLDER, export_onnx

_READY = 240.0  # seconds
_PATH = "/predict"


class WebPeer:
    """A server module run with ``python -m``.

    Args:
        name: in tables.
        title: what it is.
        module: the module; takes the checkpoint and ``--port``.
        options: further words for it.
        prepare: makes what the server needs beside the checkpoint, before the clock runs.
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
        prepare: Callable[[], object] | None = None,
    ) -> None:
        self.name = name
        self.title = title
        self._checkpoint = checkpoint.resolve()
        self._folder = folder
        (self._port,) = ports.take(1)
        command = [sys.executable, "-m", module, str(self._checkpoint), "--port", str(self._port)]
        self._prepare = prepare
        self._process = OwnProcess([*command, *options], folder, cwd=ROOT)
        self.startup_seconds = 0.0
        self.size_bytes = size_of(self._checkpoint)

    def start(self) -> None:
        """Start the server and answer a first turn."""
        if self._prepare is not None:
            self._prepare()
        begun = time.monotonic()
        self._process.start()
        try:
            self._process.wait_for(self._is_there, seconds=_READY, what=self.name)
        except BaseException:
            self.stop()
            raise
        first_answer(self)
        self.startup_seconds = time.monotonic() - begun

    def stop(self) -> None:
        """End the server and its processes."""
        self._process.stop()

    @property
    def asked_at(self) -> tuple[int, str]:
        """Port and path of turns."""
        return self._port, _PATH

    def client(self) -> Client:
        """Return a new connection."""
        return HttpClient(*self.asked_at)

    def processes(self) -> list[psutil.Process]:
        """Return all its processes."""
        return self._process.family()

    def workers(self) -> list[psutil.Process]:
        """Return those that said so, else the server itself."""
        said = {int(path.read_text()) for path in self._folder.glob("worker-*.pid")}
        family = self.processes()
        return [process for process in family if process.pid in said] if said else family[:1]

    def _is_there(self) -> bool:
        """Say whether the path is known; Ray listens long before its replica is up."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=1)
        with contextlib.closing(connection), contextlib.suppress(OSError):
            connection.request("OPTIONS", _PATH)
            return connection.getresponse().status != http.HTTPStatus.NOT_FOUND
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


def ray_peer(checkpoint: Path, folder: Path, ports: Ports) -> WebPeer:
    """Return the plain Ray Serve peer."""
    return WebPeer(
        "ray_serve",
        "Ray Serve, serve.batch of 16, 5 ms, one replica, one generate a phase",
        "benchmarks.peers.ray_server",
        checkpoint,
        folder,
        ports,
    )


def openvino_peer(checkpoint: Path, folder: Path, ports: Ports) -> WebPeer:
    """Return the OpenVINO peer: LitServe as in the other one, another runtime under it."""

    def export() -> None:
        network = load_network(checkpoint, dtype=torch.float32)
        export_onnx(network, folder, dtype=Dtype.FLOAT32)

    return WebPeer(
        "openvino",
        "OpenVINO on our ONNX export (fp32 weights, its own precision) in LitServe as above",
        "benchmarks.peers.litserve_server",
        checkpoint,
        folder,
        ports,
        ["--openvino", str(folder / FOLDER)],
        prepare=export,
    )
