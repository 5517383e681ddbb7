"""Roster: the peers of a run by name, each with a folder and ports of its own.

Example: ``Roster(checkpoint, folder).peers(("ours", "stock"))``.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import yaml

from benchmarks.options import IN_PROCESS, PEERS, BenchOptions
from benchmarks.peers.base import AnswerForm, Peer, PeerError
from benchmarks.peers.cascade import CascadeModels, CascadeWorkflow
from benchmarks.peers.in_process import InProcessPeer, PipeWorker
from benchmarks.peers.ours import BuildArchive, OurPeer, archive_at
from benchmarks.peers.plain_torchserve import ROOT
from benchmarks.peers.stock import StockPeer
from benchmarks.peers.web import flask_peer, litserve_peer, openvino_peer, ray_peer
from benchmarks.ports import Ports
from todserve.serving.archive.archive_build import build_archive

_NAME = re.compile(r"[a-z][a-z0-9_]*")


class Roster:
    """Makes the peers of one run."""

    def __init__(self, options: BenchOptions, folder: Path) -> None:
        """Make them as ``options`` say, below ``folder``, which is empty.

        Raises:
            PeerError: an archive's name is a peer's, or unfit for tables.
        """
        self._options = options
        self._checkpoint = options.checkpoint
        self._folder = folder
        self.ports = Ports()
        self._engines = {f"ours_{engine.replace(':', '_')}": engine for engine in options.engines}
        for name in (*options.archives, *self._engines):
            if not _NAME.fullmatch(name) or name in PEERS[1:]:
                raise PeerError(f"{name!r} cannot name an archive; expected letters, digits and _")
        self.ours = self._ours("ours", self._builder())

    @property
    def names(self) -> tuple[str, ...]:
        """Every peer there is, in the order they take turns."""
        further = (*(name for name in self._options.archives if name != "ours"), *self._engines)
        return (PEERS[0], *further, *PEERS[1:])

    def peers(self, wanted: Sequence[str]) -> list[Peer]:
        """Return the wanted peers, in the order of ``names``.

        Raises:
            PeerError: there is none of that name.
        """
        unknown = [name for name in wanted if name not in self.names]
        if unknown:
            raise PeerError(
                f"unknown peer {unknown[0]!r}; expected some of {', '.join(self.names)}"
            )
        stock_worker = self._stock_worker()
        makers: dict[str, Callable[[], Peer]] = {
            "ours": lambda: self.ours,
            "bare": self._bare,
            "stock": lambda: StockPeer(
                self._checkpoint,
                self._own("stock"),
                self.ports,
                workers=self._options.stock_workers,
                device=self._options.device,
            ),
            "cascade_workflow": lambda: CascadeWorkflow(
                self._checkpoint, self._own("workflow"), self.ports, device=self._options.device
            ),
            "cascade_client": lambda: CascadeModels(
                self._checkpoint, self._own("cascade"), self.ports, device=self._options.device
            ),
            "flask": lambda: flask_peer(
                self._checkpoint, self._own("flask"), self.ports, lock=self._options.flask_lock
            ),
            "litserve": lambda: litserve_peer(self._checkpoint, self._own("litserve"), self.ports),
            # A short folder: Ray's sockets lie deep below it, and their paths may have 107 bytes.
            "ray_serve": lambda: ray_peer(self._checkpoint, self._own("ray"), self.ports),
            "openvino": lambda: openvino_peer(self._checkpoint, self._own("openvino"), self.ports),
        }
        return [
            makers[name]() if name in makers else self._further(name, stock_worker)
            for name in self.names
            if name in wanted
        ]

    def reference(self) -> InProcessPeer:
        """Return fp32 PyTorch on the checkpoint, which all others are compared with."""
        worker = PipeWorker(
            "pipeline",
            model=lambda: self._checkpoint,
            path=lambda: ROOT,
            settings=dict,
            folder=self._own("reference"),
        )
        return InProcessPeer(
            "reference", worker, mode="reference", title="reference", form=AnswerForm.TURN
        )

    def _own(self, name: str) -> Path:
        folder = self._folder / name
        folder.mkdir()
        return folder

    def _ours(self, name: str, build: BuildArchive) -> OurPeer:
        return OurPeer(name, build, self._own(name), self.ports)

    def _builder(self) -> BuildArchive:
        if "ours" in self._options.archives:
            return archive_at(self._options.archives["ours"])
        config = self._options.model_config
        return lambda store: build_archive(self._checkpoint, store, model_config=config)

    def _bare(self) -> Peer:
        """Return our archive's own pipeline, code and settings without the server."""
        worker = PipeWorker(
            "pipeline",
            model=lambda: self.ours.unpacked,
            path=lambda: self.ours.unpacked,
            settings=lambda: self.ours.settings.model_dump(mode="json"),
            folder=self._own("bare"),
        )
        title = "our archive's pipeline in process, without server"
        return InProcessPeer("bare", worker, mode="pipeline", title=title, form=AnswerForm.TURN)

    def _stock_worker(self) -> PipeWorker:
        return PipeWorker(
            "stock",
            model=lambda: self._checkpoint,
            path=lambda: ROOT,
            settings=dict,
            folder=self._own("stock_in_process"),
        )

    def _further(self, name: str, stock_worker: PipeWorker) -> Peer:
        if name in IN_PROCESS:
            return InProcessPeer(
                name, stock_worker, mode=name, title=IN_PROCESS[name], form=AnswerForm.TEXTS
            )
        if name in self._options.archives:
            return self._ours(name, archive_at(self._options.archives[name]))
        engine, _, dtype = self._engines[name].partition(":")
        config = _with_engine(self._folder / f"{name}.yaml", engine, dtype or "float32")
        return self._ours(
            name, lambda store: build_archive(self._checkpoint, store, model_config=config)
        )


def _with_engine(path: Path, engine: str, dtype: str) -> Path:
    """Write the shipped model-config.yaml with another engine."""
    shipped = yaml.safe_load((ROOT / "archive" / "model-config.yaml").read_text(encoding="utf-8"))
    shipped["handler"]["engine"] |= {"engine": engine, "dtype": dtype}
    path.write_text(yaml.safe_dump(shipped), encoding="utf-8")
    return path
