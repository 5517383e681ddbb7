"""``tod gateway`` and ``tod studio``: what their options become."""

import socket
from pathlib import Path

import pytest

from todserve.cli import main
from todserve.gateway import gateway_process
from todserve.gateway.gateway_settings import GatewaySettings


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[GatewaySettings]:
    """The settings of every gateway that would have run."""
    found: list[GatewaySettings] = []
    monkeypatch.setattr(gateway_process, "run_gateway", found.append)
    return found


def test_options_and_further_settings_reach_the_gateway(
    started: list[GatewaySettings], tmp_path: Path
) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("one\n\ntwo\n")
    options = ["--port", "0", "--retain-days", "30", "--token-file", str(tokens)]
    options += ["--model-token-file", str(tokens)]
    assert main.main(["gateway", *options, "expire_after=86400", "requests_per_minute=0"]) == 0
    (settings,) = started
    assert (settings.port, settings.retain_days) == (0, 30.0)
    assert [token.secret.get_secret_value() for token in settings.tokens] == ["one", "two"]
    assert settings.model_token_file == tokens
    assert (settings.expire_after, settings.requests_per_minute) == (86400.0, 0)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("expire_aftr=9", "unknown setting 'expire_aftr' (did you mean 'expire_after'?)"),
        ("expire_after", "got 'expire_after'; expected KEY=VALUE"),
        ("port=9", "port: got it as KEY=VALUE; expected its own option"),
        ("model_token=secret", "model_token: got it as KEY=VALUE; expected its own option"),
        ("patience=soon", "patience: got 'soon'"),
    ],
)
def test_a_setting_that_is_none_is_refused(
    given: str, said: str, started: list[GatewaySettings], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["gateway", given]) == 2
    assert said in capsys.readouterr().err
    assert started == []


@pytest.mark.parametrize("verb", ["gateway", "studio"])
def test_a_taken_port_is_named_before_anything_is_said_to_run(
    verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        words = [verb, "--port", port, "--database", f"sqlite:///{tmp_path / 'x.sqlite'}"]
        assert main.main(words) == 1
    said = capsys.readouterr()
    assert f"127.0.0.1:{port}: cannot be listened on" in said.err
    assert said.out == ""
