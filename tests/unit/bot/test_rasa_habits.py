"""Habits of people who write Rasa projects by hand: each is carried over, or named in the report.

Beside the findings of `test_rasa_findings`, whose kinds these are: other keys, other places, other
encodings.
"""

from pathlib import Path

import pytest

from tests.support.bot_talk import Talk
from todserve.bot.conversion.rasa_conversion import ConversionReport, convert_rasa
from todserve.bot.rasa.intent_payload import IntentPayload
from todserve.bot.trials.story_files import read_bot_stories
from todserve.corpora.files.dialogue_layouts import open_dialogues
from todserve.corpora.layout_conversion import run_convert
from todserve.corpora.readers.label_names import label

DOMAIN = """
intents: [greet, affirm, inform]
entities: [number]
slots:
  seats: {type: float, mappings: [{type: from_entity, entity: number}]}
responses:
  utter_greet: [{text: Hello}]
  utter_bye: [{text: Bye}]
  utter_ask_seats: [{text: "How many?"}]
"""
NLU = """
nlu:
- {intent: greet, examples: "- hi\\n- hey\\n"}
- {intent: affirm, examples: "- sure\\n- right\\n"}
- {intent: inform, examples: "- [3](number)\\n- [4](number) of us\\n"}
"""
RULES = "rules:\n- {rule: hi, steps: [{intent: greet}, {action: utter_greet}]}\n"


def converted(folder: Path, **files: str | bytes) -> ConversionReport:
    whole: dict[str, str | bytes] = {"domain.yml": DOMAIN, "data/nlu.yml": NLU, "data/r.yml": RULES}
    for name, text in {**whole, **files}.items():
        path = folder / "bot" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
    return convert_rasa(folder / "bot", folder / "out")


def told(report: ConversionReport) -> str:
    return "\n".join(report.notes.lines(1000))


def said(report: ConversionReport, split: str = "train") -> list[str]:
    dialogues = open_dialogues(report.out / "dialogues" / split, fit=False)[1]
    return [turn.user for one in dialogues for turn in one.turns]


def story(*steps: str) -> str:
    lines = "".join(f"  - {one}\n" for one in steps)
    return f"stories:\n- story: s\n  steps:\n{lines}"


def test_truths_with_capitals_are_truths(tmp_path: Path) -> None:
    rules = (
        "rules:\n- rule: r\n  conversation_start: True\n"
        "  steps: [{intent: affirm}, {action: utter_greet}]\n"
    )
    report = converted(tmp_path, **{"data/r.yml": rules})
    talk = Talk(report.bot)
    assert talk.say("sure", "affirm").messages == ("Hello",)
    assert talk.say("sure", "affirm").messages != ("Hello",)


def test_what_a_project_is_tested_with_is_never_trained_with(tmp_path: Path) -> None:
    report = converted(
        tmp_path,
        **{
            "tests/conversation_tests.md": "## t\n* greet: good day to you\n  - utter_greet\n",
            "tests/nlu.yml": 'nlu:\n- {intent: greet, examples: "- held out\\n"}\n',
            "train_test_split/training_data.yml": NLU.replace("- hey", "- twice"),
        },
    )
    assert not {"good day to you", "held out", "twice"} & set(said(report))
    assert said(report, "test") == ["good day to you"]
    assert "tests/nlu.yml" in told(report)


def test_a_bot_is_not_held_against_the_stories_of_an_environment(tmp_path: Path) -> None:
    own = story("intent: greet", "action: utter_greet")
    inside = "venv/lib/python3.8/site-packages/rasa/cli/initial_project/tests/test_stories.yml"
    report = converted(tmp_path, **{"tests/test_a.yml": own, inside: own})
    assert len(read_bot_stories(tmp_path / "bot", frozenset(report.bot.forms))) == 1


@pytest.mark.parametrize("given", ["slot_was_set: {seats: 3}", "slot_was_set: [{seats: 3}]"])
def test_a_list_of_one_may_be_written_without_its_dash(tmp_path: Path, given: str) -> None:
    steps = ("intent: inform\n    entities: {number: 3}", given, "action: utter_bye")
    report = converted(tmp_path, **{"data/s.yml": story(*steps)})
    assert "fault" not in told(report)
    assert report.bot.actions.intents["inform"] == "utter_bye"


def test_a_rules_condition_without_its_dash_is_one(tmp_path: Path) -> None:
    rules = (
        "rules:\n- rule: r\n  condition: {slot_was_set: {seats: 3}}\n"
        "  steps: [{intent: affirm}, {action: utter_bye}]\n"
    )
    report = converted(tmp_path, **{"data/r.yml": rules})
    assert "affirm" not in report.bot.actions.intents
    assert [one.slots for one in report.bot.rules] == [{"seats": "3"}]


def test_a_pressed_button_in_a_story_teaches_no_model_its_payload(tmp_path: Path) -> None:
    pressed = story("intent: affirm\n    user: /affirm", "action: utter_bye")
    report = converted(tmp_path, **{"data/s.yml": pressed})
    assert not any(one.startswith("/") for one in said(report))


