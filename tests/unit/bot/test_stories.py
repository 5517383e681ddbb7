"""Stories told to a bot: what holds, what differs first, and what a script is told."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from todserve.bot.trials.story_report import StoryReport, held_against
from todserve.cli import main
from todserve.runtime.errors import CorpusError

BOT: dict[str, Any] = {
    "responses": {
        name: [text]
        for name, text in {
            "utter_hello": "Hello.",
            "utter_hours": "Nine to five.",
            "utter_day": "On which day?",
            "utter_parking": "Behind the house.",
            "utter_fallback": "Pardon?",
        }.items()
    },
    "forms": {
        "book": {
            "name": "day_form",
            "domain": "rasa",
            "required": {"day": "utter_day"},
            "action": ["action_book", "utter_hello"],
            "stays": True,
        }
    },
    "slots": {"day": {"entities": [{"entity": "date"}]}},
    "rules": [{"after": "action_check", "slots": {"free": "true"}, "do": "utter_hours"}],
    "fallback": {"intent": 0.4},
    "actions": {
        "intents": {
            "greet": "utter_hello",
            "hours": "utter_hours",
            "faq_parking": "utter_parking",
            "check": "action_check",
        },
        "endpoint": "http://127.0.0.1:9/webhook",
    },
}
HOLDS = """
stories:
- story: books a day
  steps:
  - user: hello there
    intent: greet
  - action: utter_hello
  - intent: book
  - action: day_form
  - active_loop: day_form
  - user: when do you open
    intent: hours
  - action: utter_hours
  - action: day_form
  - user: "[friday](date)"
    intent: inform
  - action: day_form
  - active_loop: null
  - action: action_book
  - action: utter_hello
- story: fills in what it does not tell
  steps:
  - intent: book
  - action: day_form
  - active_loop: day_form
  - slot_was_set:
    - day: monday
  - active_loop: null
  - action: action_book
  - action: utter_hello
- story: sets what an action would set
  steps:
  - intent: check
  - action: action_check
  - slot_was_set:
    - free: true
  - action: utter_hours
- story: names a group of intents
  steps:
  - intent: faq
  - action: utter_faq
- story: is not understood
  steps:
  - intent: nlu_fallback
  - action: utter_fallback
- story: payload
  steps:
  - user: '/book{"date": "sunday"}'
    intent: book
  - action: action_book
  - action: utter_hello
"""
DIFFERS = """
stories:
- story: differs twice
  steps:
  - user: hello there
    intent: greet
  - action: utter_hours
  - intent: book
  - action: utter_hello
  - user: when do you open
    intent: hours
  - action: utter_hours
"""


def held(
    folder: Path, stories: str, bot: dict[str, Any] = BOT, name: str = "test_a"
) -> StoryReport:
    (folder / "bot.yml").write_text(yaml.safe_dump(bot), "utf-8")
    (folder / f"{name}.yml").write_text(stories, "utf-8")
    return held_against(folder / "bot.yml", folder, None)


def test_stories_hold_with_forms_effects_of_actions_groups_and_payloads(tmp_path: Path) -> None:
    bot = BOT | {"responses": BOT["responses"] | {"utter_faq_parking": ["Behind it."]}}
    intents = BOT["actions"]["intents"] | {"faq_parking": "utter_faq_parking"}
    bot["actions"] = BOT["actions"] | {"intents": intents}
    report = held(tmp_path, HOLDS, bot)
    assert [list(report.lines())[:-1], report.holds] == [[], True]
    assert list(report.lines()) == [
        "6 stories: 6 hold, 0 differ; 9 turns: 9 as told (100.0 %); understood as the stories "
        "say, no model was asked"
    ]


def test_the_first_difference_of_each_story_is_named_and_the_rest_is_judged_by_itself(
    tmp_path: Path,
) -> None:
    report = held(tmp_path, DIFFERS)
    file = tmp_path / "test_a.yml"
    assert list(report.lines())[0] == (
        f"{file}:5 differs twice: turn 1: expected utter_hours, got utter_hello"
    )
    figures = report.figures()
    assert (figures["turns"], figures["turns_hold"], figures["stories_hold"]) == (3, 1, 0)
    (difference,) = figures["differences"]
    assert difference["actions"] == {"expected": ["utter_hours"], "got": ["utter_hello"]}


def test_a_form_that_is_under_way_when_it_should_not_be_is_a_difference(tmp_path: Path) -> None:
    story = """
stories:
- story: ends too late
  steps:
  - intent: book
  - action: day_form
  - active_loop: day_form
  - user: well
    intent: inform
  - action: day_form
  - active_loop: other_form
"""
    lines = list(held(tmp_path, story).lines())
    assert lines[0].endswith("expected other_form to be under way, got day_form")


def test_the_command_line_has_an_exit_status_and_figures_for_scripts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    held(tmp_path, DIFFERS)
    words = ["bot", "test", str(tmp_path / "bot.yml"), str(tmp_path / "test_a.yml")]
    assert main.main(words) == 1
    assert "1 stories: 0 hold, 1 differs" in capsys.readouterr().out
    assert main.main([*words, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["stories"] == 1
    (tmp_path / "test_a.yml").write_text("stories: []\n")
    assert main.main(words) == 1
    assert "got no story" in capsys.readouterr().err
    with pytest.raises(CorpusError):
        held_against(tmp_path / "bot.yml", tmp_path / "test_a.yml", None)
