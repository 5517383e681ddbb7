"""Laptop: PostgreSQL, two endpoints, two gateways, HAProxy and Prometheus on one machine.

With the files of deploy/ and on loopback alone. Example:
``with Laptop(folder, Places(), endpoints) as running: print(running.url)``.
"""

import secrets
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, Self

import requests

from benchmarks.peers.base import PeerError
from benchmarks.peers.plain_torchserve import ROOT
from benchmarks.peers.process import OwnProcess
from benchmarks.ports import Ports
from benchmarks.replicas import edge, postgres, prometheus_server
from benchmarks.replicas.edge import Edge
from benchmarks.replicas.postgres import Postgres
from benchmarks.replicas.prometheus_server import PrometheusServer

ROLES = ("admin", "talk", "watch")
_READY = 90.0
"""Seconds that a gateway has until it answers."""


class Endpoint(Protocol):
    """A model endpoint that somebody else starts and ends."""

    @property
    def port(self) -> int:
        """Where turns are asked for."""

    @property
    def check_port(self) -> int:
        """Where HAProxy asks whether a worker is there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Places:
    """Ports on loopback; the defaults are those of deploy/."""

    edge: int = 8443
    model: int = 8070
    figures: int = 8404
    gateways: tuple[int, int] = (8090, 8091)
    postgres: int = 5433
    prometheus: int = 9090

    @classmethod
    def free(cls, ports: Ports) -> Self:
        """Return places that nothing listens on."""
        taken = ports.take(7)
        return cls(
            edge=taken[0],
            model=taken[1],
            figures=taken[2],
            gateways=(taken[3], taken[4]),
            postgres=taken[5],
            prometheus=taken[6],
        )


class Gateway:
    """``tod gateway`` with the secrets of the folder, started and ended as often as wanted."""

    def __init__(
        self, port: int, model_port: int, secret: Path, folder: Path, settings: Sequence[str]
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "todserve", "gateway", "--port", str(port)]
        command += ["--token-file", str(secret / "tokens")]
        command += ["--database-file", str(secret / "database"), *settings]
        address = {"TOD_MODEL_URL": f"http://127.0.0.1:{model_port}"}
        self._process = OwnProcess(command, folder, cwd=ROOT, environment=address)

    def start(self) -> None:
        """Start it, and return once it answers."""
        self._process.start()
        self._process.wait_for(self._lives, seconds=_READY, what="a gateway")

    def kill(self) -> None:
        """End it without warning."""
        self._process.kill()

    def stop(self) -> None:
        """End it in good order: what it has begun is answered."""
        self._process.stop()

    def _lives(self) -> bool:
        try:
            with requests.Session() as session:
                session.trust_env = False
                return session.get(f"{self.url}/health", timeout=5).ok
        except requests.RequestException:
            return False


@dataclass(kw_only=True, slots=True)
class Tokens:
    """A new token for each role."""

    of: Mapping[str, str] = field(
        default_factory=lambda: {role: secrets.token_hex(32) for role in ROLES}
    )

    def lines(self) -> str:
        """Return the file that a gateway reads."""
        return "".join(f"{role} {token}\n" for role, token in self.of.items())


class Laptop:
    """Everything between a client and the endpoints, which run already or will.

    Args:
        folder: for secrets, output and Prometheus' data; made where it is missing.
        places: where everything listens.
        endpoints: two.
        figures: addresses of the endpoints' metrics.
        scrape_seconds: between two looks of Prometheus.
        settings: of the gateways, as ``lease_seconds=1``.
    """

    def __init__(
        self,
        folder: Path,
        places: Places,
        endpoints: Sequence[Endpoint],
        *,
        figures: Sequence[str] = (),
        scrape_seconds: int = 10,
        settings: Sequence[str] = (),
    ) -> None:
        programs = postgres.programs()
        if programs is None or edge.PROGRAM is None:
            raise PeerError("expected PostgreSQL and HAProxy; apt-get install postgresql haproxy")
        self.url = f"https://127.0.0.1:{places.edge}"
        self.tokens = Tokens()
        self.secrets = folder / "secrets"
        self.secrets.mkdir(parents=True, mode=0o700, exist_ok=True)
        self.database = Postgres(programs, port=places.postgres)
        (self.secrets / "tokens").write_text(self.tokens.lines(), encoding="ascii")
        (self.secrets / "database").write_text(self.database.url, encoding="ascii")
        for name in ("edge", "prometheus"):
            (folder / name).mkdir(exist_ok=True)
        one, two = endpoints
        here = "127.0.0.1"
        self.edge = Edge(
            folder / "edge",
            {
                "TOD_EDGE": f"{here}:{places.edge}",
                "TOD_MODEL": f"{here}:{places.model}",
                "TOD_FIGURES": f"{here}:{places.figures}",
                "TOD_GATEWAY_1": f"{here}:{places.gateways[0]}",
                "TOD_GATEWAY_2": f"{here}:{places.gateways[1]}",
                "TOD_ENDPOINT_1": f"{here}:{one.port}",
                "TOD_ENDPOINT_1_CHECK": str(one.check_port),
                "TOD_ENDPOINT_2": f"{here}:{two.port}",
                "TOD_ENDPOINT_2_CHECK": str(two.check_port),
            },
        )
        self.gateways = [
            Gateway(port, places.model, self.secrets, folder / f"gateway-{number}", settings)
            for number, port in enumerate(places.gateways, 1)
        ]
        self.prometheus: PrometheusServer | None = None
        if prometheus_server.PROGRAM is not None:
            self.prometheus = PrometheusServer(
                folder / "prometheus",
                port=places.prometheus,
                targets={
                    "todserve-gateway": [f"{here}:{port}" for port in places.gateways],
                    "todserve-endpoint": figures,
                    "todserve-edge": [f"{here}:{places.figures}"],
                },
                token=self.tokens.of["watch"],
                seconds=scrape_seconds,
            )
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with self._stack as stack:
            stack.enter_context(self.database)
            for part in (self.edge, *self.gateways, self.prometheus):
                if part is not None:
                    stack.callback(part.stop)
                    part.start()
            self.edge.wait_until_up(4)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def headers(self, role: str) -> dict[str, str]:
        """Return what shows the token of a role."""
        return {"Authorization": f"Bearer {self.tokens.of[role]}"}

    def session(self, role: str) -> requests.Session:
        """Return a session that shows a token and trusts the certificate."""
        session = requests.Session()
        session.trust_env = False
        session.verify = str(self.edge.certificate)
        session.headers.update(self.headers(role))
        return session
