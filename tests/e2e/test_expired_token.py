"""A TorchServe that asks for tokens, and what clients are told when theirs is not known."""

import logging
from pathlib import Path
from typing import Any

import pytest

from tests.support.gateway_server import GatewayServer
from tests.support.served_endpoint import MakeSettings
from todserve.cli import main
from todserve.gateway.gateway_settings import GatewaySettings
from todserve.runtime.errors import TokenRefusedError
from todserve.serving.client.client import Client
from todserve.serving.server.torchserve_server import start

pytestmark = pytest.mark.e2e


def test_an_expired_token_is_the_gateways_trouble_and_is_read_again(
    make_settings: MakeSettings,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.INFO)
    tokens = tmp_path / "token"
    tokens.write_text("expired")
    with start(make_settings(disable_token_authorization="false")) as running:
        keys = Path(running.record.temp_dir) / "key_file.json"
        settings: dict[str, Any] = {
            "database": f"sqlite:///{tmp_path}/dialogues.sqlite",
            "model_url": running.inference_url,
            "model_token_file": tokens,
        }
        with GatewayServer(GatewaySettings(**settings)) as gateway:
            path = f"/v1/dialogues/{gateway.begin()}/turns"
            message = {"user": "hello", "message_id": "1"}
            refused = gateway.call("POST", path, message)
            assert refused.status_code == 503, refused.text
            assert "does not know the gateway's token" in refused.json()["message"]
            assert any(
                "a token that it does not know" in one.getMessage() for one in caplog.records
            )
            v1 = "/v1/models/tod:predict"
            assert gateway.call("POST", v1, {"instances": [message]}).status_code == 503
            # Whoever runs it renews the file; nothing is started again.
            tokens.write_text(keys.read_text())
            assert gateway.call("POST", path, message).status_code == 200
            turns = {"instances": [{"user": "hello"}]}
            assert gateway.call("POST", v1, turns).status_code == 200

        with Client(running.inference_url, token="expired") as client:
            with pytest.raises(TokenRefusedError, match="a token that it does not know"):
                client.turn("hello")
            with pytest.raises(TokenRefusedError):
                client.ready()
        demo = ["demo", "--url", running.inference_url]
        assert main.main(demo) != 0
        assert "the server got no token" in capsys.readouterr().err
        assert main.main([*demo, "--token-file", str(keys)]) == 0
