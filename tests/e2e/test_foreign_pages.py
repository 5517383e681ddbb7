"""No page of a foreign name or origin is answered by TorchServe's ports, in a real browser too."""

import socket
from contextlib import suppress
from urllib.parse import urlsplit

import pytest
import requests
from playwright.sync_api import Route, sync_playwright

from tests.support.foreign_code import PATIENCE
from tests.support.studio_page import CHROMIUM, launch
from tests.support.torchserve_operations import OPERATIONS, UNDESCRIBED, perform
from todserve.serving.server.torchserve_server import RunningServer

pytestmark = pytest.mark.e2e
TURN = {"user": "a cheap restaurant"}
FOREIGN: tuple[dict[str, str], ...] = (
    {"Host": "evil.example"},
    {"Host": "evil.example:8081"},
    {"Host": "127.0.0.1.evil.example"},
    {"Host": "localhost.evil.example:8080"},
    {"Host": "evil.example#localhost"},
    {"Host": "localhost@evil.example"},
    {"Host": "0.0.0.0:8080"},
    {"Host": "192.168.1.5"},
    {"Host": "[::2]:8080"},
    {"Origin": "http://evil.example"},
    {"Origin": "https://evil.example:8443"},
    {"Origin": "http://localhost.evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "file://"},
    {"Origin": "chrome-extension://abcdefghijklmnop"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image"},
    {"Sec-Fetch-Site": "cross-site"},
)
OURS: tuple[dict[str, str], ...] = (
    {},
    {"Host": "localhost"},
    {"Host": "LocalHost:8080"},
    {"Host": "127.0.0.1:1"},
    {"Host": "127.1.2.3"},
    {"Host": "[::1]:8080"},
    {"Origin": "http://localhost:3000"},
    {"Origin": "https://127.0.0.1"},
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none", "Sec-Fetch-Dest": "document"},
)


def words(headers: dict[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in headers.items()) or "none"


@pytest.mark.parametrize("headers", FOREIGN, ids=words)
def test_a_request_that_a_foreign_page_may_send_is_refused_on_every_port(
    server: RunningServer, http: requests.Session, headers: dict[str, str]
) -> None:
    asked = [
        http.get(f"{server.management_url}/models", headers=headers, timeout=PATIENCE),
        http.put(f"{server.management_url}/models/tod?min_worker=0", headers=headers, timeout=5),
        http.get(f"{server.metrics_url}/metrics", headers=headers, timeout=PATIENCE),
        http.post(
            f"{server.inference_url}/predictions/tod", json=TURN, headers=headers, timeout=PATIENCE
        ),
    ]
    assert [answer.status_code for answer in asked] == [403] * 4
    assert {answer.json()["type"] for answer in asked} == {"ForeignPageException"}
    assert all(worker.ready for worker in server.workers())


@pytest.mark.parametrize("headers", OURS, ids=words)
def test_programs_and_pages_of_this_machine_are_answered_as_before(
    server: RunningServer, http: requests.Session, headers: dict[str, str]
) -> None:
    listed = http.get(f"{server.management_url}/models", headers=headers, timeout=PATIENCE)
    assert [one["modelName"] for one in listed.json()["models"]] == ["tod"]
    answer = http.post(
        f"{server.inference_url}/predictions/tod", json=TURN, headers=headers, timeout=PATIENCE
    )
    assert answer.status_code == 200


def test_a_link_to_this_machine_may_be_followed(
    server: RunningServer, http: requests.Session
) -> None:
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}
    url = f"{server.management_url}/models"
    assert http.get(url, headers=followed, timeout=PATIENCE).status_code == 200
    assert http.post(url, headers=followed, timeout=PATIENCE).status_code == 403


def test_no_operation_is_left_out(server: RunningServer) -> None:
    page = {"Host": "evil.example", "Origin": "http://evil.example"}
    for operation in (*OPERATIONS, *UNDESCRIBED):
        assert perform(server, operation, headers=page).status_code == 403, operation


def test_what_follows_a_refused_request_on_its_connection_is_not_heard(
    server: RunningServer,
) -> None:
    place = urlsplit(server.management_url)
    assert place.hostname is not None
    foreign = b"POST /models HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 4\r\n\r\nbody"
    ours = b"GET /models HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with socket.create_connection((place.hostname, place.port or 0), timeout=PATIENCE) as client:
        client.sendall(foreign + ours)
        heard = b""
        with suppress(ConnectionResetError):  # it closes on what it has not read
            while some := client.recv(65536):
                heard += some
    assert heard.count(b"HTTP/1.1 ") == 1
    assert heard.startswith(b"HTTP/1.1 403 ")
    with socket.create_connection((place.hostname, place.port or 0), timeout=PATIENCE) as client:
        twice = b"GET /models HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n"
        client.sendall(twice)
        assert client.recv(65536).startswith(b"HTTP/1.1 4")


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
def test_a_page_whose_name_was_made_to_mean_this_machine_learns_and_does_nothing(
    server: RunningServer,
) -> None:
    port = urlsplit(server.management_url).port

    def page_of_another_time(route: Route) -> None:
        route.fulfill(body="<!doctype html><title>-</title>", content_type="text/html")

    with sync_playwright() as playwright:
        # Newer browsers ask the user before a page reaches this machine; not all people have one.
        browser = launch(
            playwright,
            "--host-resolver-rules=MAP evil.example 127.0.0.1",
            "--disable-features=LocalNetworkAccessChecks",
        )
        page = browser.new_page()
        page.route("**/page.html", page_of_another_time)
        page.goto(f"http://evil.example:{port}/page.html")
        asked = page.evaluate(
            """async () => {
                const scale = await fetch("/models/tod?min_worker=0", {method: "PUT"});
                const read = await fetch("/models");
                return [scale.status, read.status, await read.text()];
            }"""
        )
        browser.close()
    assert asked[:2] == [403, 403]
    assert "tod.mar" not in asked[2]
    assert all(worker.ready for worker in server.workers())
