"""A gateway process of the tests, started by ``PORT DATABASE MODEL_URL [BOT]``.

It is killed without warning, so it must be a process of its own.
"""

import subprocess
import sys
import time
from pathlib import Path

import requests

from tests.support.served_endpoint import free_ports
from todserve.gateway.gateway_process import run_gateway
from todserve.gateway.gateway_settings import GatewaySettings


class GatewayProcess:
    """Starts, kills and starts again a gateway on one port."""

    def __init__(self, database: str, model_url: str, *, bot: Path | None = None) -> None:
        (self._port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{self._port}"
        self._command = [sys.executable, "-m", __name__, str(self._port), database, model_url]
        self._command += [] if bot is None else [str(bot)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, seconds: float = 60.0) -> None:
        """Start, and wait until it answers."""
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + seconds
        with requests.Session() as session:
            session.trust_env = False
            while time.monotonic() < deadline and self._process.poll() is None:
                try:
                    session.get(f"{self.url}/health", timeout=5)
                except requests.RequestException:
                    time.sleep(0.02)
                else:
                    return
        raise RuntimeError("the gateway did not start")

    def kill(self) -> None:
        """Kill it as the system would, without a chance to finish anything."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


if __name__ == "__main__":
    run_gateway(
        GatewaySettings(
            port=int(sys.argv[1]),
            database=sys.argv[2],
            model_url=sys.argv[3],
            bot=Path(sys.argv[4]) if len(sys.argv) > 4 else None,
            requests_per_minute=0,
            lease_seconds=1.0,
        )
    )
