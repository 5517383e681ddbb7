"""The engines beside TorchServe as a user starts them, ``tod serve kserve`` and ``... ray``."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

import psutil

from tests.support.kserve_clients import PYTHON
from tests.support.served_endpoint import ROOT, free_ports
from todserve.runtime.wire.loopback import is_loopback

_SECONDS = 120


def _is_loopback(address: str) -> bool:
    return is_loopback(address.removeprefix("::ffff:"))


class FleetServer:
    """A server in a process of its own, started at once and waited for when it is asked."""

    def __init__(self, python: str | Path, *words: str, log: Path) -> None:
        self._log = log
        with log.open("wb") as stream:
            self._process = subprocess.Popen(
                [str(python), "-m", "todserve", "serve", *words],
                cwd=ROOT,
                stdout=stream,
                stderr=subprocess.STDOUT,
            )

    @classmethod
    def kserve(cls, archive: Path, log: Path) -> Self:
        """Start KServe's server, in its environment."""
        ports = ("--port", "0", "--grpc-port", "0")
        return cls(PYTHON, "kserve", str(archive), *ports, log=log)

    @classmethod
    def ray(cls, archive: Path, log: Path) -> Self:
        """Start Ray Serve with the shipped file, in this environment."""
        (port,) = free_ports(1)
        words = ("ray", "--archive", str(archive), "--port", str(port))
        return cls(sys.executable, *words, log=log)

    @property
    def url(self) -> str:
        """Its address, once it has said that it serves."""
        return self._said(r"http://[0-9.:]+")

    @property
    def grpc(self) -> str:
        """Its address of gRPC, without a scheme."""
        return self._said(r"grpc://[0-9.:]+").removeprefix("grpc://")

    def said(self) -> str:
        """Return all that it has printed."""
        return self._log.read_text(encoding="utf-8")

    def signal(self, number: signal.Signals) -> None:
        """Send its process a signal."""
        self._process.send_signal(number)

    def wait_for(self, pattern: str) -> str:
        """Return what it has printed that fits, as soon as it has."""
        return self._said(pattern)

    def ports_beyond_loopback(self) -> set[int]:
        """Return where its processes listen for other machines."""
        process = psutil.Process(self._process.pid)
        return {
            one.laddr.port
            for each in (process, *process.children(recursive=True))
            for one in each.net_connections(kind="tcp")
            if one.status == psutil.CONN_LISTEN and not _is_loopback(one.laddr.ip)
        }

    def stop(self) -> int:
        """End it as Ctrl-C does, and return its exit status."""
        self._process.send_signal(signal.SIGINT)
        try:
            return self._process.wait(_SECONDS)
        finally:
            self._process.kill()

    def _said(self, pattern: str) -> str:
        deadline = time.monotonic() + _SECONDS
        while time.monotonic() < deadline:
            found = re.search(pattern, self.said())
            if found:
                return found[0]
            if self._process.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError(f"the server did not start:\n{self.said()[-3000:]}")
