"""No password of an address comes out again, whatever goes wrong."""

from pathlib import Path

import pytest
import requests

from tests.support.gateway_server import GatewayServer
from todserve.bot.services.rasa_action_server import RasaActionServer
from todserve.cli import main as cli
from todserve.gateway import gateway_process as running
from todserve.gateway.gateway_settings import GatewaySettings
from todserve.gateway.store.database import Database
from todserve.runtime.errors import ConfigError, ServerError
from todserve.runtime.secret_free import has_password, without_secrets
from todserve.serving.client.client import Client


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://svc:hush@127.0.0.1:9", "http://***@127.0.0.1:9"),
        ("http://hush@host/path?key=hush#hush", "http://***@host/path"),
        ("postgresql+psycopg://u:hu@sh@db/x: broken", "postgresql+psycopg://***@db/x: broken"),
        ("got 'svc:hush@host'; expected", "got '***@host'; expected"),
        ("a train at 12:30 to ely", "a train at 12:30 to ely"),
        ("http://127.0.0.1:8080: connection refused", "http://127.0.0.1:8080: connection refused"),
        ("got 'http://svc:hu/sh#h?u@host/x'; expected", "got 'http://***@host/x'; expected"),
        ("got 'svc:hu/sh@host'; expected", "got '***@host'; expected"),
        ('{"url": "http://host/path", "to": "x@y"}', '{"url": "http://host/path", "to": "x@y"}'),
    ],
)
def test_an_address_in_a_text_loses_its_secrets_and_nothing_else(text: str, shown: str) -> None:
    assert without_secrets(text) == shown


@pytest.mark.parametrize(
    "rest", ["127.0.0.1:9", "no-such-host.invalid", "127.0.0.1:9/x?key=hush", "[::1]:9", "host:x"]
)
def test_clients_that_reach_nobody_say_where_without_the_password(rest: str) -> None:
    with pytest.raises((ServerError, ConfigError)) as told:
        Client(f"http://svc:hush@{rest}", timeout=5, retries=0).turn("hello")
    assert "hush" not in str(told.value)
    assert "hush" not in repr(Client("http://svc:hush@127.0.0.1:9"))


def test_a_gateway_whose_model_is_away_shows_no_password_to_its_clients(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/dialogues.sqlite"
    away = GatewaySettings(
        database=database, model_url="http://svc:hush@127.0.0.1:9", model_retries=0
    )
    with GatewayServer(away) as gateway:
        refused: requests.Response = gateway.say(gateway.begin(), "hello", "1")
        assert refused.status_code == 503
        assert "127.0.0.1:9" in refused.text
        assert "hush" not in refused.text


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://u:hush@127.0.0.1:9/x",
        "postgresql+psycopg://u:hush@127.0.0.1:port/x",
        "postgresql+psycopg://u:9/hush@127.0.0.1/x",
        "nosuch://u:hush@127.0.0.1/x",
        "u:hush@127.0.0.1",
        "sqlite:////proc/hush/none?password=hush",
    ],
)
def test_a_database_that_cannot_be_opened_shows_no_password(url: str) -> None:
    with pytest.raises(ConfigError, match="database: ") as refused:
        Database(url)
    if "/proc" not in url:
        assert "hush" not in str(refused.value)
    assert "password=hush" not in str(refused.value)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[GatewaySettings]:
    found: list[GatewaySettings] = []
    monkeypatch.setattr(running, "run_gateway", found.append)
    return found


ADDRESS = "postgresql+psycopg://u:hush@db/x"


def test_addresses_come_from_the_environment_or_a_file(
    started: list[GatewaySettings],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "database"
    file.write_text(f"{ADDRESS}\n")
    assert cli.main(["gateway", "--database-file", str(file)]) == 0
    monkeypatch.setenv("TOD_DATABASE", ADDRESS)
    monkeypatch.setenv("TOD_MODEL_URL", "http://svc:hush@model:8080")
    assert cli.main(["gateway"]) == 0
    assert cli.main(["gateway", "--database", "sqlite:///x.sqlite"]) == 0
    assert [one.database for one in started] == [ADDRESS, ADDRESS, "sqlite:///x.sqlite"]
    assert started[1].model_url == "http://svc:hush@model:8080"
    assert "".join(capsys.readouterr()) == ""


def test_a_password_on_the_command_line_is_told_of_and_not_repeated(
    started: list[GatewaySettings], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["gateway", "--database", ADDRESS]) == 0
    told = capsys.readouterr().err
    assert "everybody on this machine can read the password" in told
    assert cli.main(["gateway", "--url", "svc:hush@nowhere"]) == 2
    assert "hush" not in told + capsys.readouterr().err


def test_an_address_and_a_file_of_one_are_not_both_taken(
    started: list[GatewaySettings], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = ["--database", "sqlite:///x", "--database-file", str(tmp_path / "none")]
    assert cli.main(["gateway", *both]) == 2
    assert "expected one of them" in capsys.readouterr().err
    assert started == []


def test_a_password_is_found_in_an_address_that_is_none() -> None:
    assert has_password("http://u:p@host")
    assert has_password("http://u:p@[host")
    assert not has_password("http://host")


@pytest.mark.parametrize("endpoint", ["http://svc:hush/x@127.0.0.1:9", "http://svc:hush@[::1"])
def test_an_action_server_that_cannot_be_one_shows_no_password(endpoint: str) -> None:
    with pytest.raises(ConfigError, match=r"actions\.endpoint: ") as refused:
        RasaActionServer(endpoint)
    assert "hush" not in str(refused.value)


def test_a_long_text_without_an_address_is_read_in_a_moment() -> None:
    assert len(without_secrets("a" * 1_000_000)) == 1_000_000
    assert len(without_secrets("'a:" * 20_000)) == 60_000
