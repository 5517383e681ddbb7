"""Corners of Rasa's formats that few projects use, each carried over or named in the report.

Beside `test_rasa_habits`: checkpoints of several stories and under slots, stories in Markdown with
a fault, rules of the start, domains in several files that disagree.
"""

from pathlib import Path

import pytest

from tests.unit.bot.test_rasa_habits import converted, said, told
from todserve.bot.bot_config import BotConfig
from todserve.bot.rasa.intent_payload import IntentPayload
from todserve.corpora.corpus_faults import Fault
from todserve.corpora.files.located_files import read_located
from todserve.runtime.errors import ConfigError

DOMAIN = """
intents: [greet, affirm, inform]
entities: [number]
slots:
  member: {type: bool, mappings: [{type: custom}]}
responses:
  utter_greet: [{text: Hello}]
  utter_bye: [{text: Bye}]
  utter_more: [{text: More}]
actions: [action_member]
"""
NO_RULES = {"data/r.yml": "rules: []\n"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "data/s.yml",
            "stories:\n"
            "- {story: one, steps: [{intent: greet}, {action: action_member}, {checkpoint: c}]}\n"
            "- {story: yes, steps: [{checkpoint: c, slot_was_set: [{member: true}]}, "
            "{intent: inform}, {action: utter_more}]}\n"
            "- {story: no, steps: [{checkpoint: c, slot_was_set: [{member: false}]}, "
            "{intent: inform}, {action: utter_bye}]}\n",
        ),
        (
            "data/s.md",
            "## one\n* greet\n  - action_member\n> c\n\n"
            '## yes\n> c{"member": true}\n* inform\n  - utter_more\n\n'
            '## no\n> c{"member": false}\n* inform\n  - utter_bye\n',
        ),
    ],
)
def test_a_checkpoint_under_a_slot_leads_on_where_the_slot_has_its_value(
    tmp_path: Path, name: str, text: str
) -> None:
    rules = converted(tmp_path, **{"domain.yml": DOMAIN, name: text}, **NO_RULES).bot.rules
    found = {dict(one.slots)["member"]: one.do for one in rules if one.intent == "inform"}
    assert found == {"true": "utter_more", "false": "utter_bye"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "data/s.yml",
            "stories:\n"
            "- {story: one, steps: [{intent: greet}, {action: utter_more}, {checkpoint: a}, "
            "{checkpoint: b}]}\n"
            "- {story: two, steps: [{checkpoint: a}, {intent: affirm}, {action: utter_bye}]}\n",
        ),
        (
            "data/s.md",
            "## one\n* greet\n  - utter_more\n> a\n> b\n\n## two\n> a\n* affirm\n  - utter_bye\n",
        ),
    ],
)
def test_a_story_leads_to_each_of_its_checkpoints(tmp_path: Path, name: str, text: str) -> None:
    report = converted(tmp_path, **{"domain.yml": DOMAIN, name: text}, **NO_RULES)
    assert ("utter_more", "utter_bye") in [(one.after, one.do) for one in report.bot.rules]
    assert "checkpoint" not in told(report)


@pytest.mark.parametrize("fault", ["utter_more", '* inform{"number": }'])
def test_a_markdown_story_with_a_fault_is_left_out_whole_and_its_neighbours_stay(
    tmp_path: Path, fault: str
) -> None:
    stories = f"## good\n* greet\n  - utter_greet\n\n## bad\n* inform\n{fault}\n  - utter_bye\n"
    report = converted(tmp_path, **{"domain.yml": DOMAIN, "data/s.md": stories}, **NO_RULES)
    assert "story: with a fault in it, bad" in told(report)
    assert set(report.bot.actions.intents) == {"greet"}


def test_later_turns_of_a_rule_of_the_start_hold_after_its_first(tmp_path: Path) -> None:
    rules = (
        "rules:\n- rule: r\n  conversation_start: true\n  steps:\n  - intent: greet\n"
        "  - action: utter_more\n  - intent: affirm\n  - action: utter_bye\n"
    )
    report = converted(tmp_path, **{"domain.yml": DOMAIN, "data/r.yml": rules})
    found = {one.intent: (one.start, one.after) for one in report.bot.rules}
    assert found == {"greet": (True, None), "affirm": (False, "utter_more")}
    assert "rule: of the start, its later turns hold at any time" in told(report)


