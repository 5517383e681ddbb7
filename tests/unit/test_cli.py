"""The command line: its verbs, its exit statuses and its messages."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.local_server import LocalServer
from todserve.cli import main
from todserve.runtime.errors import CorpusError

VERBS = (
    "train",
    "few-shot",
    "calibrate",
    "fit-domains",
    "evaluate",
    "archive",
    "start",
    "stop",
    "chat",
    "demo",
    "gateway",
    "studio",
    "bot",
    "knowledge",
    "data",
    "version",
)


def test_help_lists_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        main.main(["--help"])
    shown = capsys.readouterr().out
    assert leaving.value.code == 0
    assert [verb for verb in VERBS if f"\n    {verb}" not in shown] == []


@pytest.mark.parametrize(
    "verb",
    [
        *VERBS,
        "knowledge build",
        "data stats",
        "data validate",
        "data convert",
        "data get",
        "bot check",
        "bot convert",
        "evaluate multiwoz",
        "evaluate sgd",
        "evaluate banking77",
        "evaluate clinc150",
        "evaluate domains",
    ],
)
def test_every_verb_explains_itself(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        main.main([*verb.split(), "--help"])
    assert leaving.value.code == 0
    assert f"usage: tod {verb}" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["trian"], ["train"], ["knowledge"], ["data", "stats"]])
def test_wrong_usage_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        main.main(arguments)
    assert leaving.value.code == 2
    assert "usage: tod" in capsys.readouterr().err


def test_version_prints_the_package_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["version"]) == 0
    assert capsys.readouterr().out.startswith("todserve 0.")


def test_demo_talks_to_the_address_it_is_given(capsys: pytest.CaptureFixture[str]) -> None:
    with LocalServer() as server:
        assert main.main(["demo", "--url", server.url, "--name", "mine"]) == 0
    assert set(server.paths) == {"/predictions/mine"}
    assert "Turn 5" in capsys.readouterr().out


def test_a_tod_error_is_one_line_on_stderr_and_exit_2(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "todserve.cli.main", "archive", str(tmp_path / "nothing")],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("tod: ")
    assert "Traceback" not in done.stderr


def raiser(error: BaseException) -> Callable[[object], None]:
    def verb(_: object) -> None:
        raise error

    return verb


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (CorpusError("multiwoz21: not found"), 2, "tod: multiwoz21: not found\n"),
        (KeyboardInterrupt(), 130, "tod: interrupted\n"),
        (
            ModuleNotFoundError("no", name="sentencepiece"),
            2,
            "tod: package 'sentencepiece' is not installed; run `make setup`\n",
        ),
    ],
)
def test_errors_become_messages_and_statuses(
    error: BaseException,
    status: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(main, "_version", raiser(error))
    assert main.main(["version"]) == status
    assert capsys.readouterr().err == message


@pytest.mark.parametrize(
    "error", [ValueError("a bug"), ModuleNotFoundError("x", name="todserve.x")]
)
def test_a_bug_is_not_hidden(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "_version", raiser(error))
    with pytest.raises(type(error)):
        main.main(["version"])


def test_help_imports_no_third_party_package() -> None:
    source = (
        "import sys; from todserve.cli import main; main.build_parser(); "
        "print({'torch', 'pydantic', 'requests', 'yaml'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