@pytest.mark.parametrize(
    ("name", "text", "named"),
    [
        ("data/flows.yml", "flows:\n  pay: {steps: [{collect: amount}]}\n", "key: flows"),
        ("domain/session.yml", "session_config: {session_expiration_time: 5}\n", "expire_after"),
        ("config.yml", "pipeline: supervised_embeddings\n", "supervised_embeddings"),
        ("config/config.yml", "pipeline: [{name: X}]\n", "settings in another place"),
        ("data/luis.json", '{"luis_schema_version": "2.1.0"}', "another tool"),
        ("data/hi_usersays_en.json", "[]", "another tool"),
        ("data/more.md", "## intent:caf\xe9\n- hi\n".encode("latin-1"), "no UTF-8"),
        ("data/more.yml", NLU.encode("utf-16"), "no UTF-8"),
        ("data/a.yml", "responses: {utter_greet: [{text: 'At ${URL}'}]}\n", "${URL}"),
    ],
)
def test_what_cannot_be_carried_over_is_named(
    tmp_path: Path, name: str, text: str | bytes, named: str
) -> None:
    assert named in told(converted(tmp_path, **{name: text}))


def test_settings_may_end_in_yaml(tmp_path: Path) -> None:
    config = "language: de\npipeline: [{name: FallbackClassifier, threshold: 0.6}]\n"
    report = converted(tmp_path, **{"config.yaml": config})
    assert (report.bot.language, report.bot.fallback.intent) == ("de", 0.6)


def test_a_markdown_file_with_a_byte_order_mark_keeps_its_first_section(tmp_path: Path) -> None:
    nlu = "## intent:greet\n- good day\n"
    report = converted(tmp_path, **{"data/more.md": b"\xef\xbb\xbf" + nlu.encode()})
    assert "good day" in said(report)


def test_an_emoji_is_a_name_and_names_that_become_one_are_named(tmp_path: Path) -> None:
    nlu = NLU + (
        '- {intent: 👍, examples: "- 👍\\n"}\n'
        '- {intent: ask-it, examples: "- it\\n"}\n- {intent: ask_it, examples: "- that\\n"}\n'
    )
    rules = RULES + "- {rule: up, steps: [{intent: 👍}, {action: utter_bye}]}\n"
    report = converted(tmp_path, **{"data/nlu.yml": nlu, "data/r.yml": rules})
    assert report.bot.actions.intents["thumbs_up_sign"] == "utter_bye"
    assert "ask-it, ask_it" in told(report)
    assert label(" ") == ""
    assert IntentPayload.of("/!!!") is None


def test_a_wrong_button_costs_that_button_alone(tmp_path: Path) -> None:
    said_with = (
        "responses:\n  utter_pick:\n  - text: Pick\n"
        "    buttons: [{title: One, payload: /affirm}, words]\n    image: [a]\n"
        "  utter_odd:\n  - text: [a, b]\n  - text: Bye\n"
    )
    report = converted(tmp_path, **{"data/more.yml": said_with})
    (template,) = report.bot.responses["utter_pick"]
    assert template.text == "Pick"
    assert [dict(one) for one in template.buttons] == [{"title": "One", "payload": "/affirm"}]
    assert "Located" not in (report.out / "bot.yml").read_text("utf-8")


FORM = "forms: {f: {required_slots: [%s]}}\n"
BEGIN = "rules:\n- {rule: b, steps: [{intent: greet}, {action: f}, {active_loop: f}]}\n"


def test_a_form_whose_answers_no_example_marks_is_named(tmp_path: Path) -> None:
    domain = DOMAIN.replace("entity: number", "entity: time") + FORM % "seats, nowhere"
    report = converted(tmp_path, **{"domain.yml": domain, "data/r.yml": BEGIN})
    notes = told(report)
    assert "no example marks what fills a slot it asks for" in notes
    assert "f nowhere" in notes


def test_what_begins_a_form_fills_its_slot_though_the_form_ignores_it(tmp_path: Path) -> None:
    slot = "  why: {type: text, mappings: [{type: from_trigger_intent, intent: greet, value: x}]}\n"
    domain = DOMAIN.replace("slots:\n", f"slots:\n{slot}")
    form = "forms: {f: {ignored_intents: greet, required_slots: [why, seats]}}\n"
    report = converted(tmp_path, **{"domain.yml": domain + form, "data/r.yml": BEGIN})
    assert Talk(report.bot).say("hi", "greet").messages == ("How many?",)


def test_first_values_of_lists_keep_their_numbers(tmp_path: Path) -> None:
    slot = "  sizes: {type: list, initial_value: [1, 2], mappings: [{type: custom}]}\n"
    domain = DOMAIN.replace("slots:\n", f"slots:\n{slot}")
    report = converted(tmp_path, **{"domain.yml": domain})
    assert report.bot.slots["sizes"].initial == [1, 2]


def test_starting_over_is_done_as_rasa_does_it(tmp_path: Path) -> None:
    rules = "rules:\n- {rule: r, steps: [{intent: affirm}, {action: action_restart}]}\n"
    report = converted(tmp_path, **{"data/r.yml": rules})
    assert report.bot.actions.intents["affirm"] == "action_restart"
    assert report.bot.actions.endpoint is None


def test_a_response_left_empty_says_nothing_in_todays_format_either(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = {"data/more.yml": "responses: {utter_none: }\n", "config.yaml": "language: de\n"}
    converted(tmp_path, **more)
    run_convert(tmp_path / "bot", "rasa", tmp_path / "again")
    assert "None" not in (tmp_path / "again" / "domain.yml").read_text("utf-8")
    assert "config.yaml" in capsys.readouterr().out
