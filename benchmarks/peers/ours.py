"""Our peer: a todserve archive in TorchServe, built and started as users do it.

Example: ``OurPeer("ours", archive_at(Path("archive/store/tod.mar")), folder, Ports()).start()``.
"""

import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import psutil

from benchmarks.peers.base import AnswerForm, Client, HttpClient, PeerError
from benchmarks.peers.plain_torchserve import ROOT
from benchmarks.ports import Ports
from todserve.runtime.engines.engine_settings import Dtype, EngineSettings
from todserve.runtime.networks.export_manifest import ExportManifest
from todserve.serving.archive import checksums
from todserve.serving.archive.archive_trial import unpack
from todserve.serving.archive.model_config import ModelConfig, load_model_config
from todserve.serving.server.processes import processes_of
from todserve.serving.server.server_settings import ServerSettings
from todserve.serving.server.torchserve_server import RunningServer, start

NAME = "tod"
_READY = 240.0  # seconds

BuildArchive = Callable[[Path], Path]
"""Model store -> the archive in it, named tod.mar."""


class OurPeer:
    """One todserve archive, whatever its engine."""

    form = AnswerForm.TURN
    most_clients = 64

    def __init__(self, name: str, build: BuildArchive, folder: Path, ports: Ports) -> None:
        """Serve what ``build`` makes; ``folder`` must exist and is this peer's alone."""
        self.name = name
        self.title = "todserve archive in TorchServe"
        self._build = build
        self._folder = folder
        self._ports = ports
        self._server: RunningServer | None = None
        self.startup_seconds = 0.0
        self.size_bytes = 0

    @cached_property
    def archive(self) -> Path:
        """The archive, built when first asked for."""
        store = self._folder / "store"
        store.mkdir(exist_ok=True)
        return self._build(store)

    @cached_property
    def unpacked(self) -> Path:
        """The archive's contents."""
        return unpack(self.archive, self._folder / "unpacked")

    @cached_property
    def config(self) -> ModelConfig:
        """The archive's model-config.yaml."""
        return load_model_config(self.unpacked / "model-config.yaml")

    @property
    def settings(self) -> EngineSettings:
        """Engine, number format and threads of a worker."""
        return self.config.handler.engine

    @property
    def dtype(self) -> Dtype:
        """What the network really computes in."""
        manifest = ExportManifest.of_folder(self.unpacked)
        return manifest.dtype if manifest else self.settings.dtype

    def start(self) -> None:
        """Build, start, and return once the canary was answered."""
        self.size_bytes = self.archive.stat().st_size
        config = self.config
        threads = self.settings.threads or "default"
        self.title = (
            f"todserve archive in TorchServe (engine {self.settings.engine}, {self.dtype}, "
            f"{config.min_workers} worker(s) x {threads} thread(s), batchSize {config.batch_size}, "
            f"maxBatchDelay {config.max_batch_delay} ms)"
        )
        settings = ServerSettings(
            store=self.archive.parent,
            name=NAME,
            config=self._frontend(),
            log_config=ROOT / "archive" / "log4j2.xml",
            log_dir=self._folder / "logs",
            ready_timeout=_READY,
        )
        begun = time.monotonic()
        self._server = start(settings)
        self.startup_seconds = time.monotonic() - begun

    def stop(self) -> None:
        """Stop the server."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def client(self) -> Client:
        """Return a new connection."""
        return HttpClient(
            int(self._running().inference_url.rpartition(":")[2]), f"/predictions/{NAME}"
        )

    def processes(self) -> list[psutil.Process]:
        """Return JVM and workers."""
        return processes_of(Path(self._running().record.temp_dir)) if self._server else []

    def workers(self) -> list[psutil.Process]:
        """Return the workers."""
        if self._server is None:
            return []
        return [psutil.Process(worker.pid) for worker in self._server.workers() if worker.pid > 0]

    def _running(self) -> RunningServer:
        if self._server is None:
            raise PeerError(f"{self.name} was not started")
        return self._server

    def _frontend(self) -> Path:
        """Write the shipped config.properties on free ports."""
        text = (ROOT / "config.properties").read_text(encoding="utf-8")
        for old, new in zip(
            ("8080", "8081", "8082", "7070", "7071"), self._ports.take(5), strict=True
        ):
            text = text.replace(old, str(new))
        metrics = "archive/metrics.yaml"
        text = text.replace(metrics, str(ROOT / metrics))
        path = self._folder / "config.properties"
        path.write_text(text, encoding="utf-8")
        return path


def archive_at(path: Path) -> BuildArchive:
    """Return what takes a finished archive into a store, with its checksum.

    Raises:
        PeerError: there is none at ``path``.
    """
    if not path.is_file():
        raise PeerError(f"no archive {path}; `tod archive CHECKPOINT` builds one")

    def build(store: Path) -> Path:
        copy = store / f"{NAME}.mar"
        copy.write_bytes(path.read_bytes())
        checksums.record(store, copy)
        return copy

    return build
