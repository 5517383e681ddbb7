"""Actions that services do over HTTP, secrets, and a person called by webhook."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.clinic_bot import ClinicTalk
from tests.support.local_server import Answer, LocalServer
from todserve.bot.bot import Bot
from todserve.bot.bot_config import BotConfig
from todserve.bot.bot_file import load_bot
from todserve.bot.bot_outcome import Outcome
from todserve.bot.services.secret_values import Secrets
from todserve.bot.user_message import Heard
from todserve.runtime.errors import ConfigError

NOBODY = "http://127.0.0.1:9"
SAID = ("appointment on friday", "anna", "4", "yes")
BOOKED = {"reference": "k3", "more": [1]}


def booking(url: str, **more: Any) -> dict[str, Any]:
    """Return parts of a bot whose form is booked by the service at ``url``."""
    service = {
        "url": f"{url}/book",
        "gives": ["reference"],
        "says": "utter_booked",
        "statuses": {409: "utter_taken"},
        **more,
    }
    return {
        "responses": {
            "utter_booked": ["Booked for {name}: {reference}."],
            "utter_taken": ["Somebody has {day} already."],
            "utter_later": ["The book is closed."],
            "utter_perhaps": ["Nobody knows."],
        },
        "forms": {"appointment": {"action": "book"}},
        "actions": {"http": {"book": service}},
    }


def talked(server: LocalServer, *said: str, **more: Any) -> Outcome:
    """Return what the last of the messages comes to with a service."""
    return ClinicTalk(booking(server.url, **more)).say(*(said or SAID))


def test_a_service_is_told_the_values_and_what_it_gives_is_said() -> None:
    with LocalServer(Answer(body=BOOKED)) as server:
        done = talked(server, remember=["reference"], headers={"X-Shop": "clinic"})
    assert done.messages == ("Booked for Anna: K3.",)
    assert done.memory["reference"] == "k3"
    assert done.form is None
    (request,) = server.requests
    assert request == {
        "action": "book",
        "key": "d1:m2",
        "sender": "d1",
        "slots": {"name": "anna", "day": "friday", "people": "4"},
    }
    assert server.headers[0]["Idempotency-Key"] == "d1:m2"
    assert server.headers[0]["X-Shop"] == "clinic"


def test_a_service_is_told_the_slots_that_it_asks_for_alone() -> None:
    with LocalServer(Answer(body=BOOKED)) as server:
        talked(server, send=["day", "unknown"])
    assert server.requests[0]["slots"] == {"day": "friday", "unknown": None}


@pytest.mark.parametrize(
    "first", [Answer(503), Answer(429), Answer(502), Answer(504), Answer(drop=True)]
)
def test_a_service_is_asked_again_under_the_same_key(first: Answer) -> None:
    with LocalServer(first, Answer(body=BOOKED)) as server:
        assert talked(server).messages == ("Booked for Anna: K3.",)
    assert [one["Idempotency-Key"] for one in server.headers] == ["d1:m2", "d1:m2"]


@pytest.mark.parametrize(
    ("answer", "told", "calls"),
    [
        # Certainly not done.
        (Answer(400), "that did not work", 1),
        (Answer(503), "that did not work", 2),
        (Answer(302), "that did not work", 1),
        # Nobody knows.
        (Answer(500), "I cannot say whether it is done", 1),
        (Answer(502), "I cannot say whether it is done", 2),
        (Answer(drop=True), "I cannot say whether it is done", 2),
        # It may have been done, and what it gave is missing.
        (Answer(body={}), "I cannot say whether it is done", 1),
        (Answer(body={"reference": None}), "I cannot say whether it is done", 1),
        (Answer(body={"reference": ["k3"]}), "I cannot say whether it is done", 1),
        (Answer(body=b"<p>k3</p>"), "I cannot say whether it is done", 1),
        (Answer(body=["k3"]), "I cannot say whether it is done", 1),
    ],
)
def test_nothing_is_claimed_that_a_service_did_not_give(
    answer: Answer, told: str, calls: int
) -> None:
    with LocalServer(answer) as server:
        failed = talked(server, retries=1)
    assert told in failed.messages[-1]
    assert "Booked" not in str(failed.messages)
    assert len(server.requests) == calls
    assert failed.error is not None


def test_where_nobody_listens_nothing_was_done_and_yes_tries_again_under_the_same_key() -> None:
    talk = ClinicTalk(booking(NOBODY, retries=0, failed="utter_later"))
    failed = talk.say(*SAID)
    assert failed.messages == ("The book is closed.",)
    assert failed.form is not None
    assert failed.form.since == "m2"
    assert talk.say("yes").messages == ("The book is closed.",)


def test_a_failure_is_told_in_the_words_of_its_action() -> None:
    with LocalServer(Answer(500)) as server:
        assert talked(server, unsure="utter_perhaps").messages == ("Nobody knows.",)


def test_a_status_with_a_response_of_its_own_is_no_failure() -> None:
    with LocalServer(Answer(409, {"detail": "taken"})) as server:
        told = talked(server)
    assert told.messages == ("Somebody has Friday already.",)
    assert told.error is None


def test_a_service_may_judge_a_value(tmp_path: Path) -> None:
    part = {
        "slots": {"day": {"check": {"listed": True, "action": "check_day"}}},
        "responses": {"utter_full": ["{day} is full."]},
    }
    full = Answer(body={"slots": {"day": None}})
    free = Answer(body={})
    with LocalServer(full, free) as server:
        service = {"url": server.url, "send": ["day"]}
        talk = ClinicTalk(part, {"actions": {"http": {"check_day": service}}})
        assert talk.say("appointment", "anna", "friday").messages == ("Which day?",)
        assert talk.say("monday").messages == ("How many?",)
    assert [one["slots"] for one in server.requests] == [{"day": "friday"}, {"day": "monday"}]


def test_what_a_service_need_not_give_is_never_told_of_something_older() -> None:
    part = booking(NOBODY, gives=[])
    with pytest.raises(ConfigError, match=r"http\.book\.says: .*\{reference\}.*under gives"):
        ClinicTalk(part)


def test_a_failure_is_logged_without_what_was_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), LocalServer(Answer(500)) as server:
        talked(server)
    assert "book failed: UnsureActionError" in caplog.text
    assert "anna" not in caplog.text


SECRET = "s3cret-value"


def secret_bot() -> dict[str, Any]:
    """Return parts of a bot with a secret wherever one may stand."""
    return {
        "forms": {"appointment": {"action": "book"}},
        "actions": {
            "http": {
                "book": {"url": "${BOOK_URL}/book", "headers": {"Authorization": "Bearer ${KEY}"}}
            }
        },
    }


def test_a_secret_comes_of_the_environment_and_reaches_the_service_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "todserve"), LocalServer(Answer(500)) as server:
        monkeypatch.setenv("BOOK_URL", server.url)
        monkeypatch.setenv("KEY", SECRET)
        talk = ClinicTalk(secret_bot())
        failed = talk.say(*SAID)
    assert server.headers[0]["Authorization"] == f"Bearer {SECRET}"
    assert "${KEY}" in repr(talk.config)
    shown = (repr(talk.config), talk.config.model_dump_json(), caplog.text, repr(failed))
    assert not any(SECRET in one for one in shown)


def test_a_secret_that_is_missing_is_named_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOK_URL", NOBODY)
    monkeypatch.delenv("KEY", raising=False)
    with pytest.raises(ConfigError, match=r"http\.book\.headers\.Authorization: got \$\{KEY\}"):
        ClinicTalk(secret_bot())


@pytest.mark.parametrize(
    ("name", "value"), [("BOOK_URL", f"ftp://{SECRET}"), ("KEY", f"{SECRET}\nX: y")]
)
def test_a_secret_that_cannot_be_used_is_named_and_not_shown(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOK_URL", NOBODY)
    monkeypatch.setenv("KEY", SECRET)
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as caught:
        ClinicTalk(secret_bot())
    assert SECRET not in str(caught.value)


def test_settings_of_a_module_may_hold_secrets_which_its_failure_does_not_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "actions.py").write_text(
        "class A:\n"
        "    def __init__(self, settings): raise ValueError(settings['database']['url'])\n"
        "    def name(self): return 'go'\n"
        "    def run(self, a, b, c): pass\n"
    )
    (tmp_path / "bot.yml").write_text(
        "actions: {module: actions.py, intents: {go: go}, settings: {database: {url: '${DSN}'}}}\n"
    )
    monkeypatch.setenv("DSN", SECRET)
    with pytest.raises(ConfigError, match=r"\$\{DSN\}") as caught:
        Bot(load_bot(tmp_path / "bot.yml"))
    assert SECRET not in str(caught.value)


def test_what_is_no_secret_stays_as_it_is() -> None:
    assert Secrets({}).told("{name} costs $5 {", "here") == "{name} costs $5 {"


def desk(url: str, **more: Any) -> dict[str, Any]:
    """Return parts of a bot that calls people to ``url``."""
    return {"hand_off": {"webhook": f"{url}/waiting", "retries": 0, **more}}


def test_a_person_is_called_with_the_place_of_the_transcript_and_without_its_text() -> None:
    with LocalServer(Answer(body={})) as server:
        talk = ClinicTalk(desk(server.url, transcript="https://bot.example/v1/d/{dialogue_id}"))
        told = talk.say("my secret is out", "i want a person")
    assert told.handed_off
    assert told.messages == ("I am passing you on to a person, who will continue here.",)
    (request,) = server.requests
    assert request["transcript"] == "https://bot.example/v1/d/d1"
    assert request["reason"] == "asked"
    assert request["dialogue_id"] == "d1"
    assert "secret" not in json.dumps(request)
    assert server.headers[0]["Idempotency-Key"] == "d1:m1:hand_off"


def test_where_nobody_can_be_called_nobody_is_promised() -> None:
    told = ClinicTalk(desk(NOBODY)).say("a person please")
    assert not told.handed_off
    assert told.messages == ("I am sorry, I can reach nobody at the moment.",)
    assert told.error == "action_hand_off: ActionError"


def test_the_desk_is_told_that_the_bot_did_not_understand() -> None:
    with LocalServer(Answer(body={})) as server:
        assert ClinicTalk(desk(server.url)).say("blah", "bleh", "bluh").handed_off
    assert [one["reason"] for one in server.requests] == ["not understood"]


def heard(index: int, at: float | None, user: str = "appointment") -> Heard:
    """Return a message that came at a time."""
    return Heard(dialogue_id="d1", message_id=f"m{index}", index=index, user=user, at=at)


def waiting(**given: Any) -> tuple[Bot, Outcome]:
    """Return a bot and a dialogue that was handed over at the time 1000."""
    parts = ClinicTalk({"hand_off": given}).config
    bot = Bot(BotConfig.model_validate(parts.model_dump()))
    outcome = bot.turn(heard(0, 1000.0, "a person please"), Outcome())
    assert outcome.handed_off
    return bot, outcome


def stored(outcome: Outcome) -> Outcome:
    """Return an outcome as a store gives it back."""
    given: Mapping[str, Any] = json.loads(json.dumps(outcome.as_json()))
    return Outcome.read(given)


def test_the_bot_is_quiet_until_the_time_is_over_and_says_that_it_is_back() -> None:
    bot, outcome = waiting(back_after=60)
    quiet = bot.turn(heard(1, 1030.0), stored(outcome))
    assert (quiet.messages, quiet.handed_off) == ((), True)
    # The time runs from the hand-off, whatever is said meanwhile.
    back = bot.turn(heard(2, 1061.0), stored(quiet))
    assert back.messages == ("Nobody has answered so far, so I am listening again.", "Your name?")
    assert not back.handed_off


def test_without_a_time_the_bot_waits_to_be_given_back() -> None:
    bot, outcome = waiting()
    assert bot.turn(heard(1, 9e9), stored(outcome)).messages == ()


def test_a_dialogue_from_before_that_has_no_time_of_its_hand_off_waits() -> None:
    bot, outcome = waiting(back_after=60)
    old = {key: one for key, one in outcome.as_json().items() if key != "handed_off_at"}
    assert bot.turn(heard(1, 9e9), Outcome.read(old)).handed_off
