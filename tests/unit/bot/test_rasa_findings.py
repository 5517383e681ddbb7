"""What people found who moved over from Rasa, finding by finding, each with its right value.

The numbers are those of their list: F1 to F32. Some have their own test elsewhere too; here they
stand together, each with the smallest project that shows it.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.bot_talk import Talk
from tests.support.corpora_fixtures import TINY
from tests.support.source_tree import ROOT
from todserve.bot.action_events import Event
from todserve.bot.bot import Bot
from todserve.bot.conversion.rasa_conversion import ConversionReport, convert_rasa
from todserve.bot.dialogue_tracker import Tracker
from todserve.bot.message_dispatcher import Dispatcher
from todserve.bot.rasa.intent_payload import IntentPayload
from todserve.cli import main
from todserve.corpora.files.dialogue_layouts import open_dialogues
from todserve.corpora.validation import run_validate
from todserve.runtime.language.dialogue import Dialogue
from todserve.serving.server.config_properties import Frontend
from todserve.serving.server.server_announcements import run_stop
from todserve.training.own_corpus import completed

HI = """
intents: [greet, affirm, deny, inform, book]
entities: [number]
responses:
  utter_greet: [{text: Welcome to the bank}]
  utter_ask_seats: [{text: "How many seats?"}]
  utter_ask_outdoor: [{text: "Outdoors?"}]
  utter_ask_note: [{text: "Any note?"}]
  utter_done: [{text: Done.}]
  utter_more: [{text: "Anything else?"}]
  utter_what: [{text: "What can I do?"}]
  utter_bye: [{text: Goodbye then.}]
"""
NLU = """
nlu:
- {intent: greet, examples: "- hi\\n- hello there\\n"}
- {intent: affirm, examples: "- yes\\n- sure\\n"}
- {intent: deny, examples: "- no\\n- never\\n"}
- {intent: book, examples: "- book me a taxi\\n"}
- {intent: inform, examples: "- [3](number)\\n- [4](number) of us\\n"}
"""
BEGIN = """
- {rule: begin, steps: [{intent: book}, {action: taxi_form}, {active_loop: taxi_form}]}
- rule: end
  condition: [{active_loop: taxi_form}]
  steps: [{action: taxi_form}, {active_loop: null}, {action: utter_done}]
"""
HELLO = "rules:\n- {rule: hi, steps: [{intent: greet}, {action: utter_greet}]}\n"


def project(folder: Path, **files: str) -> Path:
    """Write a project: its domain and examples, and more files by their paths."""
    for name, text in {"domain.yml": HI, "data/nlu.yml": NLU, **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def converted(folder: Path, **files: str) -> ConversionReport:
    return convert_rasa(project(folder / "bot", **files), folder / "out")


def taxi(folder: Path, slots: str, form: str, rules: str = BEGIN, **files: str) -> ConversionReport:
    """Convert a project with a form."""
    domain = f"{HI}\nslots:\n{slots}\nforms:\n  taxi_form:\n{form}\n"
    more = {"domain.yml": domain, "data/rules.yml": f"rules:\n{rules}", **files}
    return converted(folder, **more)


def told(report: ConversionReport) -> str:
    """Return everything that a report says, with every place."""
    return "\n".join(report.notes.lines(10_000))


def trained_on(report: ConversionReport) -> list[Dialogue]:
    return list(open_dialogues(report.out / "dialogues" / "train", fit=False)[1])


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "todserve", *arguments]


def test_f1_a_python_environment_inside_the_project_is_not_the_project(tmp_path: Path) -> None:
    inside = "venv/lib/python3.8/site-packages/rasa/cli/initial_project"
    alien = "responses: {utter_greet: [{text: Hey!}], utter_cheer_up: [{text: Up}]}\n"
    report = converted(tmp_path, **{f"{inside}/domain.yml": alien, f"{inside}/data/nlu.yml": NLU})
    assert [one.text for one in report.bot.responses["utter_greet"]] == ["Welcome to the bank"]
    assert "utter_cheer_up" not in report.bot.responses
    assert "venv" in told(report)


def test_f2_a_readme_in_markdown_is_no_story(tmp_path: Path) -> None:
    report = converted(
        tmp_path, **{"README.md": "# Bot\n## h\n* x\n- y\n", "data/rules.yml": HELLO}
    )
    assert report.bot.actions.intents["greet"] == "utter_greet"


def test_f3_the_stories_that_failed_in_rasas_test_are_not_learnt(tmp_path: Path) -> None:
    failed = "stories:\n- story: failed\n  steps: [{intent: greet}, {action: utter_bye}]\n"
    report = converted(
        tmp_path, **{"results/failed_test_stories.yml": failed, "data/rules.yml": HELLO}
    )
    assert all("failed" not in one.dialogue_id for one in trained_on(report))
    assert report.bot.actions.intents["greet"] == "utter_greet"


RESUME = """
stories:
- story: interrupted
  steps:
  - {intent: book}
  - {action: taxi_form}
  - {active_loop: taxi_form}
  - {intent: greet}
  - {action: utter_more}
  - {intent: affirm}
  - {action: taxi_form}
  - {active_loop: null}
  - {action: utter_done}
