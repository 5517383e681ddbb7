"""The terminal chat and the demo against a real HTTP server."""

import io
import json
import os
import pty
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.local_server import OK, Answer, LocalServer
from todserve.bot.bot_conversation import open_bot
from todserve.corpora.files.dialogue_layouts import open_dialogues
from todserve.runtime.errors import ServerError
from todserve.runtime.wire.response import decode
from todserve.serving.terminal.chat import COMMANDS, run_chat
from todserve.serving.terminal.demo import UTTERANCES, run_demo
from todserve.serving.terminal.turn_view import state_lines, turn_lines

PROMPT = "\x1b[2C"  # the cursor goes behind "> "

DESCRIPTION: dict[str, Any] = {
    "name": "tod",
    "version": "1.0",
    "checkpoint": "abc",
    "intents": ["find_train", "general"],
    "domains": {"train": {"day": ["friday", "monday"]}, "hotel": {"area": None}},
    "domain_intents": {"train": ["find_train"]},
    "acts": ["inform"],
    "act_slots": {"train": ["id"]},
}

BOT = """
language: en
responses:
  train-inform: ["There is {id}."]
  utter_ask_day: ["For what day?"]
fallback: {intent: 0.1, slot: 0.1}
"""


def chat(server: LocalServer, typed: str, monkeypatch: pytest.MonkeyPatch, **given: Any) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    run_chat(url=server.url, **given)


def utterances(server: LocalServer) -> list[str]:
    """Return what was asked, without the look whether it answers and the description."""
    return [str(one["user"]) for one in server.requests[2:]]


def server_of(*answers: Answer) -> LocalServer:
    return LocalServer(Answer(), Answer(200, DESCRIPTION), *(answers or (Answer(),)))


def test_chat_says_first_what_the_bot_can_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with server_of() as server:
        chat(server, "", monkeypatch)
    first, second = capsys.readouterr().out.splitlines()
    assert first == (
        "tod 1.0 (checkpoint abc) can talk about train, hotel; it tells 2 intents apart."
    )
    assert second == "Type what you would like, or /help."


def test_chat_with_an_archive_that_cannot_tell_begins_all_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old = Answer(400, {"message": "request: unknown key 'describe'"})
    with LocalServer(Answer(), old, Answer()) as server:
        chat(server, "a train\n", monkeypatch)
    assert capsys.readouterr().out.startswith("Type what you would like")


