"""Forms that check what is said and take corrections, without a model."""

from typing import Any

import pytest

from tests.support.clinic_bot import ClinicTalk
from todserve.bot.bot_config import BotConfig
from todserve.bot.forms.value_check import Check
from todserve.runtime.errors import ConfigError


def test_a_form_is_filled_in_by_words_alone_and_runs_once_agreed_to() -> None:
    talk = ClinicTalk()
    assert talk.say("an appointment on friday please").messages == ("Your name?",)
    assert talk.say("anna").messages == ("How many?",)
    assert talk.say("for 4").messages == ("Anna, Friday, 4: right?",)
    done = talk.say("yes")
    assert done.messages == ("Done.",)
    assert done.form is None


@pytest.mark.parametrize("said", ["14", "0", "we are 1000"])
def test_a_value_out_of_its_range_is_refused_with_its_own_words_and_asked_again(said: str) -> None:
    talk = ClinicTalk()
    refused = talk.say("appointment on friday", "anna", said)
    number = said.split()[-1]
    assert refused.messages == (f"1 to 12, not {number}.", "How many?")
    assert talk.values() == {"name": "anna", "day": "friday"}
    assert talk.say("4").messages == ("Anna, Friday, 4: right?",)


def test_a_value_that_is_not_listed_is_refused() -> None:
    talk = ClinicTalk()
    assert talk.say("appointment", "anna", "sunday").messages == (
        "I cannot take that.",
        "Which day?",
    )


def test_refusing_the_same_again_and_again_calls_a_person() -> None:
    assert ClinicTalk().say("appointment", "anna", "sunday", "never", "sunday").handed_off


@pytest.mark.parametrize(
    ("said", "values"),
    [
        ("no, tuesday", {"day": "tuesday"}),
        ("no wait, tuesday", {"day": "tuesday"}),
        ("not friday, tuesday", {"day": "tuesday"}),
        ("i mean tuesday", {"day": "tuesday"}),
        ("tuesday, not friday", {"day": "tuesday"}),
        ("monday, no, tuesday", {"day": "tuesday"}),
        ("my name is berta", {"name": "berta"}),
        ("the name is berta", {"name": "berta"}),
        ("no, 6", {"people": "6"}),
        ("no, not 4 but 6", {"people": "6"}),
        ("the number of people is 6", {"people": "6"}),
        ("actually, 6", {"people": "6"}),
    ],
)
def test_a_correction_changes_what_it_is_about_and_is_asked_to_be_agreed_to(
    said: str, values: dict[str, str]
) -> None:
    talk = ClinicTalk()
    talk.say("appointment on friday", "anna", "4")
    asked = talk.say(said)
    known = {"name": "anna", "day": "friday", "people": "4"}
    assert talk.values() == {**known, **values}
    assert asked.messages[-1].endswith("right?")


@pytest.mark.parametrize(
    ("said", "question"),
    [
        ("change the day", "Which day?"),
        ("the name is wrong", "Your name?"),
        ("no, the number of people is wrong", "How many?"),
    ],
)
def test_what_is_called_wrong_is_asked_again(said: str, question: str) -> None:
    talk = ClinicTalk()
    talk.say("appointment on friday", "anna", "4")
    asked = talk.say(said)
    assert asked.messages == (question,)
    assert asked.form is not None
    assert len(asked.form.values) == 2


@pytest.mark.parametrize("said", ["no idea", "no", "nope, never mind"])
def test_a_no_without_a_value_is_no_correction(said: str) -> None:
    talk = ClinicTalk()
    talk.say("appointment on friday", "anna", "4")
    assert talk.say(said).messages == ("All right, I have not done it.",)


def test_a_correction_of_the_last_answer_is_taken_while_the_next_is_asked_for() -> None:
    talk = ClinicTalk()
    assert talk.say("appointment on friday", "hanna", "no, anna").messages == ("How many?",)
    assert talk.values() == {"name": "anna", "day": "friday"}


@pytest.mark.parametrize("said", ["no, tuesday", "i mean tuesday", "no wait, tuesday"])
def test_a_correction_is_none_of_the_answers_that_the_question_takes(said: str) -> None:
    asked: dict[str, Any] = {"people": {"fill": [{"asked": True}]}}
    talk = ClinicTalk({"slots": asked})
    talk.say("appointment on friday", "anna")
    assert talk.say(said).messages == ("How many?",)
    assert talk.values() == {"name": "anna", "day": "tuesday"}


def test_words_that_answer_the_question_correct_nothing() -> None:
    asked: dict[str, Any] = {"people": {"fill": [{"asked": True}], "check": None}}
    talk = ClinicTalk({"slots": asked})
    talk.say("appointment on friday", "anna")
    told = "no, tuesday is for the other four"
    assert talk.say(told).messages == (f"Anna, Friday, {told}: right?",)