- story: glue
  steps: [{action: utter_more}, {intent: affirm}, {action: taxi_form}, {active_loop: taxi_form}]
"""
SEATS = "  seats: {type: float, mappings: [{type: from_entity, entity: number}]}"


def test_f4_yes_begins_no_form_at_the_start_of_a_dialogue(tmp_path: Path) -> None:
    report = taxi(tmp_path, SEATS, "    required_slots: [seats]", **{"data/stories.yml": RESUME})
    assert set(report.bot.forms) == {"book"}
    assert Talk(report.bot).say("yes", "affirm").form is None


def test_f5_any_intent_of_a_list_fills_its_slot_and_the_stories_are_kept(tmp_path: Path) -> None:
    slot = (
        "  outdoor:\n    type: bool\n    mappings:\n"
        "    - {type: from_intent, intent: [affirm, greet], value: true}\n"
        "    - {type: from_intent, intent: deny, value: false}"
    )
    story = (
        "stories:\n- story: s\n  steps: [{intent: book}, {action: taxi_form}, "
        "{active_loop: taxi_form}, {active_loop: null}, {action: utter_done}]\n"
    )
    report = taxi(tmp_path, slot, "    required_slots: [outdoor]", **{"data/stories.yml": story})
    assert "no example answers" not in told(report)
    for said, intent, value in (("hi", "greet", "true"), ("no", "deny", "false")):
        talk = Talk(report.bot)
        talk.say("book me a taxi", "book")
        assert talk.say(said, intent).memory["outdoor"] in (value, value == "true")


def test_f6_the_training_configuration_that_is_written_is_whole(tmp_path: Path) -> None:
    report = converted(tmp_path, **{"data/rules.yml": HELLO})
    config = completed(yaml.safe_load((report.out / "training.yaml").read_text("utf-8")))
    assert config["corpora"] == config.get("corpora")
    assert config["dev_corpus"] == config["corpora"][0]
    assert all(Path(one).exists() for one in config["corpora"])
    assert any("tod train" in line for line in report.next_lines())


def test_f7_a_form_of_rasa_two_teaches_its_slots_from_marked_examples(tmp_path: Path) -> None:
    mapped = "    required_slots:\n      seats: [{type: from_entity, entity: number}]"
    report = taxi(tmp_path, "  seats: {type: text}", mapped)
    states = {one.turns[0].user: one.turns[0].belief_state for one in trained_on(report)}
    assert states["4 of us"] == {"rasa": {"seats": "4"}}


def test_f8_entities_without_a_slot_are_learnt_under_their_roles(tmp_path: Path) -> None:
    nlu = (
        'nlu:\n- intent: inform\n  examples: |\n    - from [ely]{"entity": "city", "role": "from"} '
        'to [york]{"entity": "city", "role": "to"}\n- {intent: greet, examples: "- hi\\n"}\n'
    )
    domain = "intents: [inform, greet]\nentities: [{city: {roles: [from, to]}}]\n"
    report = converted(tmp_path, **{"domain.yml": domain, "data/nlu.yml": nlu})
    states = {one.turns[0].user: one.turns[0].belief_state for one in trained_on(report)}
    (found,) = (states["from ely to york"] or {}).values()
    assert sorted(found.values()) == ["ely", "york"]


@pytest.mark.parametrize("kind", ["rasa.shared.core.slots.CategoricalSlot", "categorical"])
def test_f9_a_type_by_its_classs_name_is_that_type(tmp_path: Path, kind: str) -> None:
    slot = (
        f"  size:\n    type: {kind}\n    values: [Small, Large]\n    mappings: [{{type: custom}}]"
    )
    report = converted(tmp_path, **{"domain.yml": f"{HI}\nslots:\n{slot}\n"})
    known = report.bot.slots["size"]
    assert (known.type, known.values) == ("categorical", ("Small", "Large"))


def test_f10_an_example_with_a_broken_mark_is_kept_as_words(tmp_path: Path) -> None:
    nlu = 'nlu:\n- {intent: greet, examples: "- a [broken](mark here\\n- hi\\n"}\n'
    report = converted(tmp_path, **{"data/nlu.yml": nlu})
    assert "a [broken](mark here" in {one.turns[0].user for one in trained_on(report)}


def test_f11_a_lookup_table_of_rasa_one_may_name_its_file(tmp_path: Path) -> None:
    nlu = "## intent:inform\n- in [ely](city)\n\n## lookup:city\ndata/cities.txt\n"
    (tmp_path / "bot" / "data").mkdir(parents=True)
    (tmp_path / "bot" / "domain.yml").write_text(
        "intents: [inform]\nentities: [city]\nslots: {city: {type: text}}\n", "utf-8"
    )
    (tmp_path / "bot" / "data" / "nlu.md").write_text(nlu, "utf-8")
    (tmp_path / "bot" / "data" / "cities.txt").write_text("york\nbath\n", "utf-8")
    report = convert_rasa(tmp_path / "bot", tmp_path / "out")
    (service,) = open_dialogues(report.out / "dialogues" / "train")[0]
    (city,) = [slot for slot in service.slots if slot.name == "city"]
    assert {"york", "bath"} <= set(city.values)


def test_f12_escaped_braces_are_said_and_a_file_in_latin_one_has_a_line(tmp_path: Path) -> None:
    domain = HI.replace("Welcome to the bank", '"Hello {{net}}"')
    report = converted(tmp_path / "a", **{"domain.yml": domain, "data/rules.yml": HELLO})
    (said,) = Talk(report.bot).say("hi", "greet").messages
    assert said == "Hello net"
    folder = project(tmp_path / "b")
    (folder / "data" / "more.yml").write_bytes("nlu:\n- intent: greet # é\n".encode("latin-1"))
    faults = run_validate(folder)
    assert any("more.yml" in one.file and "UTF-8" in str(one) for one in faults)


def test_f13_a_bool_from_yes_and_no_is_filled_by_yes_and_by_no(tmp_path: Path) -> None:
    slot = (
        "  outdoor:\n    type: bool\n    mappings:\n"
        "    - {type: from_intent, intent: affirm, value: true}\n"
        "    - {type: from_intent, intent: deny, value: false}"
    )
    report = taxi(tmp_path, slot, "    required_slots: [outdoor]")
    for said, intent in (("yes", "affirm"), ("no", "deny")):
        talk = Talk(report.bot)
        assert talk.say("book me a taxi", "book").messages == ("Outdoors?",)
        assert talk.say(said, intent).messages == ("Done.",)


def test_f13_a_form_that_nothing_can_finish_is_found_by_the_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    slot = "  note: {type: text, mappings: [{type: custom}]}"
    report = taxi(tmp_path, slot, "    required_slots: [note]")
    assert "cannot be finished" in told(report)
    assert main.main(["bot", "check", str(report.out / "bot.yml")]) == 1
    assert "'note'" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "intent", "entities"),
    [
        ("/greet", "greet", {}),
        (
            '/inform{"cuisine": "thai", "people": 4}',
            "inform",
            {"cuisine": ("thai",), "people": ("4",)},
        ),
        ("/session_start", "session_start", {}),
    ],
)
def test_f14_payloads_of_buttons_and_web_chats_are_intents(
    text: str, intent: str, entities: dict[str, tuple[str, ...]]
) -> None:
    payload = IntentPayload.of(text)
    assert payload is not None
    assert (payload.intent, payload.entities) == (intent, entities)


def test_f15_a_reader_that_stops_early_is_no_crash(tmp_path: Path) -> None:
    project(tmp_path / "bot")
    run = subprocess.Popen(
        command("bot", "convert", str(tmp_path / "bot"), str(tmp_path / "out")),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert run.stdout is not None
    assert run.stderr is not None
    run.stdout.close()
    told_wrong = run.stderr.read()
    run.stderr.close()
    run.wait(timeout=60)
    assert "Traceback" not in told_wrong


def test_f16_a_config_properties_copied_elsewhere_still_finds_its_metrics(tmp_path: Path) -> None:
    copied = tmp_path / "config.properties"
    copied.write_text((ROOT / "config.properties").read_text("utf-8"), "utf-8")
    written = tmp_path / "run" / "config.properties"
    written.parent.mkdir()
    Frontend.read(copied).write(written)
    (path,) = re.findall(r"^metrics_config=(.*)$", written.read_text("utf-8"), re.MULTILINE)
    assert Path(path).is_file()


def jsonl(folder: Path, content: bytes) -> Path:
    schema = [{"service_name": "s", "slots": [], "intents": [{"name": "a"}]}]
    (folder / "schema.json").write_text(json.dumps(schema), "utf-8")
    (folder / "train.jsonl").write_bytes(content)
    return folder


def test_f17_windows_marks_are_read_and_messages_are_in_words(tmp_path: Path) -> None:
    line = b'{"dialogue_id": "1", "turns": [{"user": "hi", "intent": "a"}]}\r\n'
    assert run_validate(jsonl(tmp_path, b"\xef\xbb\xbf" + line)) == []
    wrong = line.replace(b"intent", b"intnet")
    ((misspelt, coded, number),) = [
        run_validate(
            jsonl(tmp_path, wrong + line.replace(b"hi", b"\x80") + line.replace(b'"1"', b"1"))
        )
    ]
    assert misspelt.got == "unknown key 'intnet', did you mean 'intent'?"
    assert "another coding than UTF-8" in coded.got
    assert "cp1252" in coded.fix
    assert (number.got, number.expected) == ("a number", "a text, in quotes")


def test_f18_an_empty_file_is_a_fault(tmp_path: Path) -> None:
    (fault,) = run_validate(jsonl(tmp_path, b""))
    assert fault.got == "no dialogue"
    arguments = ["data", "convert", str(tmp_path), "--to", "sgd", "--out", str(tmp_path / "out")]
    assert main.main(arguments) == 1
    assert not (tmp_path / "out").exists()


def test_f19_statistics_take_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["data", "stats", str(project(tmp_path / "bot"))]) == 0
    assert "user turns" in capsys.readouterr().out


def test_f20_multiwoz_as_published_has_slots_without_their_domains_and_true_acts(
    tmp_path: Path,
) -> None:
    out = tmp_path / "out"
    arguments = ["data", "convert", str(TINY / "multiwoz22"), "--to", "jsonl", "--out", str(out)]
    assert main.main(arguments) == 0
    first = json.loads((out / "train.jsonl").read_text("utf-8").splitlines()[0])["turns"][0]
    assert first["belief_state"] == {"restaurant": {"area": "centre", "pricerange": "cheap"}}
    assert first["dialogue_acts"][0] == {"domain": "restaurant", "act": "inform", "slot": "name"}


def test_f21_what_is_told_of_a_server_names_its_own_log_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not run_stop(log_dir=tmp_path)
    assert f"recorded in {tmp_path}; --logs names another folder" in capsys.readouterr().out


AFTER = """
- {rule: hi, steps: [{intent: greet}, {action: utter_more}]}
- {rule: more yes, steps: [{action: utter_more}, {intent: affirm}, {action: utter_what}]}
- {rule: done yes, steps: [{action: utter_done}, {intent: affirm}, {action: utter_greet}]}
- {rule: more no, steps: [{action: utter_more}, {intent: deny}, {action: utter_bye}]}
- {rule: book, steps: [{intent: book}, {action: utter_done}]}
"""


def test_f22_rules_after_an_action_hold_after_it_alone_and_two_of_an_intent_both_live(
    tmp_path: Path,
) -> None:
    report = converted(tmp_path, **{"data/rules.yml": f"rules:{AFTER}"})
    assert "affirm" not in report.bot.actions.intents
    talk = Talk(report.bot)
    assert talk.say("yes", "affirm").messages == ("as the model says",)
    assert talk.say("hi", "greet").messages == ("Anything else?",)
    assert talk.say("yes", "affirm").messages == ("What can I do?",)
    assert talk.say("book me a taxi", "book").messages == ("Done.",)
    assert talk.say("yes", "affirm").messages == ("Welcome to the bank",)


def test_f23_a_list_is_a_value_of_a_slot_in_a_story(tmp_path: Path) -> None:
    domain = f"{HI}\nslots: {{items: {{type: list, mappings: [{{type: custom}}]}}}}\n"
    story = (
        "stories:\n- story: s\n  steps:\n  - {intent: greet}\n"
        "  - {slot_was_set: [{items: [tea, cake]}]}\n  - {action: utter_greet}\n"
    )
    report = converted(tmp_path, **{"domain.yml": domain, "data/stories.yml": story})
    assert any(len(one.turns) >= 1 and one.turns[0].system for one in trained_on(report))
    assert report.bot.actions.intents["greet"] == "utter_greet"


BANK = """
intents: [transfer, inform, ask_balance]
entities: [amount, number]
slots:
  amount: {type: text, mappings: [{type: from_entity, entity: amount}]}
  size: {type: text, mappings: [
    {type: from_entity, entity: number, conditions: [{active_loop: shoe_form}]}]}
  rating: {type: text, mappings: [{type: from_entity, entity: number,
    conditions: [{active_loop: survey_form, requested_slot: rating}]}]}
