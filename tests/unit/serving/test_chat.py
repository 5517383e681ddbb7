"""The terminal chat and the demo against a real HTTP server."""

import io
import json

import pytest

from tests.support.local_server import OK, Answer, LocalServer
from todserve.runtime.errors import ServerError
from todserve.runtime.wire.response import decode
from todserve.serving.terminal.chat import run_chat
from todserve.serving.terminal.demo import UTTERANCES, run_demo
from todserve.serving.terminal.turn_view import TurnView, wants_colour


def chat(server: LocalServer, typed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    run_chat(url=server.url)


def test_chat_shows_slots_and_acts_as_they_change(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with LocalServer() as server:
        chat(server, "a train on friday\n\nthanks\n", monkeypatch)
    shown = capsys.readouterr().out
    assert "state      train: + day friday (0.90)\n" in shown
    assert "state      train: day friday\n" in shown
    assert "acts       train-inform(id, leave) general-reqmore\n" in shown
    assert "system     TR1234 leaves at 09:00.\n" in shown
    assert "\033" not in shown
    canary, first, second = server.requests
    assert canary["tasks"] == ["intent"]
    assert (first["user"], second["user"]) == ("a train on friday", "thanks")


def test_chat_obeys_its_commands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with LocalServer() as server:
        chat(server, "/state\na train\n/state\n/reset\n/state\n/what\n/quit\nno\n", monkeypatch)
    shown = capsys.readouterr().out
    assert shown.count("state      empty\n") == 2
    assert "Started over." in shown
    assert "Unknown command /what. Commands: /state" in shown
    assert len(server.requests) == 2


def test_chat_goes_on_after_a_refused_turn(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = Answer(400, {"message": "user: got 5000 characters"})
    with LocalServer(Answer(), refused, Answer()) as server:
        chat(server, "long\na train\n", monkeypatch)
    shown = capsys.readouterr().out
    assert "Not answered: user: got 5000 characters\n" in shown
    assert "system     TR1234" in shown


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
    view = TurnView()
    assert next(view.state_lines(after, before=before)) == "  state      train: ~ day monday"
    assert list(view.state_lines({}, before=before)) == ["  state      train: - day friday"]


def test_turn_view_shows_what_could_not_be_parsed_and_disagreement() -> None:
    answer = decode(json.dumps({**OK, "consistent": False, "unparsed": {"intent": ["[x", "y"]}}))
    shown = "\n".join(TurnView().lines(answer, before={}))
    assert "unparsed   intent: [x | y" in shown
    assert "note       acts and response disagree" in shown


def test_turn_view_shows_only_what_was_asked_for() -> None:
    empty = decode(json.dumps({"model": OK["model"]}))
    assert list(TurnView().lines(empty, before={})) == []


def test_turn_view_paints_only_on_request() -> None:
    assert TurnView(colour=True).paint("speech", "hi") == "\033[1mhi\033[0m"
    assert TurnView(colour=False).paint("speech", "hi") == "hi"


def test_colours_are_for_terminals_that_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    assert wants_colour(Terminal())
    assert not wants_colour(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not wants_colour(Terminal())
