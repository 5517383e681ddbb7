"""Who may do what with the API, asked of a real gateway with a token of each role."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from tests.unit.gateway_server import GatewayServer, ModelServer
from todserve.gateway.app import create_app
from todserve.gateway.roles import NEEDED, Role, Token
from todserve.gateway.settings import GatewaySettings
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
        if path.startswith(("/v1/", "/webhooks/")) and isinstance(context.original_route, APIRoute):
            for method in context.methods or ():
                yield method, path.replace(":path", "")


def test_every_operation_is_judged_and_no_other_is(
    gateway: GatewayServer, people: dict[str, Bearer], tmp_path: Path
) -> None:
    app = create_app(GatewaySettings(database=f"sqlite:///{tmp_path}/d.sqlite"))
    operations = set(judged(app))
    assert operations == set(NEEDED)
    assert len(operations) > 15
    for (method, path), needed in NEEDED.items():
        where = path.replace("{dialogue_id}", "0").replace("{index}", "0")
        where = where.replace("{user_id}", "nobody").replace("{example_id}", "0")
        assert gateway.call(method, where, {}).status_code == 401
        for name, role in (("anna", Role.TALK), ("lena", Role.LABEL), ("ada", Role.ADMIN)):
            answer = people[name].call(method, where, {})
            assert (answer.status_code == 403) is (role < needed), (method, path, name)


@pytest.mark.parametrize("line", ["boss 1234", "talk 1 2", "sesame open"])
def test_a_line_that_is_no_token_is_refused_with_the_new_form_and_not_repeated(line: str) -> None:
    with pytest.raises(ConfigError, match="talk TOKEN, label TOKEN or admin TOKEN") as refused:
        Token.of_line(line)
    assert not any(word in str(refused.value) for word in line.split() if word != "talk")


def test_a_role_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="role"):
        GatewaySettings(tokens=({"role": "boss", "secret": "1234"},))