forms: {transfer_form: {required_slots: [amount]}, survey_form: {required_slots: [rating]}}
responses:
  utter_ask_amount: [{text: "How much?"}]
  utter_ask_rating: [{text: "1 to 5?"}]
  utter_done: [{text: "Sent {amount}."}]
"""
BANK_NLU = """
nlu:
- {intent: transfer, examples: "- send money\\n"}
- intent: ask_balance
  examples: |
    - what is my [balance]{"entity": "amount", "value": "current balance"}
- intent: inform
  examples: |
    - make it [30 dollars](amount)
    - [5](number) stars
"""
SEND = """
rules:
- {rule: go, steps: [{intent: transfer}, {action: transfer_form}, {active_loop: transfer_form}]}
stories:
- story: one
  steps: [{intent: transfer}, {action: transfer_form}, {active_loop: transfer_form},
    {active_loop: null}, {action: utter_done}]
"""


@pytest.fixture
def bank(tmp_path: Path) -> ConversionReport:
    files = {"domain.yml": BANK, "data/nlu.yml": BANK_NLU, "data/rules.yml": SEND}
    return converted(tmp_path, **files)


def test_f24_a_forms_question_is_answered_by_what_informs(bank: ConversionReport) -> None:
    (story,) = [one for one in trained_on(bank) if len(one.turns) > 1]
    assert story.turns[0].system == "How much?"
    assert story.turns[1].user == "make it 30 dollars"


def test_f25_an_entity_under_a_condition_fills_no_slot_without_it(bank: ConversionReport) -> None:
    states = {one.turns[0].user: one.turns[0].belief_state for one in trained_on(bank)}
    found = (states["5 stars"] or {}).get("rasa", {})
    assert "size" not in found
    assert "rating" not in found


def test_f26_there_is_a_terminal_for_the_bot_itself(capsys: pytest.CaptureFixture[str]) -> None:
    # CORS and bodies of any type: tests of the gateway's Rasa channels.
    assert main.main(["bot", "shell", "--help"]) == 0
    assert "buttons" in capsys.readouterr().out


class Watching:
    """Runs every action, keeps its tracker, and answers with buttons and a picture."""

    def __init__(self) -> None:
        self.seen: list[tuple[dict[str, Any], dict[str, Any]]] = []

    def names(self) -> frozenset[str]:
        return frozenset({"action_pay"})

    def run(
        self, name: str, dispatcher: Dispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[Event]:
        self.seen.append((tracker.current_state(), domain))
        dispatcher.utter_message(
            text="Pay?",
            image="http://a/b.png",
            buttons=[{"title": "yes", "payload": "/affirm"}],
        )
        return []


PAY = """
intents: [pay, inform, affirm]
entities: [amount-of-money, outdoor]
slots:
  amount-of-money: {type: text, mappings: [{type: from_entity, entity: amount-of-money}]}
  outdoor: {type: bool, mappings: [{type: from_entity, entity: outdoor}]}
  seats: {type: float, mappings: [{type: from_entity, entity: seats}]}
  currency: {type: text, initial_value: EUR, mappings: [{type: custom}]}
