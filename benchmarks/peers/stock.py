"""The stock peer: a Hugging Face style handler in TorchServe, asked for a turn's four outputs.

Example: ``StockPeer(Path("checkpoints/multiwoz"), folder, Ports()).start()``.
"""

import time
from pathlib import Path

import psutil

from benchmarks.peers.asking import first_answer
from benchmarks.peers.base import AnswerForm, Client, HttpClient
from benchmarks.peers.plain_torchserve import PlainTorchServe, pack_model
from benchmarks.peers.stock_files import HERE, stage
from benchmarks.ports import Ports
from todserve.serving.archive.packed_folder import WEIGHTS

# TorchServe's own defaults, a batch of 1 and 100 ms, would make it slower still: a lone request
# would not wait, but 16 would be answered one by one. 1 ms costs a lone request next to nothing,
# and under load the queue fills the batch at once.
BATCHING = "minWorkers: {workers}\nmaxWorkers: {workers}\nbatchSize: 8\nmaxBatchDelay: 1\n"
BATCHING += "responseTimeout: 120\nstartupTimeout: 240\ndeviceType: {device}\n"


class StockPeer:
    """One archive, ``generate`` on the batch as given."""

    name = "stock"
    title = "stock handler (transformers generate, BaseHandler, batchSize 8, 1 ms) in TorchServe"
    form = AnswerForm.TEXTS
    most_clients = 64

    def __init__(
        self, checkpoint: Path, folder: Path, ports: Ports, *, workers: int = 1, device: str = "cpu"
    ) -> None:
        """Serve ``checkpoint``; ``folder`` must exist and is this peer's alone."""
        self._checkpoint = checkpoint.resolve()
        self._folder = folder
        self._config = BATCHING.format(workers=workers, device=device)
        self._ports = ports
        self._server: PlainTorchServe | None = None
        self.startup_seconds = 0.0
        self.size_bytes = 0

    def start(self) -> None:
        """Pack, start, and answer a first turn."""
        archive = pack_model(
            self.name,
            HERE / "stock_handler.py",
            stage(self._checkpoint, self._folder / "files"),
            self._config,
            self._folder,
            serialized=self._checkpoint / WEIGHTS,
        )
        self.size_bytes = archive.stat().st_size
        begun = time.monotonic()
        server = PlainTorchServe(self._folder, self._ports, models={self.name: archive})
        server.start()
        self._server = server
        first_answer(self)
        self.startup_seconds = time.monotonic() - begun

    def stop(self) -> None:
        """Stop the server."""
        if self._server is not None:
            self._server.stop()

    @property
    def asked_at(self) -> tuple[int, str]:
        """Port and path of turns, once it runs."""
        assert self._server is not None
        return self._server.port, f"/predictions/{self.name}"

    def client(self) -> Client:
        """Return a new connection."""
        return HttpClient(*self.asked_at)

    def processes(self) -> list[psutil.Process]:
        """Return JVM and workers."""
        return self._server.processes() if self._server else []

    def workers(self) -> list[psutil.Process]:
        """Return the workers."""
        return self._server.workers() if self._server else []
