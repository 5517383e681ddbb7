"""The bot: what it says and does, message by message."""

import json
import logging
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.bot_talk import Talk, configured
from todserve.bot.bot_config import BotConfig
from todserve.bot.bot_outcome import Outcome
from todserve.bot.user_message import Heard, agrees

FRIDAY = {"restaurant": {"day": "friday"}}
WHOLE = {"restaurant": {"day": "friday", "people": "4"}}
FIVE = {"restaurant": {"day": "friday", "people": "5"}}


def calls(talk: Talk) -> list[Any]:
    """Return what the action ``book`` of this bot was called with."""
    runner: Any = talk.bot._runner
    action = runner._local._actions["book"]
    found: list[Any] = sys.modules[type(action).__module__].calls
    return found


def acts(*names: str) -> dict[str, Any]:
    keys = ("domain", "act", "slot")
    return {"dialogue_act": [dict(zip(keys, name.split("-"), strict=False)) for name in names]}


TEMPLATES = {
    "restaurant-inform-phone": ["Call {name} at [value_phone]."],
    "restaurant-inform": ["{choice} places"],
    "bye": ["Bye!"],
    "restaurant-offer": ["{nobody} knows"],
}
FOUND: dict[str, Any] = {
    "database": {
        "domain": "restaurant",
        "matches": 3,
        "results": [{"name": "charlie chan", "phone": "01223"}, {"name": "golden house"}],
    }
}


@pytest.mark.parametrize(
    ("spoken", "reply"),
    [
        (["restaurant-inform-phone"], "Call Charlie Chan at 01223."),
        (["restaurant-inform-area"], "3 places"),
        (["hotel-inform-phone", "general-bye"], "Bye!"),
        (["general-reqmore"], "as the model says"),
        # What cannot be filled gives way to the model's own text.
        (["restaurant-offer-name"], "as the model says"),
        ([], "as the model says"),
    ],
)
def test_the_first_act_with_a_template_speaks(
    spoken: list[str], reply: str, tmp_path: Path
) -> None:
    talk = Talk(configured(tmp_path, {"responses": TEMPLATES}))
    assert talk.say("hello", "find", **FOUND, **acts(*spoken)).messages == (reply,)


def test_a_placeholder_takes_the_users_value_before_memory_and_look_up(tmp_path: Path) -> None:
    talk = Talk(configured(tmp_path, {"responses": {"offer": ["{name} {reference} {day}"]}}))
    for text in ("book", "yes"):
        talk.say(text, state={"restaurant": {**WHOLE["restaurant"], "name": "the lantern"}})
    outcome = talk.say("hi", "find", **FOUND, **acts("restaurant-offer"))
    assert outcome.messages == ("the Lantern K3 Friday",)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), index=st.integers(0, 50))
def test_the_choice_among_templates_is_the_same_on_a_retry(seed: int, index: int) -> None:
    texts = ["one", "two", "three", "{unknown}"]
    config = BotConfig.model_validate({"seed": seed, "responses": {"bye": texts}})
    heard = Heard.of(
        acts("general-bye"), before={}, dialogue_id="d", message_id="m", index=index, user="bye"
    )
    said = {Talk(config).bot.turn(heard, Outcome()).messages for _ in range(3)}
    assert len(said) == 1
    assert said <= {("one",), ("two",), ("three",)}


def test_every_template_has_its_turn() -> None:
    config = BotConfig.model_validate({"responses": {"bye": ["one", "two", "three"]}})
    talk = Talk(config)
    said = {talk.say("bye", "general", **acts("general-bye")).messages for _ in range(40)}
    assert said == {("one",), ("two",), ("three",)}


