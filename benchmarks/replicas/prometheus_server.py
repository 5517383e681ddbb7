"""PrometheusServer: a Prometheus with the files of deploy/monitoring, on ports of its own.

Example: ``PrometheusServer(folder, port=9090, targets={...}, token="...").start()``.
"""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import requests
import yaml

from benchmarks.peers.plain_torchserve import ROOT
from benchmarks.peers.process import OwnProcess

FILES = ROOT / "deploy" / "monitoring"
PROGRAM = shutil.which("prometheus")
"""None where it is not installed."""


class PrometheusServer:
    """Scrapes what it is given under the names that the alerts and the dashboard know.

    Args:
        folder: for its configuration, what it stores and its output; must exist.
        port: where it answers, on loopback.
        targets: job -> addresses as ``127.0.0.1:8090``, instead of those of prometheus.yml.
        token: of the role ``watch``.
        seconds: between two scrapes.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int,
        targets: Mapping[str, Sequence[str]],
        token: str,
        seconds: int = 10,
    ) -> None:
        self.url = f"http://127.0.0.1:{port}"
        shutil.copyfile(FILES / "alerts.yml", folder / "alerts.yml")
        (folder / "gateway-token").write_text(token, encoding="ascii")
        config = yaml.safe_load((FILES / "prometheus.yml").read_text(encoding="utf-8"))
        config["global"] = dict.fromkeys(config["global"], f"{seconds}s")
        known = {"prometheus": [f"127.0.0.1:{port}"], **targets}
        for job in config["scrape_configs"]:
            job["static_configs"] = [{"targets": list(known[job["job_name"]])}]
        path = folder / "prometheus.yml"
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        command = [str(PROGRAM), f"--config.file={path}", f"--storage.tsdb.path={folder / 'data'}"]
        command += [f"--web.listen-address=127.0.0.1:{port}"]
        self._process = OwnProcess(command, folder, cwd=folder)

    def start(self) -> None:
        """Start it, and return once it answers."""
        self._process.start()
        self._process.wait_for(self._ready, seconds=60, what="Prometheus")

    def stop(self) -> None:
        """End it."""
        self._process.stop()

    def found(self, expression: str) -> list[dict[str, Any]]:
        """Return the series of an expression now, each with ``metric`` and ``value``.

        Raises:
            ValueError: Prometheus does not understand it.
        """
        answer = self.get("/api/v1/query", query=expression)
        series: list[dict[str, Any]] = answer["result"]
        return series

    def get(self, path: str, **parameters: str) -> Any:
        """Return ``data`` of an answer of its API.

        Raises:
            ValueError: it refused.
        """
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(self.url + path, params=parameters, timeout=30).json()
        if answer["status"] != "success":
            raise ValueError(f"{parameters}: {answer['error']}")
        return answer["data"]

    def _ready(self) -> bool:
        try:
            with requests.Session() as session:
                session.trust_env = False
                return session.get(f"{self.url}/-/ready", timeout=5).ok
        except requests.RequestException:
            return False
