"""What was not understood is asked about before the bot gives up, as in Rasa."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.bot_talk import Talk, configured
from todserve.bot.conversion.rasa_conversion import ConversionReport, convert_rasa
from todserve.bot.trials.story_report import held_against

TWO_STAGE: dict[str, Any] = {
    "responses": {"utter_hello": ["Hello!"], "utter_gone": ["Starting over."]},
    "fallback": {"intent": 0.5, "two_stage": {"names": {"say_hi": "greet me"}}},
    "actions": {"intents": {"say_hi": "utter_hello", "out_of_scope": "utter_gone"}},
}
SORRY = "I am sorry, I did not understand. Could you say it differently?"
OTHERWISE = "I am sorry. Could you say it in other words?"


@pytest.fixture
def talk(tmp_path: Path) -> Talk:
    return Talk(configured(tmp_path, TWO_STAGE))


def doubtful(talk: Talk, said: str = "mumble") -> tuple[str, ...]:
    return talk.say(said, "say_hi", confidence=0.2).messages


def test_the_likeliest_intent_is_asked_about_with_buttons(talk: Talk) -> None:
    assert doubtful(talk) == ("Did you mean: greet me?",)
    (shown,) = talk.outcomes[-1].shown
    assert shown["buttons"] == [
        {"title": "Yes", "payload": "/say_hi"},
        {"title": "No", "payload": "/out_of_scope"},
    ]
    assert talk.outcomes[-1].said == ("action_two_stage_fallback",)
    assert talk.outcomes[-1].fallback


@pytest.mark.parametrize(("said", "intent"), [("yes", "affirm"), ("/say_hi", "say_hi")])
def test_yes_means_what_was_asked_about(talk: Talk, said: str, intent: str) -> None:
    doubtful(talk)
    assert talk.say(said, intent).messages == ("Hello!",)
    assert talk.outcomes[-1].stage is None


@pytest.mark.parametrize(("said", "intent"), [("no", "deny"), ("/out_of_scope", "out_of_scope")])
def test_after_no_it_is_to_be_said_differently_and_is_asked_about_once_more(
    talk: Talk, said: str, intent: str
) -> None:
    doubtful(talk)
    assert talk.say(said, intent).messages == (OTHERWISE,)
    assert doubtful(talk) == ("Did you mean: greet me?",)
    assert talk.say(said, intent).messages == (SORRY,)
    assert talk.outcomes[-1].stage is None


def test_said_differently_and_understood_it_goes_on(talk: Talk) -> None:
    doubtful(talk)
    talk.say("no", "deny")
    assert talk.say("hello there", "say_hi").messages == ("Hello!",)


def test_two_in_a_row_that_are_not_understood_are_given_up(talk: Talk) -> None:
    doubtful(talk)
    assert doubtful(talk) == (SORRY,)
    assert doubtful(talk) == ("Did you mean: greet me?",)


def test_no_without_a_question_is_no_answer_to_one(talk: Talk) -> None:
    assert talk.say("no", "deny").messages == ("as the model says",)


def test_inside_a_form_the_form_asks_again(talk: Talk) -> None:
    talk.say("book a table", "book_table")
    assert doubtful(talk) == (SORRY,)
    assert talk.outcomes[-1].stage is None


RASA: dict[str, Any] = {
    "intents": ["greet", "nlu_fallback"],
    "responses": {
        "utter_greet": [{"text": "Hi."}],
        "utter_default": [{"text": "Sorry."}],
        "utter_again": [{"text": "From the start."}],
    },
    "nlu": [{"intent": "greet", "examples": "- hi\n"}],
    "pipeline": [{"name": "FallbackClassifier", "threshold": 0.6}],
}
RULES = [
    {
        "rule": "ask",
        "steps": [
            {"intent": "nlu_fallback"},
            {"action": "action_two_stage_fallback"},
            {"active_loop": "action_two_stage_fallback"},
        ],
    },
    {
        "rule": "give up",
        "condition": [{"active_loop": "action_two_stage_fallback"}],
        "steps": [
            {"action": "action_two_stage_fallback"},
            {"active_loop": None},
            {"action": "utter_again"},
        ],
    },
]
TESTED = {
    "stories": [
        {
            "story": "twice",
            "steps": [
                {"user": "mumble", "intent": "nlu_fallback"},
                {"action": "action_two_stage_fallback"},
                {"active_loop": "action_two_stage_fallback"},
                {"user": "mumble", "intent": "nlu_fallback"},
                {"action": "action_two_stage_fallback"},
                {"active_loop": None},
                {"action": "utter_again"},
            ],
        }
    ]
}


def moved(folder: Path, **more: Any) -> ConversionReport:
    (folder / "bot").mkdir()
    (folder / "bot" / "all.yml").write_text(yaml.safe_dump(RASA | more, sort_keys=False), "utf-8")
    (folder / "bot" / "test_stories.yml").write_text(yaml.safe_dump(TESTED), "utf-8")
    return convert_rasa(folder / "bot", folder / "out")


def test_rules_of_a_project_become_the_two_stages_and_hold_its_test_stories(tmp_path: Path) -> None:
    report = moved(tmp_path, rules=RULES)
    fallback = report.bot.fallback
    assert fallback.intent == 0.6
    assert fallback.response == "utter_default"
    assert fallback.two_stage is not None
    assert fallback.two_stage.give_up == "utter_again"
    assert "action_two_stage_fallback" not in "\n".join(report.lines())
    assert held_against(report.out / "bot.yml", tmp_path / "bot", None).holds
    talk = Talk(report.bot)
    assert talk.say("hm", "greet", confidence=0.3).messages == ("Did you mean: greet?",)
    assert talk.say("hm", "greet", confidence=0.3).messages == ("Sorry.", "From the start.")


def test_the_policy_of_rasa_one_says_the_same(tmp_path: Path) -> None:
    policy = {
        "name": "rasa.core.policies.two_stage_fallback.TwoStageFallbackPolicy",
        "nlu_threshold": 0.4,
        "core_threshold": 0.3,
        "fallback_nlu_action_name": "utter_again",
        "deny_suggestion_intent_name": "deny_it",
    }
    report = moved(tmp_path, policies=[policy], pipeline=[])
    fallback = report.bot.fallback
    assert fallback.intent == 0.4
    assert fallback.two_stage is not None
    assert (fallback.two_stage.denied, fallback.two_stage.give_up) == ("deny_it", "utter_again")
    told = "\n".join(report.lines())
    assert "TwoStageFallbackPolicy: core_threshold" in told
    assert "policy: " not in told