def test_a_form_asks_in_order_confirms_and_runs_its_action_once(tmp_path: Path) -> None:
    talk = Talk(configured(tmp_path))
    assert talk.say("a table").messages == ("Which day?",)
    first = talk.say("friday", "find", state=FRIDAY)
    assert first.messages == ("How many?",)
    assert first.form is not None
    assert first.form.missing == ("people",)
    asked = talk.say("four", state=WHOLE)
    assert asked.messages == ("4 on Friday?",)
    assert asked.form is not None
    assert asked.form.awaiting_confirmation
    assert calls(talk) == []
    # The model's intent for a "yes" is seldom of use.
    done = talk.say("yes please", "find")
    assert done.messages == ("Booked: K3.",)
    assert done.form is None
    assert done.memory == {"reference": "k3"}
    assert [event["event"] for event in done.events] == ["action", "slot", "active_loop"]
    assert calls(talk) == [("d1:m2", WHOLE["restaurant"], {"name": "book_table"})]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["yes", "no", "hm", "yes, no"]),
            st.sampled_from(["book_table", "find", None]),
            st.sampled_from(["friday", "monday", "dontcare", None]),
            st.sampled_from(["4", "5", None]),
        ),
        max_size=12,
    )
)
def test_nothing_is_booked_but_what_was_asked_for_and_agreed_to(
    steps: list[tuple[str, str | None, str | None, str | None]], tmp_path: Path
) -> None:
    talk = Talk(configured(tmp_path))
    for said, intent, day, people in steps:
        form = talk.outcomes[-1].form if talk.outcomes else None
        before = len(calls(talk))
        slots = {slot: value for slot, value in (("day", day), ("people", people)) if value}
        outcome = talk.say(said, intent, state={"restaurant": slots})
        booked = calls(talk)[before:]
        if booked:
            assert said == "yes"
            assert form is not None
            assert form.awaiting_confirmation
            ((key, told, _),) = booked
            assert {slot: told[slot] for slot in ("day", "people")} == form.values
            assert key == f"d1:{form.since}"
            assert outcome.form is None


def test_no_leaves_the_form(tmp_path: Path) -> None:
    talk = Talk(configured(tmp_path))
    talk.say("a table", state=WHOLE)
    left = talk.say("no thanks")
    assert left.messages == ("All right, I have not done it.",)
    assert left.form is None
    assert calls(talk) == []


@pytest.mark.parametrize("said", ["five", "no, five people", "yes, but five"])
def test_a_changed_value_is_confirmed_again_whatever_stands_beside_it(
    said: str, tmp_path: Path
) -> None:
    talk = Talk(configured(tmp_path))
    talk.say("a table", state=WHOLE)
    assert talk.say(said, state=FIVE).messages == ("5 on Friday?",)
    assert talk.say("yes").messages == ("Booked: K3.",)
    assert calls(talk)[0][0] == "d1:m1"


def test_another_intent_leaves_the_form_and_is_answered(tmp_path: Path) -> None:
    talk = Talk(configured(tmp_path))
    talk.say("a table", state=WHOLE)
    other = talk.say("a train", "find_train")
    assert other.messages == ("as the model says",)
    assert other.form is None
    assert talk.say("yes").messages == ("4 on Friday?",)


def test_neither_yes_nor_no_asks_again(tmp_path: Path) -> None:
    talk = Talk(configured(tmp_path))
    asked = talk.say("a table", state=WHOLE)
    assert talk.say("hm").messages == asked.messages
    assert calls(talk) == []


def test_what_the_model_forgets_stays_known_to_the_form(tmp_path: Path) -> None:
    talk = Talk(configured(tmp_path))
    talk.say("a table", state=WHOLE)
    assert talk.say("yes", state={"restaurant": {}}).messages == ("Booked: K3.",)
    assert calls(talk)[0][1] == WHOLE["restaurant"]


def test_a_form_that_bot_yml_no_longer_has_is_left(tmp_path: Path) -> None:
    talk = Talk(configured(tmp_path))
    talk.say("a table", state=WHOLE)
    talk.bot = Talk(BotConfig()).bot
    assert talk.say("yes").messages == ("as the model says",)


def test_a_slot_to_whom_nothing_matters_is_asked_for(tmp_path: Path) -> None:
    talk = Talk(configured(tmp_path))
    state = {"restaurant": {"day": "dontcare", "people": "4"}}
    assert talk.say("a table", state=state).messages == ("Which day?",)


NAMED = {
    "responses": {"utter_confirm": ["{name}?"]},
    "forms": {
        "book_table": {"required": {"name": "utter_day"}, "suggested": ["name"]},
    },
}


