"""Who may do what with the API, asked of a real gateway with a token of each role."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from requests.adapters import HTTPAdapter

from tests.support.gateway_server import GatewayServer, ModelServer
from todserve.gateway.api.gateway_app import create_app
from todserve.gateway.api.middleware import _GUARDED, _neighbourhood
from todserve.gateway.api.roles import NEEDED, Role, Token
from todserve.gateway.gateway_settings import GatewaySettings
from todserve.runtime.errors import ConfigError

LINES = ("talk anna-7c0e", "talk ben-91ab", "label lena-55d2", "admin ada-0f3c", "old-form-token")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayServer]:
    folder = tmp_path_factory.mktemp("roles")
    with ModelServer() as model:
        settings = GatewaySettings(
            database=f"sqlite:///{folder}/dialogues.sqlite",
            model_url=model.url,
            requests_per_minute=0,
            tokens=tuple(map(Token.of_line, LINES)),
        )
        with GatewayServer(settings) as server:
            yield server


class Bearer:
    """Somebody with a token."""

    def __init__(self, gateway: GatewayServer, token: str) -> None:
        self._gateway, self._token = gateway, token

    def call(self, method: str, path: str, body: object = None) -> Any:
        return self._gateway.call(method, path, body, Authorization=f"Bearer {self._token}")

    def begin(self, **body: str) -> str:
        begun = self.call("POST", "/v1/dialogues", body)
        assert begun.status_code == 201, begun.text
        path = f"/v1/dialogues/{begun.json()['dialogue_id']}"
        said = self.call("POST", f"{path}/turns", {"user": "a train", "message_id": "1"})
        assert said.status_code == 200, said.text
        return path

    def lists(self) -> set[str]:
        found = self.call("GET", "/v1/dialogues?limit=100").json()["dialogues"]
        return {f"/v1/dialogues/{one['dialogue_id']}" for one in found}


@pytest.fixture
def people(gateway: GatewayServer) -> dict[str, Bearer]:
    names = ("anna", "ben", "lena", "ada", "old")
    return {
        name: Bearer(gateway, line.split()[-1]) for name, line in zip(names, LINES, strict=True)
    }


def test_whoever_may_talk_sees_and_deletes_its_own_dialogues_alone(
    people: dict[str, Bearer],
) -> None:
    hers, his = people["anna"].begin(user_id="customer"), people["ben"].begin(user_id="customer")
    assert hers in people["anna"].lists()
    assert his not in people["anna"].lists()
    message = {"user": "and back", "message_id": "2"}
    for method, path, body in (
        ("GET", his, None),
        ("POST", f"{his}/turns", message),
        ("DELETE", his, None),
    ):
        answer = people["anna"].call(method, path, body)
        # Nor is she told that there is one.
        assert (answer.status_code, answer.json()["type"]) == (404, "not_found")
    assert people["anna"].call("DELETE", "/v1/users/customer").status_code == 204
    assert people["ben"].call("GET", his).status_code == 200
    assert people["anna"].call("GET", hers).status_code == 404


def test_two_tokens_that_name_the_same_sender_speak_in_two_dialogues(
    people: dict[str, Bearer],
) -> None:
    body = {"sender": "user", "message": "hello"}
    for name in ("anna", "ben"):
        said = people[name].call("POST", "/webhooks/rest/webhook", body)
        assert said.json() == [{"recipient_id": "user", "text": "0 before: hello"}]
    again = people["anna"].call("POST", "/webhooks/rest/webhook", body)
    assert again.json()[0]["text"] == "1 before: hello"


def test_whoever_labels_reads_all_corrects_all_and_deletes_nothing_of_others(
    people: dict[str, Bearer],
) -> None:
    hers, lena = people["anna"].begin(), people["lena"]
    assert hers in lena.lists()
    assert lena.call("POST", f"{hers}/turns/0/correction", {"verdict": "right"}).status_code == 200
    assert lena.call("GET", "/v1/export").status_code == 200
    assert lena.call("DELETE", hers).status_code == 404
    said = lena.call("POST", f"{hers}/turns", {"user": "me too", "message_id": "2"})
    assert said.status_code == 404
    assert lena.call("DELETE", f"{hers}/hand-off").status_code == 403


@pytest.mark.parametrize("name", ["ada", "old"])
def test_an_admin_may_do_everything_and_so_may_a_token_of_the_old_form(
    people: dict[str, Bearer], name: str
) -> None:
    hers, admin = people["anna"].begin(), people[name]
    assert hers in admin.lists()
    assert admin.call("DELETE", f"{hers}/hand-off").status_code == 204
    assert admin.call("DELETE", hers).status_code == 204


def judged(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Yield method and path of every operation of the app's that is behind the guard."""
    for context in iter_route_contexts(app.routes):
        path = str(context.path)
        guarded = path.startswith(_GUARDED)
        if guarded and isinstance(context.original_route, APIRoute):
            for method in context.methods or ():
                yield method, path.replace(":path", "")


