"""The log of releases: lines are only added, and it knows which version to go back to."""

import json
import stat
import threading
from pathlib import Path

import pytest

from todserve.runtime.errors import ServerError
from todserve.serving.releases.release_log import Action, Release, ReleaseLog


def added(log: ReleaseLog, action: Action, before: str, to: str, model: str = "tod") -> None:
    log.add(Release(action=action, model=model, before=before, to=to, reason="because\n\x1b[2J"))


def test_a_line_says_when_who_what_from_to_and_why(tmp_path: Path) -> None:
    log = ReleaseLog(tmp_path / "logs")
    added(log, Action.PROMOTE, "1.0", "2.0")
    (line,) = log.path.read_text().splitlines()
    told = json.loads(line)
    assert {*told} == {"time", "user", "action", "model", "from", "to", "reason", "replay", "share"}
    assert (told["from"], told["to"], told["action"]) == ("1.0", "2.0", "promote")
    assert told["time"].endswith("+00:00")
    assert told["user"]
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600
    before = log.path.read_bytes()
    added(log, Action.ROLL_BACK, "2.0", "1.0")
    assert log.path.read_bytes().startswith(before)
    assert [one.to for one in log.read()] == ["2.0", "1.0"]


def test_it_knows_which_version_answered_before_each(tmp_path: Path) -> None:
    log = ReleaseLog(tmp_path)
    assert log.standing("tod") is None
    added(log, Action.PROMOTE, "1.0", "2.0")
    added(log, Action.PROMOTE, "7", "8", model="korean")
    added(log, Action.PROMOTE, "2.0", "3.0")
    added(log, Action.REFUSED, "3.0", "4.0")
    assert (log.standing("tod"), log.before("tod", "3.0")) == ("3.0", "2.0")
    added(log, Action.ROLL_BACK, "3.0", "2.0")
    # Not to 3.0, which was taken back.
    assert (log.standing("tod"), log.before("tod", "2.0")) == ("2.0", "1.0")
    added(log, Action.ROLL_BACK, "2.0", "1.0")
    assert (log.standing("tod"), log.before("tod", "1.0")) == ("1.0", None)
    assert log.before("korean", "8") == "7"
    # Somebody chose another version without us: nothing is guessed.
    assert log.before("korean", "9") is None


def test_a_line_of_somebody_elses_is_named(tmp_path: Path) -> None:
    log = ReleaseLog(tmp_path)
    added(log, Action.PROMOTE, "1.0", "2.0")
    with log.path.open("a") as stream:
        stream.write('{"to": "3.0"}\n')
    with pytest.raises(ServerError, match=r"releases\.jsonl: line 2: no release"):
        log.read()


def test_one_release_is_done_after_the_other(tmp_path: Path) -> None:
    log = ReleaseLog(tmp_path)
    order: list[str] = []

    def second() -> None:
        with ReleaseLog(tmp_path).alone():
            order.append("second")

    with log.alone():
        waiting = threading.Thread(target=second)
        waiting.start()
        waiting.join(0.2)
        order.append("first")
    waiting.join()
    assert order == ["first", "second"]
