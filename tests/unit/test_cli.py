"""The command line: its verbs, its exit statuses and its messages."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command_line import verbs
from tests.support.local_server import LocalServer
from todserve.cli import machine_verbs, main
from todserve.cli.verb_command import spread, with_output
from todserve.runtime.errors import CorpusError

VERBS = (
    *("train", "few-shot", "calibrate", "fit-names", "fit-domains", "fit-intents"),
    *("count-drafts", "evaluate", "replay", "bench", "export", "archive", "start", "stop"),
    *("chat", "demo", "gateway", "studio", "bot", "knowledge", "data", "status", "doctor"),
    *("version", "release"),
)
GROUPED = (
    *("knowledge build", "data stats", "data validate", "data convert", "data spoken"),
    *("data get", "bot check", "bot convert", "evaluate multiwoz", "evaluate sgd"),
    *("evaluate banking77", "evaluate clinc150", "evaluate people", "evaluate corpus"),
    *("evaluate truth", "evaluate domains"),
    *("release list", "release promote", "release rollback", "release log"),
)


def test_every_verb_there_ever_was_is_there() -> None:
    assert {*VERBS, *GROUPED} <= {*verbs()}


def test_help_lists_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert [verb for verb in VERBS if f"│ {verb} " not in shown] == []
    assert "Exit status: 0 done, 1 an error" in shown


@pytest.mark.parametrize("verb", [*VERBS, *GROUPED])
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_every_verb_explains_itself(
    verb: str, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main([*verb.split(), option]) == 0
    assert f"Usage: tod {verb}" in capsys.readouterr().out


def test_an_option_of_one_name_is_described_alike_by_every_verb_that_shares_it() -> None:
    shared = ("--corpora", "--threads", "--limit", "--json", "--write", "--logs")
    for name in shared:
        found = {
            (one.metavar, one.help)
            for command in verbs().values()
            for one in command.params
            if name in one.opts
        }
        assert len(found) == 1, (name, found)


@pytest.mark.parametrize(
    "arguments",
    [[], ["trian"], ["train"], ["knowledge"], ["data", "stats"], ["start", "--timeout", "soon"]],
)
def test_wrong_usage_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(arguments) == 2
    said = capsys.readouterr()
    assert "Usage: tod" in said.err
    assert said.out == ""


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["trian", "multiwoz"], "'train'"),
        (["data", "stat"], "'stats'"),
        (["train", "multiwoz", "--thread", "2"], "'--threads'"),
        (["evaluate", "multiwoz", "--checkpiont", "x"], "'--checkpoint'"),
    ],
)
def test_a_mistyped_verb_or_option_is_told_what_was_meant(
    arguments: list[str], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(arguments) == 2
    assert f"Did you mean {meant}" in capsys.readouterr().err


@pytest.mark.parametrize("group", ["data", "bot", "release", "dialogues", "knowledge", "serve"])
@pytest.mark.parametrize("wrong", [[], ["zzz"]])
def test_a_group_without_a_verb_or_with_none_of_its_own_names_its_verbs(
    group: str, wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main([group, *wrong]) == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith("tod: No such command 'zzz'." if wrong else "tod: Missing command.")
    named = told.partition(" Expected one of ")[2].rstrip(".").split(", ")
    assert named == [one.split()[1] for one in verbs() if one.startswith(f"{group} ")]


@pytest.mark.parametrize("arguments", [["version"], ["--version"], ["-V"]])
def test_version_prints_the_package_version(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(arguments) == 0
    assert capsys.readouterr().out.startswith("todserve 0.")


def test_a_script_reads_versions_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["version", "--json"]) == 0
    versions = json.loads(capsys.readouterr().out)
    assert versions["todserve"].startswith("0.")
    assert versions["torchserve"] == "0.12.0"


def test_a_checkpoint_is_named_as_a_word_or_as_an_option_and_not_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = str(tmp_path / "nothing")
    for words in (["archive", missing], ["archive", "--checkpoint", missing]):
        assert main.main(words) == 1
        assert "nothing" in capsys.readouterr().err
    assert main.main(["archive", missing, "--checkpoint", missing]) == 2
    assert main.main(["calibrate"]) == 2


def test_words_of_one_option_are_spread_and_nothing_else_is() -> None:
    words = ["--name", "tod", "korean", "--logs", "x", "--name=y", "--", "--name", "a", "b"]
    expected = ["--name", "tod", "--name", "korean", "--logs", "x", "--name=y", "--"]
    assert spread(words, ["--name"]) == [*expected, "--name", "a", "b"]
    assert spread(["--shares", "-0.1", "0.5"], ["--shares"]) == [
        *("--shares", "-0.1", "--shares", "0.5")
    ]
    assert spread(["--name"], ["--name"]) == ["--name"]


def test_json_without_a_file_goes_to_stdout() -> None:
    assert with_output(["--json"]) == ["--json", "-"]
    assert with_output(["--json", "--split", "dev"]) == ["--json", "-", "--split", "dev"]
    assert with_output(["--json", "out.json"]) == ["--json", "out.json"]


def test_demo_talks_to_the_address_it_is_given(capsys: pytest.CaptureFixture[str]) -> None:
    with LocalServer() as server:
        assert main.main(["demo", "--url", server.url, "--name", "mine"]) == 0
    assert set(server.paths) == {"/predictions/mine"}
    assert "Turn 5" in capsys.readouterr().out


def run_module(module: str, *words: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", module, *words],
        capture_output=True,
        text=True,
        cwd=cwd,
        check=False,
    )


@pytest.mark.parametrize("module", ["todserve", "todserve.cli.main"])
def test_a_tod_error_is_one_line_on_stderr_and_exit_1(module: str, tmp_path: Path) -> None:
    done = run_module(module, "archive", str(tmp_path / "nothing"), cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("tod: ")
    assert "Traceback" not in done.stderr


def test_the_module_exits_as_the_command_does(tmp_path: Path) -> None:
    assert run_module("todserve", "trian", cwd=tmp_path).returncode == 2
    assert run_module("todserve", "version", cwd=tmp_path).returncode == 0


def test_a_message_shows_control_characters_and_does_not_obey_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main.main(["replay", "a\x1b[2Jb", "--against", "nowhere"]) == 1
    said = capsys.readouterr().err
    assert "\x1b" not in said


def raiser(error: BaseException) -> Callable[[], None]:
    def verb() -> None:
        raise error

    return verb


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (CorpusError("multiwoz21: not found"), 1, "tod: multiwoz21: not found\n"),
        (KeyboardInterrupt(), 130, "tod: interrupted\n"),
        (
            ModuleNotFoundError("no", name="sentencepiece"),
            1,
            "tod: package 'sentencepiece' is not installed; in a checkout `scripts/setup.sh train` "
            "installs what learning needs; `tod doctor` tells what else is not there\n",
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
    monkeypatch.setattr(machine_verbs, "_version", raiser(error))
    assert main.main(["version"]) == status
    assert capsys.readouterr().err == message


@pytest.mark.parametrize(
    "error", [ValueError("a bug"), ModuleNotFoundError("x", name="todserve.x")]
)
def test_a_bug_is_not_hidden(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_verbs, "_version", raiser(error))
    with pytest.raises(type(error)):
        main.main(["version"])


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["data", "--help"]])
def test_help_and_version_import_no_room_and_nothing_heavy(words: list[str]) -> None:
    source = (
        "import sys; from todserve.cli.main import main; main(sys.argv[1:]); "
        "rooms = {one.split('.')[1] for one in sys.modules if one.startswith('todserve.')}; "
        # Typer itself takes pydantic as soon as a word has to be read.
        "heavy = {'torch', 'requests', 'yaml', 'numpy'} & set(sys.modules); "
        "print(sorted(rooms), sorted(heavy))"
    )
    done = subprocess.run(
        [sys.executable, "-c", source, *words], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "['cli', 'runtime'] []"


def test_a_shell_completes_verbs_and_corpora() -> None:
    for typed, place, found in (("tod eval", "1", "evaluate"), ("tod data stats cl", "3", "clinc")):
        done = subprocess.run(
            [sys.executable, "-m", "todserve"],
            capture_output=True,
            text=True,
            check=False,
            env={
                **{"PYTHONPATH": ":".join(sys.path), "PATH": "/usr/bin:/bin"},
                **{"_TOD_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": place},
            },
        )
        assert found in done.stdout, done.stderr


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (("archive", "nowhere"), "no checkpoint folder nowhere; `tod train` writes one"),
        (("archive", "nowhere", "--version", "x"), "version: got 'x'; expected digits and dots"),
        (("tune", "nowhere"), "no checkpoint folder"),
        (("fit-intents", "nowhere", "nowhere"), "no checkpoint folder nowhere"),
        (("fit-intents", "nowhere", "."), "no prepared corpus nowhere; `tod train` prepares one"),
        (("data", "stats", "nowhere"), "neither a path nor a corpus"),
    ],
)
def test_what_is_not_there_is_said_before_anything_is_done_with_it(
    command: tuple[str, ...],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main.main(list(command)) == 1
    shown = capsys.readouterr()
    assert told in shown.err
    assert not {"float32", "plans", "packing"} & {*(shown.out + shown.err).split()}
