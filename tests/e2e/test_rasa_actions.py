"""Actions written for rasa-sdk: over its real server, and unchanged in process."""

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.rasa_sdk_server import PYTHON, RasaSdkServer, needs_rasa_sdk
from tests.support.served_endpoint import ROOT, free_ports
from todserve.bot.action_events import Event
from todserve.bot.actions import ActionError
from todserve.bot.bot import Bot
from todserve.bot.bot_config import BotConfig
from todserve.bot.bot_outcome import Outcome
from todserve.bot.conversion.rasa_conversion import convert_rasa
from todserve.bot.dialogue_tracker import Tracker
from todserve.bot.message_dispatcher import Dispatcher
from todserve.bot.services.rasa_action_server import ActionRejectedError, RasaActionServer
from todserve.bot.user_message import Heard

pytestmark = needs_rasa_sdk
ACTIONS = ROOT / "tests" / "fixtures" / "rasa_actions"
SAID = "a secret wish"
DOMAIN = {"responses": {"utter_welcome": [{"text": "Welcome to {place}."}]}}


@pytest.fixture(scope="module")
def server() -> Iterator[RasaActionServer]:
    with RasaSdkServer(ACTIONS, "acting") as running:
        yield RasaActionServer(running.endpoint, timeout=30)


def tracker(**changes: Any) -> Tracker:
    facts: dict[str, Any] = {
        "sender_id": "d1",
        "slots": {"name": "Ada"},
        "latest_message": {
            "text": SAID,
            "message_id": "m1",
            "intent": {"name": "greet", "confidence": 0.9},
            "entities": [{"entity": "city", "value": "ely"}],
        },
        "key": "d1:m1",
        "active_loop": {"name": "table_form"},
        "latest_action_name": "action_before",
    }
    return Tracker(**(facts | changes))


def run(server: RasaActionServer, name: str, **changes: Any) -> tuple[list[Event], Dispatcher]:
    dispatcher = Dispatcher()
    return server.run(name, dispatcher, tracker(**changes), DOMAIN), dispatcher


def plain(events: list[Event]) -> list[dict[str, Any]]:
    return [{key: one[key] for key in ("event", "name", "value") if key in one} for one in events]


def test_the_server_names_its_actions_and_is_ready(server: RasaActionServer) -> None:
    assert server.ready()
    assert server.names() == {
        *("action_greet", "action_read", "action_hand_off", "action_quiet", "action_decline"),
        *("action_fail", "action_slow", "validate_table_form"),
    }


def test_texts_responses_and_events_come_back(server: RasaActionServer) -> None:
    events, dispatcher = run(server, "action_greet")
    assert plain(events) == [
        {"event": "slot", "name": "greeted", "value": True},
        {"event": "followup", "name": "action_next"},
    ]
    assert dispatcher.messages == [
        {"text": "Hello Ada!", "response": None},
        {
            "text": None,
            "response": "utter_welcome",
            "place": "the Lantern",
            "image": "x.png",
        },
        {"text": None, "response": None, "json_message": {"card": 1}},
    ]


def test_the_action_sees_the_whole_tracker_and_the_domain(server: RasaActionServer) -> None:
    events, _ = run(server, "action_read")
    assert events[0]["value"] == {
        "sender": "d1",
        "intent": "greet",
        "entities": ["ely"],
        "loop": "table_form",
        "before": "action_before",
        "key": None,  # its tracker keeps nothing that it does not know
        "responses": ["utter_welcome"],
    }


def test_another_callers_domain_is_never_used(server: RasaActionServer) -> None:
    run(server, "action_read")
    events = server.run("action_read", Dispatcher(), tracker(), {})
    assert events[0]["value"]["responses"] == []


def test_an_action_without_events_has_none(server: RasaActionServer) -> None:
    events, dispatcher = run(server, "action_quiet")
    assert events == []
    assert dispatcher.messages == []
    assert plain(run(server, "action_hand_off")[0]) == [{"event": "pause"}]


@pytest.mark.parametrize(("people", "kept"), [("9", None), ("4", "4")])
def test_a_form_validation_refuses_what_it_refuses_in_rasa(
    server: RasaActionServer, people: str, kept: str | None
) -> None:
    events = [{"event": "slot", "name": "people", "value": people}]
    dispatcher = Dispatcher()
    domain = DOMAIN | {"forms": {"table_form": {"required_slots": ["people"]}}}
    answer = server.run("validate_table_form", dispatcher, tracker(events=events), domain)
    assert plain(answer) == [{"event": "slot", "name": "people", "value": kept}]
    assert [one["response"] for one in dispatcher.messages] == ["utter_too_many"] * (kept is None)


def test_a_rejection_is_told_from_a_failure_and_neither_repeats_the_user(
    server: RasaActionServer,
) -> None:
    with pytest.raises(ActionRejectedError, match="'action_decline' declined") as declined:
        run(server, "action_decline")
    with pytest.raises(ActionError, match="'action_fail': got HTTP 500") as failed:
        run(server, "action_fail")
    assert not isinstance(failed.value, ActionRejectedError)
    assert SAID not in str(declined.value) + str(failed.value)


def test_an_action_nobody_registered_is_named(server: RasaActionServer) -> None:
    with pytest.raises(ActionError, match="unknown action 'action_none'; expected one"):
        run(server, "action_none")


