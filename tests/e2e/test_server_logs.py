"""TorchServe's logs: nobody fills them, and nobody else reads them."""

import socket
import stat
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest
import requests

from tests.support.served_endpoint import ROOT
from todserve.serving.server.server_record import FILE_NAME
from todserve.serving.server.torchserve_server import RunningServer

pytestmark = pytest.mark.e2e
TIMES = 1500
MORE_THAN_IT_PRINTS = 250
ODD = (
    b"CONNECT a:1 HTTP/1.1\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1",
    b"POST /predictions/tod HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    b"GET /predictions/%zz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"PUT /models/none?min_worker=x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n",
)


def size(folder: Path) -> int:
    return sum(one.stat().st_size for one in folder.iterdir() if one.is_file())


def send(url: str, request: bytes) -> None:
    place = urlsplit(url)
    assert place.hostname is not None
    assert place.port is not None
    with socket.create_connection((place.hostname, place.port), timeout=60) as client:
        client.sendall(request)
        client.settimeout(0.05)
        try:
            client.recv(1)
        except OSError:
            return


def test_odd_requests_fill_no_log(server: RunningServer, http: requests.Session) -> None:
    before = size(server.log_dir)
    for number in range(TIMES):
        send(server.inference_url, ODD[0])
        if number % 10 == 0:
            send(server.inference_url, ODD[number // 10 % len(ODD)])
            send(server.management_url, ODD[number // 10 % len(ODD)])
    assert size(server.log_dir) - before < 400_000
    body = {"user": "a cheap restaurant"}
    answer = http.post(f"{server.inference_url}/predictions/tod", json=body, timeout=60)
    assert answer.status_code == 200


def test_the_console_which_cannot_be_begun_anew_gets_little_in_any_three_weeks() -> None:
    log = ElementTree.parse(ROOT / "archive" / "log4j2.xml")
    burst = log.find("./Loggers/Root/AppenderRef[@ref='console']/BurstFilter")
    assert burst is not None
    times = int(burst.attrib["maxBurst"])
    assert times <= MORE_THAN_IT_PRINTS
    assert times / float(burst.attrib["rate"]) > 21 * 24 * 3600


def test_what_the_server_prints_ends_however_much_it_is_sent(server: RunningServer) -> None:
    console = server.log_dir / "console.log"
    for number in range(MORE_THAN_IT_PRINTS):
        send((server.inference_url, server.management_url)[number % 2], ODD[0])
    printed = console.stat().st_size
    # Then it is silent, and for weeks: at a line a minute it would fill the disk in the end.
    assert printed < 200_000
    for _ in range(100):
        send(server.management_url, b"CONNECT " + b"a" * 3000 + b":1 HTTP/1.1\r\n\r\n")
    assert console.stat().st_size == printed


def test_logs_and_the_servers_record_are_their_owners_alone(server: RunningServer) -> None:
    kept = [one for one in server.log_dir.iterdir() if one.is_file()]
    assert {FILE_NAME, "console.log", "server.log", "worker.log"} <= {one.name for one in kept}
    assert {stat.S_IMODE(one.stat().st_mode) for one in kept} == {0o600}
    assert stat.S_IMODE(server.log_dir.stat().st_mode) == 0o700
    inside = Path(server.record.temp_dir)
    assert stat.S_IMODE(inside.stat().st_mode) == 0o700
