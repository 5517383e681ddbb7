"""Edge: HAProxy with deploy/haproxy/haproxy.cfg, on ports of its own, as localhost.

Example: ``Edge(folder, {"TOD_EDGE": "127.0.0.1:8443"}).start()``.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.peers.base import PeerError
from benchmarks.peers.plain_torchserve import ROOT
from benchmarks.peers.process import OwnProcess

CONFIG = ROOT / "deploy" / "haproxy" / "haproxy.cfg"
PROGRAM = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
"""None where HAProxy is not installed."""
_VALID_DAYS = "30"


def make_certificate(folder: Path) -> Path:
    """Write a certificate for localhost that vouches for itself, and return its file.

    ``edge.pem`` beside it has the key as well, as HAProxy wants it.
    """
    certificate, both = folder / "edge.crt", folder / "edge.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", _VALID_DAYS, "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    command += ["-keyout", str(both), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    with both.open("a", encoding="ascii") as file:
        file.write(certificate.read_text(encoding="ascii"))
    both.chmod(0o600)
    return certificate


class Edge:
    """HAProxy as a master and a worker, so that it can be read again without losing a connection.

    Args:
        folder: for its certificate, socket and output; must exist, its path must be short.
        settings: variables of the configuration.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self.certificate = make_certificate(folder)
        self._socket = folder / "admin.sock"
        given = {"TOD_CERTIFICATE": str(folder / "edge.pem"), "TOD_EDGE_SOCKET": str(self._socket)}
        command = [str(PROGRAM), "-W", "-f", str(CONFIG)]
        self._process = OwnProcess(command, folder, cwd=ROOT, environment={**given, **settings})

    def start(self) -> None:
        """Start it, and return once it listens.

        Raises:
            PeerError: it ended instead.
        """
        self._process.start()
        self._process.wait_for(self._listens, seconds=10, what="HAProxy")

    def reload(self) -> None:
        """Let a new worker read the configuration; the old one answers what it has begun."""
        if self._process.process is None:
            raise PeerError("HAProxy does not run")
        os.kill(self._process.process.pid, signal.SIGUSR2)

    def tell(self, command: str) -> str:
        """Return the answer to a command, e.g. ``set server gateways/one state drain``."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self._socket))
            connection.sendall(command.encode() + b"\n")
            pieces = iter(lambda: connection.recv(65536), b"")
            return b"".join(pieces).decode()

    def wait_until_up(self, servers: int, *, seconds: float = 60.0) -> None:
        """Return once so many servers of the gateways and the endpoints are up, all together.

        Raises:
            PeerError: it took longer.
        """
        deadline = time.monotonic() + seconds
        while self._up() < servers:
            if time.monotonic() > deadline:
                raise PeerError(f"not all servers came up:\n{self._process.output()}")
            time.sleep(0.1)

    def stop(self) -> None:
        """End it."""
        self._process.stop()

    def _up(self) -> int:
        lines = [line.split(",") for line in self.tell("show stat").splitlines()]
        return sum(
            len(line) > 17  # the column of the state
            and line[0] in ("gateways", "endpoints")
            and line[1] in ("one", "two")
            and line[17].startswith("UP")
            for line in lines
        )

    def _listens(self) -> bool:
        try:
            return "gateways" in self.tell("show stat")
        except OSError:
            return False