def test_a_suggested_slot_takes_what_the_bot_offered_until_it_no_longer_fits(
    tmp_path: Path,
) -> None:
    talk = Talk(configured(tmp_path, NAMED))
    offer: dict[str, Any] = {"response": {"text": "Would you like Golden House?"}}
    talk.say("chinese", "find", **FOUND, **offer)
    assert talk.say("book it", state=WHOLE, **FOUND).messages == ("Golden House?",)
    other: dict[str, Any] = {
        "database": {"domain": "restaurant", "matches": 1, "results": [{"name": "nandos"}]}
    }
    assert talk.say("portuguese", **other).messages == ("Nandos?",)
    none: dict[str, Any] = {"database": {"domain": "restaurant", "matches": 0, "results": []}}
    assert talk.say("thai", **none).messages == ("Which day?",)


@pytest.mark.parametrize(
    ("language", "said", "meant"),
    [
        ("en", "Yes!", True),
        ("en", "yes please, book it", True),
        ("en", "that\u2019s right", True),
        ("en", "No.", False),
        ("en", "don't", False),
        ("en", "no, that is right", False),
        ("en", "never mind", False),
        # In doubt, nothing is booked.
        ("en", "yes, no, wait", None),
        ("en", "ok, what is the phone number?", None),
        ("en", "sure i would like to know all about the place first", None),
        ("en", "yesterday", None),
        ("en", "notice", None),
        ("en", "friday", None),
        ("de", "Ja, gern!", True),
        ("de", "ja bitte, buchen", True),
        ("de", "Nein danke", False),
        ("de", "nicht am Montag", False),
        ("de", "ja, nein, warte", None),
        ("de", "jahrelang", None),
        ("de", "bitte nicht", None),
        ("de", "bitte wann haben sie offen", None),
        ("ko", "네", True),
        ("ko", "네, 예약해 주세요", True),
        ("ko", "\u110b\u1168", True),
        ("ko", "좋아요!", True),
        ("ko", "아니요", False),
        ("ko", "아니요, 괜찮아요", False),
        ("ko", "하지 마세요", False),
        ("ko", "네 아니요", None),
        ("ko", "어디예요", None),
        ("ko", "네?", None),
    ],
)
def test_yes_and_no_are_understood_in_every_language(
    language: str, said: str, meant: bool | None
) -> None:
    config = BotConfig.model_validate({"language": language})
    assert agrees(Heard(dialogue_id="d", message_id="m", index=0, user=said), config) is meant


@pytest.mark.parametrize(
    ("intent", "said", "meant"),
    [("affirm", "jawohl", True), ("deny", "nein", False), (None, "ja", True), (None, "yes", None)],
)
def test_intents_and_own_words_mean_yes_and_no_too(
    intent: str | None, said: str, meant: bool | None
) -> None:
    config = BotConfig.model_validate({"words": {"affirm": ["ja"]}})
    heard = Heard(dialogue_id="d", message_id="m", index=0, user=said, intent=intent)
    assert agrees(heard, config) is meant


FALLBACK = {"fallback": {"intent": 0.3, "slot": 0.2, "hand_off_after": 2}}


def test_an_unsure_intent_falls_back_and_too_many_hand_over_until_resumed(tmp_path: Path) -> None:
    talk = Talk(configured(tmp_path, FALLBACK))
    first = talk.say("blub", "find", confidence=0.2)
    assert first.fallback
    assert "did not understand" in first.messages[0]
    second = talk.say("blub", "find", confidence=0.2)
    assert second.handed_off
    assert [event["event"] for event in second.events] == ["pause"]
    assert "person" in second.messages[0]
    for _ in range(2):
        silent = talk.say("hello", "find")
        assert silent.handed_off
        assert silent.messages == ()
    talk.outcomes[-1] = Outcome(**{**silent.as_json(), "handed_off": False})
    again = talk.say("blub", "find", confidence=0.2)
    assert again.fallback
    assert not again.handed_off


def test_a_turn_that_was_understood_begins_the_count_again(tmp_path: Path) -> None:
    talk = Talk(configured(tmp_path, FALLBACK))
    for confidence in (0.2, 0.9, 0.2):
        assert not talk.say("blub", "find", confidence=confidence).handed_off


