"""A real gateway that many clients keep waiting, with few files to open."""

import os
import re
import resource
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.support.served_endpoint import free_ports

PATIENCE = 60
FILES = 256
HALF = b"POST /v1/dialogues HTTP/1.1\r\nHost: localhost\r\nContent-Ty"
HALF_A_BODY = (
    b"POST /v1/dialogues HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: 100\r\n\r\n{"
)


@dataclass(kw_only=True)
class Gateway:
    """A gateway's process, its port and its log."""

    port: int
    log: Path
    database: Path

    def health(self) -> int:
        with requests.Session() as session:
            session.trust_env = False
            url = f"http://127.0.0.1:{self.port}/health"
            return session.get(url, timeout=PATIENCE).status_code

    def connect(self, first: bytes = b"") -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        client.sendall(first)
        return client


PLAIN = "import sys; sys.modules.update(httptools=None, uvloop=None);"
"""As where nothing but the gateway's own requirements is installed."""
RUN = "import sys; from todserve.cli.main import main; sys.exit(main(sys.argv[1:]))"


@contextmanager
def gateway(
    folder: Path, *further: str, parser: str = PLAIN, files: tuple[int, int] = (FILES, FILES)
) -> Iterator[Gateway]:
    (port,) = free_ports(1)
    database = folder / "kept" / "dialogues.sqlite"
    found = Gateway(port=port, log=folder / "logs" / "gateway.log", database=database)
    command = [sys.executable, "-c", parser + RUN, "gateway", "--port", str(port)]
    command += ["--database", f"sqlite:///{database}", f"log_file={found.log}", *further]
    with (folder / "console").open("wb") as console:
        process = subprocess.Popen(
            command,
            stdout=console,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, files),
        )
    try:
        deadline = time.monotonic() + PATIENCE
        while True:
            assert process.poll() is None, (folder / "console").read_text()
            assert time.monotonic() < deadline, "the gateway did not start"
            try:
                found.health()
            except requests.ConnectionError:
                time.sleep(0.1)
            else:
                break
        yield found
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE)
    assert "Traceback" not in (folder / "console").read_text()


def trickle(client: socket.socket, piece: bytes, times: int, *, pause: float) -> None:
    for _ in range(times):
        client.sendall(piece)
        time.sleep(pause)


def is_closed(client: socket.socket) -> bool:
    """Wait until the other side has closed; True if it did so before patience ended."""
    try:
        while client.recv(4096):
            pass
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True


@pytest.mark.parametrize("parser", [PLAIN, ""], ids=["h11", "any"])
def test_a_crowd_that_sends_half_of_a_request_keeps_nobody_out_and_fills_no_log(
    tmp_path: Path, parser: str
) -> None:
    with gateway(tmp_path, parser=parser) as found:
        for half in (b"", HALF, HALF_A_BODY):
            with ExitStack() as clients:
                for _ in range(300):
                    clients.enter_context(found.connect(half))
                assert [found.health() for _ in range(20)] == [200] * 20, half
        logged = found.log.read_text()
    assert "Too many open files" not in logged
    assert len([line for line in logged.splitlines() if "/health" not in line]) < 20


def test_as_many_are_let_in_as_the_system_allows_whatever_a_shell_begins_with(
    tmp_path: Path,
) -> None:
    further = ("head_seconds=300", "requests_per_minute=0")
    with gateway(tmp_path, *further, files=(FILES, 2000)) as found, ExitStack() as clients:
        crowd = [clients.enter_context(found.connect(b"GET /heal")) for _ in range(2 * FILES)]
        assert found.health() == 200
        for client in crowd:
            client.sendall(b"th HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert {client.recv(12) for client in crowd} == {b"HTTP/1.1 200"}


def test_whoever_sends_half_of_a_request_is_sent_away_in_time(tmp_path: Path) -> None:
    with (
        gateway(tmp_path, "head_seconds=0.5", "body_seconds=0.5") as found,
        ExitStack() as clients,
    ):
        for half in (b"", HALF, HALF_A_BODY):
            assert is_closed(clients.enter_context(found.connect(half)))
        slow = clients.enter_context(found.connect(b"GET /health HTTP/1.1\r\nHost: localhost\r\n"))
        # A byte now and then does not begin the time anew; nor does a second request's.
        with pytest.raises(ConnectionError):
            trickle(slow, b"X", 100, pause=0.1)
        second = clients.enter_context(
            found.connect(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        )
        assert second.recv(4096).startswith(b"HTTP/1.1 200")
        second.sendall(b"GET /hea")
        assert is_closed(second)


def test_a_head_without_an_end_is_cut_off(tmp_path: Path) -> None:
    with gateway(tmp_path) as found, found.connect(HALF) as client:
        with pytest.raises(ConnectionError):
            trickle(client, b"x" * 4096, 1000, pause=0.0)
        assert found.health() == 200


def test_a_thousand_refused_requests_are_a_line_a_minute(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("talk 9f86d081884c7d65\n")
    with gateway(tmp_path, "--token-file", str(tokens)) as found, requests.Session() as http:
        http.trust_env = False
        url = f"http://127.0.0.1:{found.port}"
        codes = set()
        for number in range(500):
            wrong = {"Authorization": f"Bearer wrong{number}"}
            codes.add(http.get(f"{url}/v1/dialogues", headers=wrong, timeout=PATIENCE).status_code)
            codes.add(http.get(f"{url}/no/such/{number}", timeout=PATIENCE).status_code)
        assert codes == {401, 404, 429}
        right = {"Authorization": "Bearer 9f86d081884c7d65"}
        deadline = time.monotonic() + PATIENCE
        while http.get(f"{url}/v1/dialogues", headers=right, timeout=5).status_code != 200:
            assert time.monotonic() < deadline, "a right token is not let in any more"
            time.sleep(0.1)
        logged = found.log.read_text().splitlines()
    assert len([line for line in logged if re.search(r" (401|404|429) ", line)]) <= 6
    assert "wrong" not in "".join(logged)


def test_what_is_kept_is_its_owners_alone(tmp_path: Path) -> None:
    # Left behind by a version that let others read, or by whatever made it.
    database = tmp_path / "kept" / "dialogues.sqlite"
    database.parent.mkdir(mode=0o700)
    database.touch(mode=0o644)
    os.chmod(database, 0o644)
    with gateway(tmp_path) as found, found.connect() as client:
        client.sendall(
            b"POST /v1/dialogues HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n"
            b"Content-Type: application/json\r\n\r\n{}"
        )
        assert client.recv(4096).startswith(b"HTTP/1.1 201")
        kept = [*database.parent.iterdir(), found.log]
        assert {one.name for one in kept} >= {"dialogues.sqlite", "dialogues.sqlite-wal"}
        assert {stat.S_IMODE(one.stat().st_mode) for one in kept} == {0o600}
        folders = {stat.S_IMODE(one.parent.stat().st_mode) for one in kept}
        assert folders == {0o700}
