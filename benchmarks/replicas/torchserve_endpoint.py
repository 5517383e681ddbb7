"""TorchServeEndpoint: one TorchServe with ports, logs and a record of its own, that may be killed.

Example: ``TorchServeEndpoint(store, ports, folder).start()``.
"""

import contextlib
import random
import re
from collections.abc import Sequence
from pathlib import Path

import psutil

from benchmarks.peers.plain_torchserve import ROOT
from todserve.serving.server.server_settings import ServerSettings
from todserve.serving.server.torchserve_server import RunningServer, start

SHIPPED = (8080, 8081, 8082, 7070, 7071)
"""Ports of the shipped config.properties: inference, management, metrics, and two of gRPC."""


class TorchServeEndpoint:
    """What ``tod start`` starts, on other ports than the shipped ones.

    Args:
        store: folder with tod.mar and SHA256SUMS.
        ports: five, in the order of ``SHIPPED``.
        folder: for its configuration and logs; made where it is missing.
    """

    def __init__(self, store: Path, ports: Sequence[int], folder: Path) -> None:
        self.port, self.check_port, self.metrics_port = ports[:3]
        self._store = store
        self._folder = folder
        self._ports = {str(old): str(new) for old, new in zip(SHIPPED, ports, strict=True)}
        self._server: RunningServer | None = None

    def start(self) -> None:
        """Start it, and return once it has answered a turn."""
        self._folder.mkdir(parents=True, exist_ok=True)
        # All at once: a new port may be another's old one.
        pattern = rf"\b({'|'.join(self._ports)})\b"
        shipped = (ROOT / "config.properties").read_text(encoding="utf-8")
        config = self._folder / "config.properties"
        config.write_text(
            re.sub(pattern, lambda port: self._ports[port[1]], shipped), encoding="utf-8"
        )
        self._server = start(
            ServerSettings(store=self._store, config=config, log_dir=self._folder / "logs")
        )

    def kill(self) -> None:
        """End it and its workers as the system would, all at once."""
        for process in self._family():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(self._family(), timeout=10)

    def kill_worker(self, chance: random.Random) -> bool:
        """End one of its workers as the system would; say whether one was ready to answer."""
        ready = [] if self._server is None else [one for one in self._server.workers() if one.ready]
        if not ready:
            return False
        try:
            psutil.Process(chance.choice(ready).pid).kill()
        except psutil.NoSuchProcess:
            return False  # TorchServe has not noticed yet that it is gone
        return True

    def stop(self) -> None:
        """Stop it, or clean up after it where it was killed."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def _family(self) -> list[psutil.Process]:
        if self._server is None:
            return []
        with contextlib.suppress(psutil.NoSuchProcess):
            parent = psutil.Process(self._server.record.pid)
            return [parent, *parent.children(recursive=True)]
        return []
