"""PostgreSQL's disk becomes full: that is told, loses nothing acknowledged, and passes."""

import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.replicas.insistent_client import InsistentClient, faults_of
from benchmarks.replicas.postgres import Postgres, programs
from tests.support.gateway_server import GatewayServer, ModelServer
from tests.support.served_endpoint import free_ports
from todserve.gateway.gateway_settings import GatewaySettings

CLIENTS = 4
MEGABYTES = 96
"""An empty PostgreSQL takes 40 of them."""


@pytest.fixture
def disk() -> Iterator[Path]:
    """A small disk that is nobody else's."""
    if os.geteuid() != 0:
        pytest.skip("only root mounts a disk")
    # PostgreSQL's user cannot enter a folder of root's.
    folder = Path(tempfile.mkdtemp(prefix="tod-disk-", dir="/tmp"))
    options = f"size={MEGABYTES}m,mode=0755"
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        folder.rmdir()
        pytest.skip("no disk can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)
        folder.rmdir()


@pytest.fixture
def url(disk: Path) -> Iterator[str]:
    folder = programs()
    if folder is None:
        pytest.skip("PostgreSQL is not installed")
    with Postgres(folder, port=free_ports(1)[0], within=disk) as server:
        yield server.url


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """Leave no byte of a disk to anybody else."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as stream:
        while shutil.disk_usage(disk).free:
            stream.write(bytes(4096))
    yield
    filler.unlink()


def wait_until(condition: Callable[[], bool], what: str) -> None:
    for _ in range(1200):
        if condition():
            return
        threading.Event().wait(0.1)
    raise AssertionError(f"waited in vain: {what}")


def test_a_full_disk_is_told_loses_nothing_acknowledged_and_is_over_when_it_is_over(
    url: str, disk: Path
) -> None:
    over = threading.Event()
    with (
        ModelServer(seconds=0.005) as model,
        GatewayServer(
            GatewaySettings(database=url, model_url=model.url, requests_per_minute=0)
        ) as gateway,
    ):

        def stored() -> bool:
            return bool(gateway.call("GET", "/ready").json()["store"])

        mine = gateway.begin()
        clients = [
            InsistentClient(
                number=number, dialogue_id=gateway.begin(), urls=(gateway.url,), stop=over
            )
            for number in range(CLIENTS)
        ]
        for client in clients:
            client.start()
        wait_until(lambda: all(client.acknowledged for client in clients), "first answers")
        assert stored()
        with full(disk):
            wait_until(lambda: not stored(), "/ready to tell it")
            # Where a page has a place left, a turn still fits.
            count = 0
            while (refused := gateway.say(mine, "a train", f"m{count}")).status_code == 200:
                count += 1
                assert count < 1000
            assert (refused.status_code, refused.json()["type"]) == (503, "store_unavailable")
            assert refused.headers["Retry-After"] == "5"
            assert gateway.call("GET", "/ready").status_code == 503
            assert gateway.call("GET", "/health").status_code == 200
            assert len(gateway.turns(mine)) == count
            wait_until(lambda: all(client.refused for client in clients), "everybody's refusal")
            before = [len(client.acknowledged) for client in clients]
        wait_until(stored, "/ready to take it back")
        assert gateway.say(mine, "a train", f"m{count}").json()["index"] == count
        wait_until(
            lambda: all(
                len(client.acknowledged) > known
                for client, known in zip(clients, before, strict=True)
            ),
            "everybody to be answered again",
        )
        over.set()
        for client in clients:
            client.join(timeout=120)
        turns = {one.dialogue_id: gateway.turns(one.dialogue_id) for one in clients}
    assert [client.unexpected for client in clients] == [[]] * CLIENTS
    assert {status for client in clients for status in client.refused} == {503}
    for client in clients:
        assert set(faults_of(turns[client.dialogue_id], [client]).values()) == {0}
