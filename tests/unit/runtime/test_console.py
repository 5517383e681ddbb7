"""What somebody else wrote is shown in a terminal and never obeyed by it."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.local_server import OK, Answer, LocalServer
from todserve.cli import main as cli
from todserve.runtime.console import beneath, console_door, escaped, one_line

EVIL = "\x1b]0;title\x07\x1b[2J\x9b31m\u202egnp\x08\x7f\ud800"
SHOWN = "\\x1b]0;title\\x07\\x1b[2J\\x9b31m\\u202egnp\\x08\\x7f\\ud800"


def speaks(text: str) -> bool:
    """Say whether a terminal would obey anything in a text but line ends and tabs."""
    return any(not one.isprintable() and one not in "\n\t \u3000" for one in text) and any(
        ord(one) < 32 or 127 <= ord(one) < 160 or "\u202a" <= one <= "\u202e" or one == "\u2066"
        for one in text.replace("\n", "").replace("\t", "")
    )


@given(st.text())
def test_no_text_speaks_to_the_terminal(text: str) -> None:
    assert not speaks(escaped(text))
    assert not set(one_line(text)) & set("\n\t\r\x1b")
    assert escaped(escaped(text)) == escaped(text)


@given(st.text(alphabet=st.characters(categories=("L", "N", "P", "Zs"))))
def test_what_people_write_is_shown_as_it_is(text: str) -> None:
    assert escaped(text) == text


def test_the_door_lets_nothing_through_but_what_we_paint(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with console_door():
        print(EVIL)
        print(EVIL, file=sys.stderr)
        sys.stderr.writelines([EVIL, "\n"])
        print("\rhalf", end="", file=sys.stderr)
        print("\x1b[1mbold\x1b[0m", file=beneath(sys.stdout))
    shown = capsys.readouterr()
    assert shown.out == f"{SHOWN}\n\x1b[1mbold\x1b[0m\n"
    assert shown.err == f"{SHOWN}\n{SHOWN}\n\rhalf"


def evil_turn() -> dict[str, object]:
    """Return an answer with control characters wherever a text may stand."""

    def told(value: object) -> object:
        if isinstance(value, dict):
            return {key: told(one) for key, one in value.items()}
        if isinstance(value, list):
            return [told(one) for one in value]
        return f"{value}{EVIL[:-1]}\nforged" if isinstance(value, str) else value

    found = told(OK)
    assert isinstance(found, dict)
    slots = {f"day{EVIL[:-1]}": {"value": f"fri{EVIL[:-1]}", "confidence": 0.5}}
    return found | {
        "belief_state": {f"train{EVIL[:-1]}": slots},
        "unparsed": {"intent": [EVIL[:-1]]},
    }


@pytest.mark.parametrize("colour", [False, True])
def test_chat_shows_a_reply_that_would_speak_to_the_terminal(
    colour: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("hello\n/state\n/\x1b[2J\n"))
    if colour:
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.delenv("NO_COLOR", raising=False)
    with LocalServer(Answer(body=evil_turn())) as server:
        assert cli.main(["chat", "--url", server.url]) == 0
    shown = capsys.readouterr().out
    assert ("\x1b[" in shown) is colour
    painted = shown
    for code in ("0", "1", "2", "31", "32", "33"):
        painted = painted.replace(f"\x1b[{code}m", "")
    assert not speaks(painted)
    assert "\\x1b]0;title" in shown
    assert not any(line.startswith("forged") for line in shown.splitlines())


def test_validate_and_replay_show_ids_that_would_speak_to_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = {"dialogue_id": f"d\n{EVIL[:-1]}", "turns": [{"user": "x", "intent": EVIL[:-1]}]}
    (tmp_path / "train.jsonl").write_text(json.dumps(line) + "\n{" + EVIL[:-1])
    cli.main(["data", "validate", str(tmp_path)])
    with LocalServer(Answer(body=evil_turn())) as server:
        cli.main(["replay", str(tmp_path), "--against", server.url, "--only", "state"])
    assert cli.main(["bot", "check", str(tmp_path / f"no{EVIL[:-1]}.yml")]) == 1
    shown = capsys.readouterr()
    assert "x1b" in shown.out + shown.err
    assert not speaks(shown.out + shown.err)


@pytest.mark.parametrize("where", ["main", "thread", "chain"])
def test_an_error_that_nobody_caught_does_not_speak_to_the_terminal(where: str) -> None:
    raising = {
        "main": "raise ValueError(evil)",
        "thread": "threading.Thread(target=int, args=(evil,)).start()",
        "chain": "try:\n    {}[evil]\nexcept KeyError as e:\n    raise OSError(evil) from e",
    }[where]
    program = f"import threading\nfrom todserve.cli.main import main\nmain()\nevil = {EVIL!r}\n"
    done = subprocess.run(
        [sys.executable, "-c", program + raising, "--version"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback (most recent call last)" in done.stderr
    assert "x1b" in done.stderr
    assert not speaks(done.stderr)