forms: {pay_form: {required_slots: [amount-of-money, outdoor]}}
responses:
  utter_ask_amount-of-money: [{text: "How much {currency}?"}]
  utter_ask_outdoor: [{text: "Outdoors?"}]
actions: [action_pay]
"""
PAY_ALL = """
nlu:
- {intent: pay, examples: "- pay [20 Euro](amount-of-money)\\n- pay\\n"}
rules:
- {rule: go, steps: [{intent: pay}, {action: pay_form}, {active_loop: pay_form}]}
- rule: end
  condition: [{active_loop: pay_form}]
  steps: [{action: pay_form}, {active_loop: null}, {action: action_pay}]
"""


@pytest.fixture
def pay(tmp_path: Path) -> ConversionReport:
    endpoint = "action_endpoint: {url: http://127.0.0.1:18096/webhook}\n"
    files = {"domain.yml": PAY, "data/nlu.yml": PAY_ALL, "endpoints.yml": endpoint}
    return converted(tmp_path, **files)


def test_f27_an_action_gets_what_rasa_documents_and_its_answer_is_kept_whole(
    pay: ConversionReport,
) -> None:
    watching = Watching()
    talk = Talk(pay.bot)
    talk.bot = Bot(pay.bot, watching)
    talk.say("pay 20 Euro", "pay", state={"rasa": {"amount_of_money": "20 Euro"}})
    state = {"rasa": {"amount_of_money": "20 Euro", "outdoor": "false"}}
    outcome = talk.say("inside", "inform", state=state)
    ((tracker, domain),) = watching.seen
    assert tracker["slots"] == {
        "amount-of-money": "20 Euro",
        "outdoor": False,
        "seats": None,
        "currency": "EUR",
        "requested_slot": None,
    }
    assert tracker["active_loop"]["name"] == "pay_form"
    assert [one["entity"] for one in tracker["latest_message"]["entities"]] == ["outdoor"]
    assert [one["event"] for one in tracker["events"]].count("user") >= 1
    assert domain["slots"]["outdoor"]["type"] in ("bool", "rasa.shared.core.slots.BooleanSlot")
    (shown,) = outcome.shown
    assert shown["image"] == "http://a/b.png"
    assert shown["buttons"] == [{"title": "yes", "payload": "/affirm"}]


def test_f28_the_users_own_words_fill_a_slot_of_text(tmp_path: Path) -> None:
    slot = "  note: {type: text, mappings: [{type: from_text}]}"
    talk = Talk(taxi(tmp_path, slot, "    required_slots: [note]").bot)
    assert talk.say("book me a taxi", "book").messages == ("Any note?",)
    outcome = talk.say("leave it at the door", None)
    assert outcome.messages == ("Done.",)
    assert outcome.memory["note"] == "leave it at the door"


def test_f29_what_a_conversion_wrote_is_not_read_by_the_next(tmp_path: Path) -> None:
    folder = project(tmp_path / "bot", **{"data/rules.yml": HELLO})
    first = convert_rasa(folder, folder / "converted")
    second = convert_rasa(folder, tmp_path / "again")
    assert first.bot.responses == second.bot.responses
    assert first.dialogues == second.dialogues


def test_f30_a_response_may_be_a_text_and_what_no_server_takes_is_a_fault(tmp_path: Path) -> None:
    domain = HI.replace("[{text: Welcome to the bank}]", "Welcome")
    report = converted(tmp_path / "a", **{"domain.yml": domain, "data/rules.yml": HELLO})
    assert Talk(report.bot).say("hi", "greet").messages == ("Welcome",)
    (tmp_path / "b").mkdir()
    turn: dict[str, Any] = {"user": "x" * 25_000}
    line = json.dumps({"dialogue_id": "1", "turns": [turn, {"user": "a\0b"}]}).encode() + b"\n"
    assert [one.got for one in run_validate(jsonl(tmp_path / "b", line))] == [
        "25000 characters",
        "the control character U+0000",
    ]


def test_f31_a_first_value_stands_in_a_response_from_the_start(pay: ConversionReport) -> None:
    assert Talk(pay.bot).say("pay", "pay").messages == ("How much EUR?",)


OLD: dict[str, Any] = {
    "version": "2.0",
    "intents": ["book"],
    "entities": ["number", {"city": {"roles": ["from", "to"]}}],
    "slots": {
        "seats": {"type": "float", "initial_value": 2, "influence_conversation": False},
        "size": {"type": "rasa.shared.core.slots.CategoricalSlot", "values": ["s", "l"]},
        "number": {"type": "text"},
        "ok": {"type": "bool"},
    },
    "forms": {
        "f": {"required_slots": {"ok": [{"type": "from_intent", "intent": "book", "value": True}]}}
    },
    "responses": {
        "utter_pic": [{"image": "http://a/b.png"}],
        "utter_hi": [
            {"text": "Hi.", "buttons": [{"title": "1", "payload": "/book"}]},
            {"text": "Slack.", "channel": "slack"},
            {"text": "Yes.", "condition": [{"type": "slot", "name": "ok", "value": True}]},
            {"custom": {"a": 1}},
        ],
    },
    "session_config": {"session_expiration_time": 60, "carry_over_slots_to_new_session": True},
    "nlu": [
        {
            "intent": "book",
            "examples": '- to [ely]{"entity": "city", "role": "to"}\n',
        }
    ],
}


def test_f32_rasa_to_rasa_loses_nothing_that_rasa_can_hold(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "all.yml").write_text(yaml.safe_dump(OLD, sort_keys=False), "utf-8")
    out = tmp_path / "new"
    arguments = ["data", "convert", str(tmp_path / "old"), "--to", "rasa", "--out", str(out)]
    assert main.main(arguments) == 0
    new: dict[str, Any] = {}
    for file in sorted(out.rglob("*.yml")):
        new |= yaml.safe_load(file.read_text("utf-8"))
    assert new["responses"]["utter_pic"][0]["image"] == "http://a/b.png"
    assert new["responses"]["utter_hi"] == OLD["responses"]["utter_hi"]
    assert new["session_config"] == OLD["session_config"]
    assert new["entities"] == OLD["entities"]
    assert new["slots"]["seats"]["initial_value"] == 2
    assert new["slots"]["seats"]["influence_conversation"] is False
    assert new["slots"]["size"]["values"] == ["s", "l"]
    assert new["slots"]["number"]["mappings"] == [{"type": "from_entity", "entity": "number"}]
    (mapping,) = new["slots"]["ok"]["mappings"]
    assert (mapping["type"], mapping["intent"], mapping["value"]) == ("from_intent", "book", True)
    assert '"role": "to"' in new["nlu"][0]["examples"]


def test_capitals_of_values_are_kept(tmp_path: Path) -> None:
    domain = (
        "intents: [inform]\nentities: [city]\n"
        "slots: {city: {type: text, mappings: [{type: from_entity, entity: city}]}}\n"
        "forms: {f: {required_slots: [city]}}\nactions: [action_go]\n"
        'responses: {utter_ask_city: [{text: "Where?"}]}\n'
    )
    nlu = 'nlu:\n- {intent: inform, examples: "- in [New York City](city)\\n"}\n'
    report = converted(tmp_path, **{"domain.yml": domain, "data/nlu.yml": nlu})
    spelled = report.bot.spelled({"rasa": {"city": "new york city"}})
    assert spelled == {"rasa": {"city": "New York City"}}


def test_every_finding_of_the_list_has_its_test() -> None:
    named = {int(one) for name in globals() for one in re.findall(r"^test_f(\d+)_", name)}
    assert named == set(range(1, 33))
