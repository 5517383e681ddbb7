"""What a client sends twice happens once, and pages of named sites alone may send it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.gateway_server import GatewayServer, ModelServer
from todserve.gateway.api.roles import Token
from todserve.gateway.gateway_settings import GatewaySettings
from todserve.runtime.errors import ConfigError

SHOP = {"Origin": "https://shop.example"}
ASKING = {
    **SHOP,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type",
}


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[GatewaySettings]:
    with ModelServer() as model:
        yield GatewaySettings(database=f"sqlite:///{tmp_path}/d.sqlite", model_url=model.url)


def test_the_same_key_begins_one_dialogue_however_often_and_at_once(
    settings: GatewaySettings,
) -> None:
    with GatewayServer(settings) as gateway:

        def begin(_: int) -> tuple[int, str, bool]:
            answer = gateway.call(
                "POST", "/v1/dialogues", {"user_id": "anna"}, Idempotency_Key="one"
            )
            again = "Idempotent-Replay" in answer.headers
            return answer.status_code, answer.json()["dialogue_id"], again

        with ThreadPoolExecutor(8) as pool:
            found = [*pool.map(begin, range(16))]
        assert {status for status, _, _ in found} == {201}
        assert len({dialogue_id for _, dialogue_id, _ in found}) == 1
        assert sum(not again for *_, again in found) == 1
        assert len(gateway.call("GET", "/v1/dialogues").json()["dialogues"]) == 1
        other = gateway.call("POST", "/v1/dialogues", {"user_id": "ben"}, Idempotency_Key="one")
        assert other.status_code == 409
        assert "Idempotency-Key" in other.json()["message"]


def test_the_same_key_of_two_tokens_begins_two_dialogues(settings: GatewaySettings) -> None:
    tokens = (Token.of_line("talk 7c0e"), Token.of_line("talk 91ab"))
    with GatewayServer(settings.model_copy(update={"tokens": tokens})) as gateway:
        ids = {
            gateway.call(
                "POST",
                "/v1/dialogues",
                {},
                Idempotency_Key="one",
                Authorization=f"Bearer {secret}",
            ).json()["dialogue_id"]
            for secret in ("7c0e", "91ab")
        }
        assert len(ids) == 2


def test_pages_of_a_named_site_may_use_the_api_with_a_token_and_no_others_may(
    settings: GatewaySettings,
) -> None:
    told = {"tokens": (Token.of_line("talk 7c0e"),), "api_cors": ("https://shop.example",)}
    with GatewayServer(settings.model_copy(update=told)) as gateway:
        path = gateway.url + "/v1/dialogues"
        allowed = gateway.http.options(path, headers=ASKING, timeout=60)
        assert allowed.status_code == 200
        assert allowed.headers["Access-Control-Allow-Origin"] == SHOP["Origin"]
        assert "DELETE" in allowed.headers["Access-Control-Allow-Methods"]
        begun = gateway.call("POST", "/v1/dialogues", {}, Authorization="Bearer 7c0e", **SHOP)
        assert begun.status_code == 201
        assert begun.headers["Access-Control-Allow-Origin"] == SHOP["Origin"]
        assert gateway.call("POST", "/v1/dialogues", {}, **SHOP).status_code == 401
        evil = {**ASKING, "Origin": "https://evil.example"}
        refused = gateway.http.options(path, headers=evil, timeout=60)
        assert "Access-Control-Allow-Origin" not in refused.headers
        channel = gateway.url + "/webhooks/rest/webhook"
        other = gateway.http.options(channel, headers=ASKING, timeout=60)
        assert "Access-Control-Allow-Origin" not in other.headers


def test_sites_are_let_to_the_api_only_where_tokens_guard_it() -> None:
    with pytest.raises(ConfigError, match="api_cors: got sites and no tokens"):
        GatewaySettings(api_cors=("https://shop.example",))
