"""How fast the load generator is by itself: against a server that does nothing.

A peer's turns/s mean something only far below this. Example: ``generator_rates(...)[16]``.
"""

import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.load import closed_loop
from benchmarks.peers.base import HttpClient
from benchmarks.peers.plain_torchserve import ROOT
from benchmarks.peers.process import OwnProcess
from benchmarks.ports import Ports


def generator_rates(
    bodies: Sequence[bytes], clients: Sequence[int], seconds: float, folder: Path, ports: Ports
) -> dict[int, float]:
    """Return clients -> turns/s that the generator can ask for.

    Args:
        bodies: the turns.
        clients: how many at once.
        seconds: for each.
        folder: must exist; for the server's output.
        ports: where it takes one.
    """
    (port,) = ports.take(1)
    command = [sys.executable, "-m", "benchmarks.peers.null_server", "--port", str(port)]
    server = OwnProcess(command, folder, cwd=ROOT)
    server.start()
    try:
        server.wait_for(lambda: _listens(port), seconds=30, what="the null server")
        return {
            number: closed_loop(
                lambda: HttpClient(port, "/"),
                bodies,
                clients=number,
                warm=0.3,
                window=seconds,
                patience=10,
            ).rate
            for number in clients
        }
    finally:
        server.stop()


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1):
            return True
    except OSError:
        time.sleep(0.05)
        return False