def test_an_unsure_new_slot_falls_back_but_an_old_one_does_not(tmp_path: Path) -> None:
    talk = Talk(configured(tmp_path, FALLBACK))
    assert talk.say("frday", "find", state=FRIDAY, sure=0.1).fallback
    assert not talk.say("hello", "find", state=FRIDAY, sure=0.1).fallback


def test_in_a_form_a_clear_value_or_answer_outweighs_an_unsure_intent(tmp_path: Path) -> None:
    talk = Talk(configured(tmp_path, FALLBACK))
    talk.say("a table", state=FRIDAY)
    assert talk.say("four", "find", confidence=0.1, state=WHOLE).messages == ("4 on Friday?",)
    unsure = talk.say("hm", "find", confidence=0.1)
    assert unsure.fallback
    assert unsure.form is not None
    assert talk.say("yes", "find", confidence=0.1).messages == ("Booked: K3.",)


def leading(action: str, **more: Any) -> dict[str, Any]:
    return {"actions": {"intents": {"go": action}, **more}}


def test_a_coroutine_runs_and_what_follows_it(tmp_path: Path) -> None:
    outcome = Talk(configured(tmp_path, leading("later"))).say("go", "go")
    assert outcome.messages == ("later", "after later")
    assert outcome.handed_off
    names = [event["event"] for event in outcome.events]
    assert names == ["action", "followup", "action", "pause"]


