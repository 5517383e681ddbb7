"""Readiness: every worker READY and one real prediction; ``/ping`` says Healthy far too early.

``tod start`` waits until it says that the server is ready.
Example: ``Probe(name="tod", inference_url="http://127.0.0.1:8080", ...).workers()``.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil
import requests

from todserve.runtime.errors import ServerError

CANARY = {"user": "i am looking for a cheap restaurant in the centre"}
_PERIOD = 0.25  # seconds between two looks
_BUSY = (HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.SERVICE_UNAVAILABLE, 507)


@dataclass(frozen=True, kw_only=True, slots=True)
class Worker:
    """A worker process; memory is its resident size in bytes, 0 when it cannot be seen."""

    worker_id: str
    pid: int
    ready: bool
    memory: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """Asks a server about one model.

    Attributes:
        name: the model.
        inference_url: for the canary.
        management_url: for the workers.
        key_file: TorchServe's key_file.json when tokens are on, else None.
    """

    name: str
    inference_url: str
    management_url: str
    key_file: Path | None = None

    def workers(self) -> tuple[Worker, ...]:
        """Return all its versions' workers; empty while the server or the model is not there."""
        try:
            return workers_of(
                [one for all_of in self.described("/all") for one in all_of["workers"]]
            )
        except (ValueError, LookupError, TypeError):
            return ()

    def described(self, versions: str = "") -> list[dict[str, Any]]:
        """Return what the management API says of the model; empty while it is not there.

        Args:
            versions: ``/all`` for every version instead of the default one.
        """
        url = f"{self.management_url}/models/{self.name}{versions}"
        try:
            reply = self._ask("GET", url, "management", 5)
            found = reply.json() if reply.status_code == HTTPStatus.OK else []
        except (requests.RequestException, ValueError, LookupError):
            return []
        return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []

    def listed(self) -> Any:
        """Return the management API's list of models.

        Raises:
            requests.RequestException, ValueError, LookupError: it does not answer with one.
        """
        reply = self._ask("GET", f"{self.management_url}/models?limit=100", "management", 5)
        reply.raise_for_status()
        return reply.json()

    def set_default(self, version: str) -> requests.Response:
        """Ask for another default version, as an address spells it.

        Raises:
            requests.RequestException, ValueError, LookupError: it was not asked.
        """
        url = f"{self.management_url}/models/{self.name}/{version}/set-default"
        return self._ask("PUT", url, "management", 30)

    def register(self, archive: str, timeout: float) -> requests.Response:
        """Ask for an archive of the store to be loaded, and wait for its workers.

        Args:
            archive: its file's name.
            timeout: in seconds.

        Raises:
            requests.RequestException, ValueError, LookupError: it was not asked, or not in time.
        """
        query = urlencode({"url": archive, "model_name": self.name, "synchronous": "true"})
        url = f"{self.management_url}/models?{query}"
        return self._ask("POST", url, "management", timeout)

    def unregister(self, version: str) -> requests.Response:
        """Ask for a version to be unloaded, as an address spells it; errors as ``register``."""
        url = f"{self.management_url}/models/{self.name}/{version}"
        return self._ask("DELETE", url, "management", 30)

    def predict(self, timeout: float, *, version: str = "") -> requests.Response:
        """Send the canary; ``timeout`` in seconds, ``version`` as an address spells it."""
        url = f"{self.inference_url}/predictions/{self.name}{version and f'/{version}'}"
        return self._ask("POST", url, "inference", timeout, body=CANARY)

    def _ask(
        self, method: str, url: str, key: str, timeout: float, body: object = None
    ) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False  # a proxy of the environment must not see loopback requests
            headers = {}
            if self.key_file is not None and self.key_file.is_file():
                keys = json.loads(self.key_file.read_text(encoding="utf-8"))
                headers["Authorization"] = f"Bearer {keys[key]['key']}"
            return session.request(method, url, json=body, headers=headers, timeout=timeout)


def workers_of(described: Sequence[Mapping[str, Any]]) -> tuple[Worker, ...]:
    """Return the workers of a model that the management API described."""
    return tuple(
        Worker(
            worker_id=str(worker["id"]),
            pid=int(worker["pid"]),
            ready=worker["status"] == "READY",
            # TorchServe measures once a minute and says 0 before.
            memory=resident_size(int(worker["pid"])),
        )
        for worker in described
    )


def resident_size(pid: int) -> int:
    """Return the process's resident memory in bytes, 0 when it cannot be seen."""
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except (psutil.Error, ValueError):  # ValueError: TorchServe says -1 before it knows the pid
        return 0


def wait_until_ready(probe: Probe, *, deadline: float, check: Callable[[], None]) -> None:
    """Return once every worker is READY and the canary was answered 200.

    Args:
        probe: whom to ask.
        deadline: on the clock of ``time.monotonic``.
        check: called before every look; raises when waiting is pointless.

    Raises:
        ServerError: the deadline passed, or the canary was refused.
    """
    state = "TorchServe does not answer"
    while time.monotonic() < deadline:
        check()
        workers = probe.workers()
        if workers and all(worker.ready for worker in workers):
            state = _canary(probe, deadline)
            if not state:
                return
        elif workers:
            ready = sum(worker.ready for worker in workers)
            state = f"{ready} of {len(workers)} workers are READY"
        time.sleep(_PERIOD)
    raise ServerError(f"model {probe.name} was not ready in time: {state}; see the logs")


def _canary(probe: Probe, deadline: float) -> str:
    """Return what was wrong for the moment, "" when the answer was good."""
    try:
        reply = probe.predict(max(1.0, deadline - time.monotonic()))
    except requests.RequestException as error:
        return f"the canary request failed: {type(error).__name__}"
    if reply.status_code == HTTPStatus.OK:
        return ""
    said = f"the canary request was answered {reply.status_code}: {reply.text[:500]}"
    if reply.status_code in _BUSY:
        return said
    raise ServerError(said)
