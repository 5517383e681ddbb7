"""A real rasa-sdk action server for tests, from the environment of requirements/rasa-sdk.txt.

Started as ``python -m rasa_sdk``, as its users start it.
"""

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Self

import pytest
import requests

from tests.support.served_endpoint import ROOT, free_ports

PYTHON = ROOT / ".venv-rasa" / "bin" / "python"

needs_rasa_sdk = pytest.mark.skipif(
    not PYTHON.is_file(), reason="there is no .venv-rasa with rasa-sdk; `make test` makes it"
)


class RasaSdkServer:
    """Serves the actions of a module; ``endpoint`` is its webhook.

    Args:
        folder: holds the module.
        module: its name, e.g. ``acting``.
        port: to listen on; a free one when None.
    """

    def __init__(self, folder: Path, module: str, port: int | None = None) -> None:
        self._folder = folder
        self._module = module
        self._port = free_ports(1)[0] if port is None else port
        self.endpoint = f"http://127.0.0.1:{self._port}/webhook"

    def __enter__(self) -> Self:
        self._server = subprocess.Popen(
            [
                *(str(PYTHON), "-B", "-m", "rasa_sdk"),
                *("--actions", self._module, "-p", str(self._port)),
            ],
            cwd=self._folder,
            env=os.environ | {"SANIC_HOST": "127.0.0.1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # its workers are killed with it
        )
        deadline = time.monotonic() + 60
        with requests.Session() as session:
            session.trust_env = False
            while time.monotonic() < deadline and self._server.poll() is None:
                try:
                    session.get(self.endpoint.replace("webhook", "health"), timeout=5)
                except requests.RequestException:
                    time.sleep(0.05)
                else:
                    return self
        raise RuntimeError("the action server did not start")

    def kill(self) -> None:
        """Kill it as the system would, with the workers it has."""
        if self._server.poll() is None:
            os.killpg(self._server.pid, signal.SIGKILL)
        self._server.wait()

    def __exit__(self, *_: object) -> None:
        # Told to end while it is still starting, it never does.
        self.kill()
