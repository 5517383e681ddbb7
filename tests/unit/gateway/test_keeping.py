"""``tod gateway`` and ``tod studio``: what their options become."""

import socket
import subprocess
from pathlib import Path

import pytest
import uvicorn

from tests.support.source_tree import ROOT
from tests.support.studio_page import studio
from todserve.cli import main
from todserve.gateway import gateway_process
from todserve.gateway.gateway_process import kept_in
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


@pytest.mark.parametrize("verb", ["gateway", "studio"])
def test_a_start_says_where_the_dialogues_are(
    verb: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(uvicorn.Server, "run", lambda _: None)
    assert main.main([verb, "--port", "0", "--database", "sqlite:///kept.sqlite"]) == 0
    assert f"dialogues: {tmp_path.resolve() / 'kept.sqlite'}" in capsys.readouterr().out


def test_a_password_of_the_database_is_not_shown() -> None:
    settings = GatewaySettings(database="postgresql+psycopg://anna:secret@db/dialogues")
    assert kept_in(settings) == "postgresql+psycopg://anna:***@db/dialogues"


def test_a_second_studio_finds_the_first_and_starts_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with studio(GatewaySettings(database=f"sqlite:///{tmp_path}/first.sqlite")) as address:
        port = address.rpartition(":")[2]
        second = tmp_path / "second.sqlite"
        assert main.main(["studio", "--port", port, "--database", f"sqlite:///{second}"]) == 0
    assert f"studio: http://127.0.0.1:{port}/studio/ (it runs already" in capsys.readouterr().out
    assert not second.exists()


def test_what_a_run_from_a_clone_remembers_is_ignored_by_git() -> None:
    names = [f"tod-dialogues.sqlite{end}" for end in ("", "-wal", "-shm")]
    command = ["git", "-C", str(ROOT), "check-ignore", "--no-index", *names]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if found.returncode == 128:
        pytest.skip("no clone")
    assert found.stdout.split() == names
