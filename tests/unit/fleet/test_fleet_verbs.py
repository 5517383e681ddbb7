"""``tod serve``: what its words may be, before any engine is loaded."""

import sys
import warnings
from pathlib import Path

import pytest

from tests.support.source_tree import ROOT
from todserve.cli.main import FAILED, MISUSED, main
from todserve.runtime.errors import ConfigError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Ray uses what pydantic wants to give up
    from todserve.fleet.ray_application import RaySettings, TurnDeployment
    from todserve.fleet.ray_process import _application

SHIPPED = ROOT / "deploy" / "ray" / "serve.yaml"


@pytest.mark.parametrize("engine", ["kserve", "ray"])
def test_another_address_than_loopback_must_be_asked_for_twice(
    engine: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", engine, "--host", "0.0.0.0"]) == MISUSED  # noqa: S104
    assert "add --open" in capsys.readouterr().err


def test_an_engine_that_is_not_installed_is_named_with_the_way_to_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "kserve", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["serve", "kserve"]) == FAILED
    assert "expected todserve[kserve]" in capsys.readouterr().err


def test_the_shipped_file_is_rays_own_and_describes_our_application() -> None:
    wanted = _application(SHIPPED, None)
    assert (wanted.name, wanted.prefix) == ("tod", "/")
    assert wanted.settings.archive == Path("archive/store/tod.mar")
    deployment = TurnDeployment.options(**wanted.options)
    assert deployment.max_ongoing_requests == 32
    assert wanted.options["max_queued_requests"] == 256


def test_an_archive_of_the_command_line_is_taken_instead_of_the_files() -> None:
    assert _application(SHIPPED, Path("other.mar")).settings == RaySettings(
        archive=Path("other.mar"), release="1"
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("ray_application:build", "elsewhere:build", "expected that one alone"),
        ("      release:", "      releese:", "args: releese"),
        ("name: TurnDeployment", "name: Other", "expected one deployment"),
        ("max_queued_requests", "max_queued_request", "max_queued_request"),
    ],
)
def test_a_file_of_something_else_is_refused(
    old: str, new: str, message: str, tmp_path: Path
) -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "serve.yaml").write_text(text.replace(old, new))
    with pytest.raises(ConfigError, match=message):
        _application(tmp_path / "serve.yaml", None)