def test_an_action_that_takes_too_long_runs_once_only(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    with RasaSdkServer(ACTIONS, "acting") as running:
        hasty = RasaActionServer(running.endpoint, timeout=0.5)
        with pytest.raises(ActionError, match=r"no answer within 0\.5 s.*may have run"):
            run(hasty, "action_slow", slots={"marks": str(marks)})
        patient = RasaActionServer(running.endpoint, timeout=30)
        run(patient, "action_quiet")  # it has done what it began
    assert marks.read_text() == "ran\n"


def test_an_action_whose_server_dies_is_not_asked_again(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    (port,) = free_ports(1)
    errors: list[str] = []

    def ask(endpoint: str) -> None:
        with pytest.raises(ActionError) as failure:
            run(RasaActionServer(endpoint, timeout=30), "action_slow", slots={"marks": str(marks)})
        errors.append(str(failure.value))

    with RasaSdkServer(ACTIONS, "acting", port) as running:
        asking = threading.Thread(target=ask, args=(running.endpoint,))
        asking.start()
        while not marks.exists():
            time.sleep(0.01)
        running.kill()
        asking.join()
        with RasaSdkServer(ACTIONS, "acting", port) as again:
            assert RasaActionServer(again.endpoint).ready()
    assert marks.read_text() == "ran\n"
    assert "may have run, and is not asked again" in errors[0]


def test_a_server_that_is_just_starting_is_waited_for() -> None:
    (port,) = free_ports(1)
    waiting = RasaActionServer(f"http://127.0.0.1:{port}/webhook", retries=40, backoff=0.5)
    assert not waiting.ready()
    answers: list[list[Event]] = []
    asking = threading.Thread(target=lambda: answers.append(run(waiting, "action_quiet")[0]))
    asking.start()
    with RasaSdkServer(ACTIONS, "acting", port):
        asking.join()
    assert answers == [[]]


IN_PROCESS = """
import json, sys
from todserve.bot.actions import LocalActions
from todserve.bot.message_dispatcher import Dispatcher
from todserve.bot.dialogue_tracker import Tracker

dispatcher = Dispatcher()
facts = json.loads(sys.stdin.read())
actions = LocalActions(facts.pop("module"))
events = {
    name: actions.run(name, dispatcher, Tracker(**facts), {"responses": {"utter_welcome": []}})
    for name in ("action_greet", "action_read", "action_hand_off", "action_quiet")
}
print(json.dumps({"events": events, "messages": dispatcher.messages}))
"""


def test_a_class_written_for_rasa_sdk_runs_unchanged_in_process(
    server: RasaActionServer,
) -> None:
    seen = tracker()
    names = ("sender_id", "slots", "latest_message", "key", "active_loop", "latest_action_name")
    facts = {name: getattr(seen, name) for name in names}
    done = subprocess.run(
        [str(PYTHON), "-B", "-c", IN_PROCESS],
        input=json.dumps(facts | {"module": str(ACTIONS / "acting.py")}),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    dispatcher = Dispatcher()
    over_http = {
        name: server.run(name, dispatcher, seen, DOMAIN)
        for name in ("action_greet", "action_read", "action_hand_off", "action_quiet")
    }
    # In process it also sees the idempotency key, which rasa-sdk's own tracker has no place for.
    assert answer["events"]["action_read"][0]["value"].pop("key") == "d1:m1"
    assert over_http["action_read"][0]["value"].pop("key") is None
    assert answer == {"events": over_http, "messages": dispatcher.messages}


def test_a_converted_project_books_through_its_own_action_server(tmp_path: Path) -> None:
    project = tmp_path / "cinema"
    shutil.copytree(ROOT / "tests" / "fixtures" / "rasa_project", project)
    with RasaSdkServer(project, "actions.actions") as running:
        (project / "endpoints.yml").write_text(f"action_endpoint: {{url: {running.endpoint}}}\n")
        bot = Bot(convert_rasa(project, tmp_path / "out").bot)
        wanted = {"film": "paper boats", "seats": "3", "day": "friday", "balcony": "true"}
        booked = bot.turn(heard(0, "book_seats", wanted), Outcome())
        cancelled = bot.turn(heard(1, "cancel_booking", wanted), booked)
    assert booked.messages == (
        "3 seats for paper boats on Friday are yours; the reference is LANTERN1.",
    )
    # What its own form's validation gave back is remembered as it is.
    told = {"seats": 3.0, "balcony": True, "booked": "3.0 paper boats"}
    assert booked.memory == {"reference": "lantern1", **told}
    assert cancelled.messages == ("lantern1 is cancelled.",)
    assert cancelled.memory == told
    assert (booked.error, cancelled.error) == (None, None)


def test_a_bots_form_asks_again_for_what_its_own_validation_on_the_server_refuses() -> None:
    with RasaSdkServer(ACTIONS, "acting") as running:
        form = {
            "name": "table_form",
            "domain": "rasa",
            "required": {"people": "utter_people"},
            "action": "action_quiet",
            "validate_action": "validate_table_form",
        }
        given = {
            "responses": {"utter_people": ["How many?"], "utter_too_many": ["Eight at most."]},
            "forms": {"table": form},
            "actions": {"endpoint": running.endpoint},
        }
        bot = Bot(BotConfig.model_validate(given))
        refused = bot.turn(heard(0, "table", {"people": "9"}), Outcome())
        taken = bot.turn(heard(1, "table", {"people": "4"}), refused)
    assert refused.messages == ("Eight at most.", "How many?")
    assert (refused.error, taken.error, taken.form) == (None, None, None)
    ran = [one["name"] for one in taken.events if one["event"] == "action"]
    assert ran == ["validate_table_form", "action_quiet"]


def heard(index: int, intent: str, slots: dict[str, str]) -> Heard:
    return Heard(
        dialogue_id="d1",
        message_id=str(index),
        index=index,
        user=SAID,
        intent=intent,
        state={"rasa": slots},
        domain="rasa",
    )
