"""Starts two replicas of everything on this machine until it is interrupted.

Example: ``python -m benchmarks.replicas``.
"""

import argparse
import signal
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

from benchmarks.replicas.laptop import Laptop, Places
from benchmarks.replicas.torchserve_endpoint import SHIPPED, TorchServeEndpoint


def main() -> None:
    """Start, say where everything is, and wait."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--store", type=Path, default=Path("archive/store"), help="of tod.mar")
    parser.add_argument("--folder", type=Path, default=Path("runs/replicas"), help="for all files")
    arguments = parser.parse_args()
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    folder = arguments.folder.resolve()
    endpoints = [
        TorchServeEndpoint(arguments.store, ports, folder / f"endpoint-{number}")
        for number, ports in enumerate((SHIPPED, [port + 100 for port in SHIPPED]), 1)
    ]
    with ExitStack() as stack:
        for endpoint in endpoints:
            stack.callback(endpoint.stop)
            endpoint.start()
        figures = [f"127.0.0.1:{endpoint.metrics_port}" for endpoint in endpoints]
        running = stack.enter_context(Laptop(folder, Places(), endpoints, figures=figures))
        print(f"everything answers; Ctrl-C ends it. Files: {folder}")
        print(f"  dialogues  {running.url}/v1/dialogues")
        print(f"             trusts {running.edge.certificate}")
        print(f"  tokens     {running.secrets / 'tokens'}")
        if running.prometheus is None:
            print("  Prometheus is not installed")
        else:
            print(f"  figures    {running.prometheus.url}/alerts")
        sys.stdout.flush()
        over.wait()


if __name__ == "__main__":
    main()