def test_chat_shows_slots_and_acts_as_they_change(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with server_of() as server:
        chat(server, "a train on friday\n\nthanks\n", monkeypatch)
    shown = capsys.readouterr().out
    assert "state      train: + day friday (0.90)\n" in shown
    assert "state      train: day friday\n" in shown
    assert "acts       train-inform(id, leave) general-reqmore\n" in shown
    assert "system     TR1234 leaves at 09:00.\n" in shown
    assert "\033" not in shown
    assert server.requests[0]["tasks"] == ["intent"]
    assert utterances(server) == ["a train on friday", "thanks"]


def test_chat_obeys_its_commands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = "/state\na train\n/state\n/reset\n/state\n/new\n/what\n/help\n/quit\nno\n"
    with server_of() as server:
        chat(server, typed, monkeypatch)
    shown = capsys.readouterr().out
    assert shown.count("state      empty\n") == 2
    assert shown.count("Started over.") == 2
    assert "Unknown command /what. Commands: /help" in shown
    assert all(f"  {name:<8} {what}\n" in shown for name, what in COMMANDS.items())
    assert utterances(server) == ["a train"]


def test_undo_takes_the_last_turn_back_with_all_it_brought(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with server_of() as server:
        chat(server, "/undo\na train\n/undo\n/state\na bus\n", monkeypatch)
    shown = capsys.readouterr().out
    assert "There is no turn to take back." in shown
    assert "Taken back: a train\n  state      empty\n" in shown
    assert server.requests[-1] == {"user": "a bus", "history": [], "state": {}}


def test_a_saved_chat_is_a_folder_of_dialogues(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = tmp_path / "saved"
    with server_of() as server:
        chat(server, f"/save\na train\n/save {folder}\n/save {folder}\n", monkeypatch)
    shown = capsys.readouterr().out
    assert "There is nothing to save yet." in shown
    assert f"tod replay {folder} --against {server.url}" in shown
    assert f"Not saved: {folder} is there already" in shown
    assert folder.stat().st_mode & 0o777 == 0o700  # what was said is nobody else's to read
    services, dialogues = open_dialogues(folder)
    assert [service.name for service in services] == ["train", "hotel"]
    (turn,) = next(iter(dialogues)).turns
    assert (turn.user, turn.system) == ("a train", "TR1234 leaves at 09:00.")
    assert turn.belief_state == {"train": {"day": "friday"}}


def test_chat_goes_on_after_a_refused_turn(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = Answer(400, {"message": "user: got 5000 characters"})
    with server_of(refused, Answer()) as server:
        chat(server, "long\na train\n", monkeypatch)
    shown = capsys.readouterr().out
    assert "Not answered: user: got 5000 characters\n" in shown
    assert "system     TR1234" in shown


def test_control_characters_of_a_reply_are_shown_and_not_obeyed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    evil = "\x1b[2Jgone\r\x07\u202e"
    body = {
        **OK,
        "response": {"text": evil, "delexicalised": evil, "unfilled": []},
        "belief_state": {evil: {evil: {"value": evil}}},
        "intent": {"name": evil},
        "unparsed": {"intent": [evil]},
    }
    with server_of(Answer(200, body), Answer(400, {"message": evil})) as server:
        chat(server, "a\n/state\nb\n", monkeypatch)
    shown = capsys.readouterr().out
    assert not {"\x1b", "\r", "\x07", "\u202e"} & {*shown}
    assert "system     \\x1b[2Jgone\\x0d\\x07\\u202e\n" in shown


def test_a_bot_says_what_its_file_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "bot.yml"
    file.write_text(BOT)
    with server_of() as server:
        chat(server, "a train\nanother\n/undo\n/new\n", monkeypatch, bot=open_bot(file))
    shown = capsys.readouterr().out
    assert f"{file} fills in no form and runs no action.\n" in shown
    assert "bot        There is TR1234.\n" in shown
    assert "TR1234 leaves at" not in shown
    assert server.requests[-1]["history"] == [{"user": "a train", "system": "There is TR1234."}]


def test_a_bot_that_forgets_everything_begins_the_conversation_anew(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "bot.yml"
    file.write_text("responses: {utter_a: [{text: a}]}\n")
    with server_of() as server:
        chat(server, "a train\n/restart\nhello\n", monkeypatch, bot=open_bot(file))
    histories = [one.get("history", []) for one in server.requests[2:]]
    assert [len(one) for one in histories] == [0, 1, 0]


def test_a_bot_shows_buttons_and_takes_what_they_send(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "bot.yml"
    file.write_text(
        "responses:\n"
        "  utter_menu: [{text: Hello., image: http://x/y.png,"
        ' buttons: [{title: Four, payload: \'/inform{"people": "4"}\'}]}]\n'
        "  utter_four: ['For {people}.']\n"
        "actions: {intents: {greet: utter_menu, inform: utter_four}}\n"
    )
    typed = '/greet\n/inform{"people": "4"}\n/nothing of that kind\n'
    with server_of() as server:
        chat(server, typed, monkeypatch, bot=open_bot(file))
    shown = capsys.readouterr().out
    assert "bot        Hello.\n" in shown
    assert 'shown      [Four] /inform{"people": "4"}\n' in shown
    assert "shown      image: http://x/y.png\n" in shown
    assert "bot        For 4.\n" in shown
    assert "Unknown command /nothing." in shown
    assert utterances(server) == ["greet", "inform 4"]


class Terminal:
    """A real terminal with the chat's prompt in it; keys go in, the screen comes out."""

    def __init__(self) -> None:
        self._rest = ""
        self._ours, theirs = pty.openpty()
        source = (
            "from todserve.serving.terminal.chat import typed_lines\n"
            "for line in typed_lines(): print(f'<{line}>', flush=True)\n"
            "print('<end>', flush=True)"
        )
        self._process = subprocess.Popen(
            [sys.executable, "-c", source],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"},
            start_new_session=True,
        )
        os.close(theirs)

    def press(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def until(self, wanted: str) -> None:
        """Read the screen until ``wanted`` stands there."""
        shown, self._rest = self._rest, ""
        while wanted not in shown:
            ready, _, _ = select.select([self._ours], [], [], 30)
            assert ready, shown
            shown += os.read(self._ours, 4096).decode(errors="replace")
        self._rest = shown.partition(wanted)[2]

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._ours)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    one = Terminal()
    yield one
    one.close()


def test_in_a_terminal_arrow_keys_mend_and_bring_back_what_was_typed(terminal: Terminal) -> None:
    up, left = "\x1b[A", "\x1b[D"
    terminal.until(PROMPT)
    terminal.press(f"a tran{left}i\r")
    terminal.until("<a train>")
    terminal.until(PROMPT)
    terminal.press(up)
    terminal.until("a train")
    terminal.press("!\r")
    terminal.until("<a train!>")
    terminal.until(PROMPT)
    terminal.press("/un\t")
    terminal.until("do")
    terminal.press("\r")
    terminal.until("</undo>")
    terminal.until(PROMPT)
    terminal.press("\x04")
    terminal.until("<end>")


def test_chat_says_at_once_that_no_server_answers() -> None:
    with (
        LocalServer(Answer(503, {})) as server,
        pytest.raises(ServerError, match="is the server up. Start it with: tod start"),
    ):
        run_chat(url=server.url)


def test_demo_holds_five_turns_and_shows_three_commands(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with LocalServer() as server:
        run_demo(url=server.url)
    shown = capsys.readouterr().out
    assert tuple(request["user"] for request in server.requests) == UTTERANCES
    assert [f"Turn {number}\n" in shown for number in range(1, 6)] == [True] * 5
    assert "database   3 matches in train, first: TR1234\n" in shown
    assert "template   [value_id] leaves at [value_leave].\n" in shown
    assert "ms over REST, 12 ms of it in the worker\n" in shown
    assert shown.count(f"curl {server.url}/predictions/tod -H ") == 3


def test_turn_view_marks_changed_and_withdrawn_slots() -> None:
    before = decode(json.dumps(OK)).belief_state
    after = decode(
        json.dumps({**OK, "belief_state": {"train": {"day": {"value": "monday"}}, "taxi": {}}})
    ).belief_state
    assert before is not None
    assert after is not None
    changed = next(state_lines(after, before=before))
    assert changed.plain == "  state      train: ~ day monday"
    assert "yellow" in {span.style for span in changed.spans}
    (withdrawn,) = state_lines({}, before=before)
    assert withdrawn.plain == "  state      train: - day friday"


def test_turn_view_shows_what_could_not_be_parsed_and_disagreement() -> None:
    answer = decode(json.dumps({**OK, "consistent": False, "unparsed": {"intent": ["[x", "y"]}}))
    shown = "\n".join(line.plain for line in turn_lines(answer, before={}))
    assert "unparsed   intent: [x | y" in shown
    assert "note       acts and response disagree" in shown


def test_turn_view_shows_only_what_was_asked_for() -> None:
    empty = decode(json.dumps({"model": OK["model"]}))
    assert list(turn_lines(empty, before={})) == []


def test_a_name_that_the_server_has_not_is_named_and_not_the_server() -> None:
    missing = Answer(
        404, {"code": 404, "type": "ModelNotFoundException", "message": "Model not found: nope"}
    )
    with LocalServer(missing) as server, pytest.raises(ServerError) as raised:
        run_chat(url=server.url, name="nope")
    assert "no model named 'nope'" in str(raised.value)
    assert "tod start" not in str(raised.value)