def test_a_correction_that_its_check_refuses_is_asked_again() -> None:
    talk = ClinicTalk()
    talk.say("appointment on friday", "anna", "4")
    assert talk.say("the number of people is 99").messages == ("1 to 12, not 99.", "How many?")
    assert talk.values() == {"name": "anna", "day": "friday"}


def test_a_form_that_takes_no_corrections_takes_none() -> None:
    talk = ClinicTalk({"forms": {"appointment": {"corrects": False}}})
    talk.say("appointment on friday", "anna", "4")
    assert talk.say("no, 6").messages == ("All right, I have not done it.",)


@pytest.mark.parametrize("end", ["yes", "no"])
def test_a_form_that_forgets_asks_for_everything_the_next_time(end: str) -> None:
    said = ("appointment on friday", "anna", "4", end, "appointment")
    forgetful = ClinicTalk({"forms": {"appointment": {"forgets": True}}})
    assert forgetful.say(*said).messages == ("Your name?",)
    assert forgetful.values() == {}
    assert ClinicTalk().say(*said).messages == ("Anna, Friday, 4: right?",)


def test_small_talk_is_answered_and_the_form_goes_on() -> None:
    talk = ClinicTalk()
    talk.say("appointment on friday")
    chatted = talk.say("thank you!")
    assert chatted.messages == ("You are welcome.", "Your name?")
    assert talk.values() == {"day": "friday"}
    assert ClinicTalk().say("thanks").messages == ("You are welcome.",)


def test_what_bot_yml_knows_a_message_for_goes_before_what_a_model_is_sure_of() -> None:
    assert ClinicTalk({"model": True}).guess("thanks", "find_hotel").messages == (
        "You are welcome.",
    )


def test_what_no_word_is_known_of_is_not_understood_and_asked_again() -> None:
    talk = ClinicTalk()
    asked = talk.say("appointment on friday", "anna", "blah")
    assert asked.fallback
    assert asked.messages[-1] == "How many?"
    assert ClinicTalk().say("blah").fallback


def test_a_button_says_a_value_outright_and_a_later_one_corrects_it() -> None:
    talk = ClinicTalk()
    talk.say("appointment", "anna")
    assert talk.press(day=["monday"]).messages == ("How many?",)
    talk.press(day=["tuesday"])
    assert talk.values()["day"] == "tuesday"


def test_a_language_is_known_by_its_letters_and_kept() -> None:
    talk = ClinicTalk()
    assert talk.say("예약해 주세요").messages == ("성함은요?",)
    # There is no other wording of this one.
    assert talk.say("안나").messages == ("Which day?",)
    assert talk.say("sunday").messages[0] == "그 값은 받을 수 없습니다."
    assert talk.say("금요일 말고 friday").messages == ("How many?",)


def test_a_language_may_be_set_by_the_client_or_a_slot() -> None:
    talk = ClinicTalk({"slots": {"language": {"understood": False, "initial": "ko"}}})
    assert talk.say("appointment").messages == ("성함은요?",)


@pytest.mark.parametrize(
    ("check", "value", "allowed"),
    [
        ({"pattern": "[a-z]{2}\\d{4}"}, "AB1234", True),
        ({"pattern": "[a-z]{2}\\d{4}"}, "ab12345", False),
        ({"pattern": "a|b"}, "cb", False),
        ({"listed": True}, "Monday", True),
        ({"listed": True}, "mondayish", False),
        ({"least": 1, "most": 3}, "3", True),
        ({"least": 1, "most": 3}, "3.5", False),
        ({"least": 1}, "many", False),
        ({"least": 1}, "nan", False),
        ({}, "anything", True),
    ],
)
def test_a_check_says_what_it_allows(
    check: dict[str, object], value: str, *, allowed: bool
) -> None:
    assert Check.model_validate(check).allows(value, ("monday",)) is allowed


@pytest.mark.parametrize(
    ("slot", "told"),
    [
        ({"check": {"least": 3, "most": 1}}, "least 3 and most 1"),
        ({"check": {"pattern": "(?=a)"}}, "check.pattern: got"),
        ({"check": {"listed": True}}, "listed without values"),
        ({"check": {"refused": "utter_nowhere"}}, "check.refused: got 'utter_nowhere'"),
        ({"fill": [{"pattern": "("}]}, "fill.pattern: got"),
        ({"fill": [{"pattern": "a", "value": "b"}]}, "several of value, pattern and listed"),
        ({"check": {"action": "check_day"}}, "neither module nor endpoint"),
    ],
)
def test_a_check_that_cannot_be_meant_is_refused(slot: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError, match=told.replace("(", "\\(")):
        BotConfig.model_validate({"slots": {"day": slot}})
