"""The trial of forms: one that cannot end is named, with what would help it."""

from typing import Any

import pytest

from tests.support.bot_talk import BOT, merged
from tests.support.clinic_bot import CLINIC
from todserve.bot.bot_config import BotConfig
from todserve.bot.trials.form_trial import FormTrial


def faults(*parts: dict[str, Any]) -> list[tuple[str | None, str, bool]]:
    """Return slot, reason and certainty of what is wrong with the clinic's form."""
    found = FormTrial(BotConfig.model_validate(merged(CLINIC, *parts))).faults()
    assert all(one.form == "appointment" for one in found)
    return [(one.slot, one.why, one.certain) for one in found]


def test_a_form_that_can_be_answered_ends() -> None:
    assert faults() == []


def test_a_form_that_the_model_fills_ends() -> None:
    assert FormTrial(BotConfig.model_validate(merged(BOT))).faults() == []


@pytest.mark.parametrize(
    ("slot", "part", "told"),
    [
        ("day", {"fill": []}, "neither the model nor a rule fills it"),
        ("day", {"fill": [{"form": "appointment", "pattern": "x"}]}, "does not take 'monday'"),
        ("day", {"check": {"pattern": "[0-9]+"}}, "does not take 'monday', 'tuesday', 'friday'"),
        ("people", {"examples": [], "check": None}, "nobody knows what could be said"),
        ("people", {"examples": ["two of us"], "check": None}, "does not take 'two of us'"),
        ("people", {"check": {"least": 5}, "examples": ["for 4"]}, ""),
    ],
)
def test_a_form_that_cannot_end_is_named_with_what_it_asks_for(
    slot: str, part: dict[str, Any], told: str
) -> None:
    found = faults({"slots": {slot: part}})
    if not told:
        assert found == []  # the least number that is allowed is an answer, too
        return
    assert [(place, certain) for place, _, certain in found] == [(slot, True)]
    assert told in found[0][1]


def test_a_form_that_nothing_begins_is_named() -> None:
    known = {**CLINIC["intents"]}
    del known["appointment"]
    named = FormTrial(BotConfig.model_validate({**CLINIC, "intents": known})).faults()
    assert [(one.slot, "nothing begins it" in one.why) for one in named] == [(None, True)]


def test_an_answer_that_something_else_takes_is_named() -> None:
    found = faults({"actions": {"phrases": {"friday|monday": "utter_welcome"}}})
    assert [(slot, "'monday' leaves it" in why) for slot, why, _ in found] == [(None, True)]


def test_what_an_action_may_set_is_doubtful_and_not_certain() -> None:
    part = {
        "slots": {"day": {"fill": []}},
        "actions": {"module": "a.py", "intents": {"go": "look"}},
    }
    assert [certain for *_, certain in faults(part)] == [False]


def test_no_action_runs_and_nobody_is_called() -> None:
    # Both would fail: nobody listens there.
    part = {
        "forms": {"appointment": {"action": "book"}},
        "actions": {"http": {"book": {"url": "http://127.0.0.1:9/"}}},
        "hand_off": {"webhook": "http://127.0.0.1:9/"},
    }
    assert faults(part) == []