@pytest.mark.parametrize(
    ("action", "error"),
    [
        ("fail", "fail: ValueError"),
        ("stick", "stick: TimeoutError"),
        ("circle", "circle: TooManyFollowups"),
        ("wrong", "wrong: ActionError"),
        ("endless", "endless: TypeError"),
        ("leave", "leave: ActionError"),
        ("cancelled", "cancelled: ActionError"),
    ],
)
def test_an_action_that_goes_wrong_never_loses_the_turn_nor_logs_what_was_said(
    action: str, error: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    talk = Talk(configured(tmp_path, leading(action, timeout=0.2)))
    with caplog.at_level(logging.DEBUG):
        outcome = talk.say("my secret", "go")
    assert outcome.error == error
    # What takes too long may still come to its end: nobody says that it did not work.
    told = "I got no answer" if action == "stick" else "that did not work. Please try again"
    assert [told in message for message in outcome.messages] == [True]
    assert action in caplog.text
    assert "secret" not in caplog.text
    # The dialogue goes on.
    assert talk.say("hello", "find").messages == ("as the model says",)


def test_an_unknown_response_is_noted_but_what_was_done_stays_done(tmp_path: Path) -> None:
    outcome = Talk(configured(tmp_path, leading("unknown_response"))).say("go", "go")
    assert outcome.error == "unknown_response: UnknownResponse"
    assert outcome.memory == {"reference": "k3"}


@pytest.mark.parametrize(
    ("hoarded", "kept", "error"),
    [
        ("20 500", 21, None),
        # Too many slots, and too much in few: what was remembered before stands.
        ("400 1", 2, "hoard: TooMuchToRemember"),
        ("60 1000", 2, "hoard: TooMuchToRemember"),
        # An answer so large is none.
        ("20000 100", 2, "hoard: ActionError"),
    ],
)
def test_no_action_makes_the_bot_remember_without_end(
    hoarded: str, kept: int, error: str | None, tmp_path: Path
) -> None:
    talk = Talk(configured(tmp_path, leading("hoard")))
    assert talk.say("1 1", "go").error is None
    for _ in range(3):
        outcome = talk.say(hoarded, "go")
    assert outcome.error == error
    assert outcome.memory["reference"] == "k3"
    assert kept <= len(outcome.memory) <= 200
    assert (len(outcome.memory) == kept) is (error is not None)


def test_after_a_failure_yes_tries_again_under_the_same_key(tmp_path: Path) -> None:
    talk = Talk(configured(tmp_path, {"forms": {"book_table": {"action": "fail"}}}))
    talk.say("a table", state=WHOLE)
    failed = talk.say("yes")
    assert failed.error == "fail: ValueError"
    talk.bot = Talk(configured(tmp_path)).bot
    assert talk.say("yes").messages == ("Booked: K3.",)
    assert calls(talk)[0][0] == "d1:m0"


def test_a_message_sent_again_runs_its_action_under_the_same_key(tmp_path: Path) -> None:
    talk = Talk(configured(tmp_path))
    past = talk.say("a table", state=WHOLE)
    once = talk.say("yes")
    assert talk.heard is not None
    assert talk.bot.turn(talk.heard, past) == once
    assert [key for key, *_ in calls(talk)] == ["d1:m0", "d1:m0"]


def test_restarting_forgets_everything(tmp_path: Path) -> None:
    talk = Talk(configured(tmp_path, leading("forget")))
    for text in ("book", "yes"):
        talk.say(text, state=WHOLE)
    assert talk.outcomes[-1].memory
    assert talk.say("again", "go").memory == {}


def test_a_phrase_leads_to_an_action_with_its_groups_and_leaves_the_form(tmp_path: Path) -> None:
    phrase = r"cancel (?:booking )?(?P<reference>\w+)"
    talk = Talk(configured(tmp_path, {"actions": {"phrases": {phrase: "echo"}}}))
    talk.say("a table", state=WHOLE)
    outcome = talk.say("please CANCEL booking k3x", "find", confidence=0.01)
    assert outcome.messages == ("['k3x']",)
    assert outcome.form is None


def test_an_intent_may_lead_to_a_response_or_to_a_person(tmp_path: Path) -> None:
    to_response = Talk(configured(tmp_path, leading("utter_day")))
    assert to_response.say("go", "go").messages == ("Which day?",)
    to_person = Talk(configured(tmp_path, leading("action_hand_off")))
    assert to_person.say("go", "go").handed_off


def test_the_responses_that_every_bot_has_can_be_led_to(tmp_path: Path) -> None:
    to_response = Talk(configured(tmp_path, leading("utter_fallback")))
    assert to_response.say("go", "go").messages == (
        "I am sorry, I did not understand. Could you say it differently?",
    )
    phrase = {"actions": {"phrases": {"help": "utter_hand_off"}}}
    assert Talk(configured(tmp_path, phrase)).say("help me").error is None


def test_an_outcome_reads_back_as_it_was_stored(tmp_path: Path) -> None:
    talk = Talk(configured(tmp_path))
    for outcome in (talk.say("a table", state=WHOLE), talk.say("yes"), talk.say("hi", "find")):
        assert Outcome.read(json.loads(json.dumps(outcome.as_json()))) == outcome


def test_after_an_actions_booking_the_reference_is_the_actions(tmp_path: Path) -> None:
    talk = Talk(configured(tmp_path))
    none = talk.say("what is my reference?", "find", response={"text": "It is XZLHE344."})
    assert none.messages == ("Nothing is booked yet.",)
    talk.say("a table", state=WHOLE)
    assert talk.say("yes").messages == ("Booked: K3.",)
    for intent in ("find", "book_table", "general"):
        asked = talk.say(
            "what was my reference number?", intent, response={"text": "It is XZLHE344."}
        )
        assert asked.messages == ("Your reference is K3.",)
        assert asked.form is None
    assert len(calls(talk)) == 1


@pytest.mark.parametrize(
    "user",
    ["book a table", "can you reserve it please?", "I want to make a reservation", "ok, book it"],
)
def test_a_form_begins_on_every_way_of_asking_for_it(tmp_path: Path, user: str) -> None:
    said = Talk(configured(tmp_path)).say(user, "find")
    assert said.form is not None
    assert said.messages == ("Which day?",)


@pytest.mark.parametrize("user", ["i like this book", "what is the booking number?", "a menu"])
def test_no_form_begins_without_being_asked_for(tmp_path: Path, user: str) -> None:
    assert Talk(configured(tmp_path)).say(user, "find").form is None


def test_what_lies_outside_is_answered_and_the_form_goes_on(tmp_path: Path) -> None:
    talk = Talk(configured(tmp_path))
    can = "I can help you with restaurants."
    alone = talk.say("will it rain?", "out_of_scope", confidence=0.2, response={"text": can})
    assert (alone.messages, alone.fallback) == ((can,), False)
    talk.say("a table")
    beside = talk.say("will it rain?", "out_of_scope", response={"text": can})
    assert beside.messages == (can, "Which day?")
    assert beside.form is not None
    assert talk.say("friday", "find", state=FRIDAY).messages == ("How many?",)