def test_what_two_domain_files_say_differently_is_named_and_what_they_share_is_not(
    tmp_path: Path,
) -> None:
    more = (
        "slots:\n  member: {type: text, mappings: [{type: custom}]}\n"
        "responses:\n  utter_bye: [{text: So long}]\n  utter_more: [{text: More}]\n"
    )
    report = converted(tmp_path, **{"domain.yml": DOMAIN, "data/more.yml": more})
    twice = "said otherwise in an earlier file"
    lines = told(report)
    assert f"slot: {twice}" in lines
    assert f"response: {twice}" in lines
    assert "utter_bye" in lines
    assert "utter_more" not in lines


def test_a_mapping_may_list_its_entities(tmp_path: Path) -> None:
    domain = DOMAIN.replace(
        "slots:",
        "slots:\n  n: {type: text, mappings: [{type: from_entity, entity: [number, age]}]}",
    )
    report = converted(tmp_path, **{"domain.yml": domain})
    assert [one.entity for one in report.bot.slots["n"].entities] == ["number", "age"]


def test_a_variation_that_shows_nothing_is_left_out_and_named(tmp_path: Path) -> None:
    domain = DOMAIN.replace("[{text: Bye}]", "[{text: Bye}, {txt: Bye}, {text: null}]")
    report = converted(tmp_path, **{"domain.yml": domain})
    assert len(report.bot.responses["utter_bye"]) == 1
    assert "response: variation that says nothing" in told(report)
    with pytest.raises(ConfigError, match="says nothing"):
        BotConfig.model_validate({"responses": {"utter_a": [{"channel": "slack"}]}})


def test_a_payload_with_doubled_braces_is_the_intent_that_rasa_reads(tmp_path: Path) -> None:
    button = """buttons: [{title: "4", payload: '/inform{{"number": "4"}}'}]"""
    domain = DOMAIN.replace("[{text: Bye}]", f"[{{text: Bye, {button}}}]")
    report = converted(tmp_path, **{"domain.yml": domain})
    payload = report.bot.responses["utter_bye"][0].buttons[0]["payload"]
    assert payload == '/inform{"number": "4"}'
    found = IntentPayload.of(payload)
    assert found is not None
    assert found.intent == "inform"


def test_every_note_of_an_entity_has_its_file_and_line(tmp_path: Path) -> None:
    stories = "stories:\n- {story: s, steps: [{intent: inform}, {action: utter_more}]}\n"
    domain = DOMAIN.replace("entities: [number]\n", "")
    report = converted(tmp_path, **{"domain.yml": domain, "data/s.yml": stories})
    assert said(report)
    assert "entity: fills no slot, number" in told(report)
    assert " :0" not in told(report)


def test_a_file_in_another_encoding_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "nlu.yml"
    path.write_bytes("nlu:\n- intent: caf\xe9\n".encode("latin-1"))
    faults: list[Fault] = []
    assert read_located(path, faults) is None
    assert [(one.line, one.got) for one in faults] == [(2, "no UTF-8 (byte 18)")]


def test_an_intent_of_rasa_one_triggers_its_action(tmp_path: Path) -> None:
    intents = "intents: [{greet: {triggers: utter_more}}, affirm, {inform: {triggers: action_no}}]"
    domain = DOMAIN.replace("intents: [greet, affirm, inform]", intents)
    report = converted(tmp_path, **{"domain.yml": domain}, **NO_RULES)
    assert dict(report.bot.actions.intents) == {"greet": "utter_more"}
    assert "intents: triggers an action that is nowhere listed" in told(report)


def test_a_form_is_left_by_rasa_ones_name_for_it_too(tmp_path: Path) -> None:
    domain = DOMAIN + "forms: {seats: {required_slots: [number]}}\n"
    stories = (
        '## stop\n* greet\n  - seats\n  - form{"name": "seats"}\n* affirm\n'
        '  - utter_bye\n  - action_deactivate_form\n  - form{"name": null}\n'
    )
    report = converted(tmp_path, **{"domain.yml": domain, "data/s.md": stories}, **NO_RULES)
    (rule,) = [one for one in report.bot.rules if one.intent == "affirm"]
    assert (rule.form, rule.leave) == ("seats", True)
    assert "action_deactivate_form" not in told(report)


def test_regular_expressions_of_the_old_json_have_their_line(tmp_path: Path) -> None:
    old = (
        '{"rasa_nlu_data": {"common_examples": [{"text": "hey", "intent": "greet"}],\n'
        '"regex_features": [{"name": "zip", "pattern": "[0-9]{5}"}]}}'
    )
    report = converted(tmp_path, **{"data/old.json": old})
    assert "old.json:2" in told(report)