def test_every_operation_is_judged_and_no_other_is(
    gateway: GatewayServer, people: dict[str, Bearer], tmp_path: Path
) -> None:
    app = create_app(GatewaySettings(database=f"sqlite:///{tmp_path}/d.sqlite"))
    operations = set(judged(app))
    assert operations == set(NEEDED)
    assert len(operations) > 20
    for (method, path), needed in NEEDED.items():
        where = path.replace("{dialogue_id}", "0").replace("{index}", "0")
        where = where.replace("{user_id}", "nobody").replace("{example_id}", "0")
        where = where.replace("{conversation_id}", "nobody")
        assert gateway.call(method, where, {}).status_code == 401
        for name, role in (("anna", Role.TALK), ("lena", Role.LABEL), ("ada", Role.ADMIN)):
            answer = people[name].call(method, where, {})
            assert (answer.status_code == 403) is (role < needed), (method, path, name)


@pytest.mark.parametrize("line", ["boss 1234", "talk 1 anna 2", "sesame open"])
def test_a_line_that_is_no_token_is_refused_with_the_new_form_and_not_repeated(line: str) -> None:
    with pytest.raises(ConfigError, match="talk TOKEN, label TOKEN or admin TOKEN") as refused:
        Token.of_line(line)
    assert not any(word in str(refused.value) for word in line.split() if word != "talk")


@pytest.mark.parametrize("line", ["talk ", "ADMIN", "", " "])
def test_a_role_without_its_token_is_no_token_of_an_admin(line: str) -> None:
    with pytest.raises(ConfigError, match="a line without a token"):
        Token.of_line(line)


def test_a_role_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="role"):
        GatewaySettings(tokens=({"role": "boss", "secret": "1234"},))


class FromElsewhere(HTTPAdapter):
    """Connects from another address of this machine."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *given: Any, **named: Any) -> None:
        super().init_poolmanager(*given, **named, source_address=(self._address, 0))


def answers(url: str, token: str, *, at: str, **headers: str) -> int:
    with requests.Session() as session:
        session.trust_env = False
        session.mount("http://", FromElsewhere(at))
        bearer = {"Authorization": f"Bearer {token}", **headers}
        return session.get(f"{url}/v1/dialogues", headers=bearer, timeout=60).status_code


def test_wrong_tokens_are_slowed_and_nobody_else_is(gateway: GatewayServer) -> None:
    known, unknown = LINES[0].split()[-1], LINES[1].split()[-1]
    assert answers(gateway.url, known, at="127.0.0.9") == 200
    began = time.monotonic()
    tried = [answers(gateway.url, f"wrong{n}", at="127.0.0.9") for n in range(60)]
    assert set(tried) == {401, 429}
    assert tried.count(401) <= 5 + (time.monotonic() - began)
    # Not even a right one is looked at, or guessing would go on, unless it came from here before.
    in_a_row = [answers(gateway.url, f"wrong{n}", at="127.0.0.9") for n in range(5)]
    assert in_a_row.count(429) >= 3
    assert answers(gateway.url, known, at="127.0.0.9") == 200
    # Others elsewhere, and whoever sends no token at all, are answered as ever.
    assert answers(gateway.url, unknown, at="127.0.0.8") == 200
    assert gateway.call("GET", "/v1/dialogues").status_code == 401
    while answers(gateway.url, unknown, at="127.0.0.9") != 200:
        assert time.monotonic() < began + 60, "a right token is refused for ever"
        time.sleep(0.1)


def test_a_message_of_a_refusal_says_the_role_and_no_token(people: dict[str, Bearer]) -> None:
    refused = people["anna"].call("GET", "/v1/export")
    assert (refused.status_code, refused.json()["type"]) == (403, "forbidden")
    assert "may talk; expected one that may label" in refused.json()["message"]
    assert "7c0e" not in refused.text


def test_ipv6_addresses_of_one_network_are_one_neighbourhood() -> None:
    one, other, far = "2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1"
    assert _neighbourhood(one) == _neighbourhood(other) != _neighbourhood(far)
    assert _neighbourhood("192.0.2.1") != _neighbourhood("192.0.2.2")
    assert _neighbourhood("somewhere") == "somewhere"
