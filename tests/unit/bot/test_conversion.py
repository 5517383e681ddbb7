"""A Rasa project as bot.yml and dialogues: what carries over, and that nothing is lost silently."""

import io
import shutil
import string
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from todserve.bot.action_events import Event, SlotSet
from todserve.bot.bot import Bot
from todserve.bot.bot_file import load_bot
from todserve.bot.bot_outcome import Outcome
from todserve.bot.conversion.rasa_assistant import Assistant
from todserve.bot.conversion.rasa_conversion import ConversionReport, convert_rasa
from todserve.bot.conversion.story_utterances import Utterances
from todserve.bot.dialogue_tracker import Tracker
from todserve.bot.message_dispatcher import Dispatcher
from todserve.bot.trials.story_report import held_against
from todserve.bot.user_message import Heard
from todserve.cli import main
from todserve.corpora.files.dialogue_layouts import open_dialogues
from todserve.corpora.readers.rasa.rasa_types import (
    RasaDomain,
    RasaEntity,
    RasaExample,
    RasaNlu,
    RasaProject,
    RasaSlot,
    UserStep,
)
from todserve.evaluation.replay.replay_differences import Aspect
from todserve.evaluation.replay.replay_run import HOLDS, run_replay
from todserve.runtime.errors import ConfigError, CorpusError, RequestError
from todserve.runtime.language.dialogue import Dialogue, Turn
from todserve.runtime.wire.request import TurnRequest
from todserve.runtime.wire.response import (
    ActPrediction,
    IntentPrediction,
    ModelIdentity,
    SlotPrediction,
    TurnResponse,
)

CINEMA = Path(__file__).parents[2] / "fixtures" / "rasa_project"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> ConversionReport:
    return convert_rasa(CINEMA, tmp_path_factory.mktemp("converted") / "out")


@pytest.fixture(scope="module")
def dialogues(report: ConversionReport) -> dict[str, Dialogue]:
    _, found = open_dialogues(report.out / "dialogues")
    return {one.dialogue_id: one for one in found}


def told(turn: Turn) -> tuple[str, dict[str, str], str | None]:
    return turn.user, dict((turn.belief_state or {}).get("rasa", {})), turn.system


def test_forms_come_from_the_domain_and_what_begins_and_ends_them_from_rules(
    report: ConversionReport,
) -> None:
    bot = load_bot(report.out / "bot.yml")
    assert bot == report.bot
    assert set(bot.forms) == {"book_seats", "leave_feedback"}
    form = bot.forms["book_seats"]
    assert form.domain == "rasa"
    assert list(form.required.items()) == [
        ("film", "utter_ask_film"),
        ("seats", "utter_ask_booking_form_seats"),
        ("day", "utter_ask_day"),
        ("balcony", "utter_ask_balcony"),
    ]
    assert form.action == ("action_book_seats", "utter_booked")
    assert form.validate_action == "validate_booking_form"
    assert bot.forms["leave_feedback"].action == "utter_greet"


def test_answers_outside_forms_fallback_and_endpoint_carry_over(report: ConversionReport) -> None:
    bot = report.bot
    assert bot.actions.intents == {
        "opening_hours": "utter_hours",
        "deny": ("utter_hours", "utter_greet"),
        "greet": "utter_greet",
        "cancel_booking": "action_cancel_booking",
        "faq_parking": "utter_faq/parking",
        "faq_popcorn": "utter_faq/popcorn",
    }
    assert bot.actions.endpoint == "http://127.0.0.1:5155/webhook"
    assert (bot.fallback.intent, bot.fallback.response) == (0.4, "utter_default")


def test_responses_keep_every_variation_with_all_that_is_shown(report: ConversionReport) -> None:
    said = report.bot.responses
    first, buttons, slack, back = said["utter_greet"]
    assert first.model_dump(exclude_defaults=True) == {"text": "Welcome to the Lantern."}
    assert buttons.buttons == ({"title": "Book", "payload": "/book_seats"},)
    assert (slack.text, slack.channel) == ("Lantern here.", "slack")
    assert (back.text, back.slots) == ("Welcome back.", {"balcony": "true"})
    assert said["utter_hours"][0].text == "We open at five,\nevery day."
    # A model says its acts' names without marks.
    assert said["utter_faq_parking"] == said["utter_faq/parking"]
    assert said["utter_chitchat"][0].image == "https://example.org/lantern.png"


def test_a_variation_is_said_where_its_condition_and_its_channel_hold(
    report: ConversionReport,
) -> None:
    bot = Bot(report.bot, Booking())

    def greeted(dialogue: str, channel: str = "rest", **memory: str) -> tuple[str, ...]:
        heard = Heard(
            dialogue_id=dialogue,
            message_id="m",
            index=1,
            user="hello",
            intent="greet",
            channel=channel,
        )
        return bot.turn(heard, Outcome(memory=memory)).messages

    assert {greeted(f"d{number}") for number in range(9)} == {
        ("Welcome to the Lantern.",),
        ("The Lantern, good evening.",),
    }
    assert greeted("d", balcony="true") == ("Welcome back.",)
    assert greeted("d", "slack") == ("Lantern here.",)


LOST = {
    *("pipeline component: WhitespaceTokenizer", "pipeline component: DIETClassifier"),
    *("policy: RulePolicy", "policy: TEDPolicy", "key: recipe"),
    *("key: tracker_store", "action_endpoint: token", "channel: slack"),
    *("intents: ignore_entities", "slot mapping: custom, set by an action alone"),
    "slot mapping: any words, taken while its form asks alone",
    *("rule: holds under a condition, no dialogue of it", "nlu: regular expression"),
    *("form: ignored_intents and entities, not a rule", "action: nothing leads to it"),
    "synonym: words that no example marks, not learnt",
    "form: its questions and answers written out",
    "form: a question, for which the slot's name stands now",
    "story: no example answers what a form asks, slot 'feedback'",
    "story: no example of intent 'greet' that marks seats",
    "reply: a placeholder kept, its value is nowhere told",
    "name: spaces and marks replaced, which a label cannot hold",
    "dialogue_acts: of a turn without a reply",
    "belief_state: not annotated, written as none",
}


def test_everything_that_does_not_carry_over_is_counted_and_named(
    report: ConversionReport,
) -> None:
    assert set(report.notes.notes) == LOST
    lines = list(report.lines())
    assert lines[0].endswith(
        "3 actions: action_book_seats, action_cancel_booking, validate_booking_form"
    )
    assert lines[1].endswith("train: 15 dialogues, 22 user turns")
    assert lines[2].endswith("test: 1 dialogues, 3 user turns")
    assert [reason for reason in LOST if not any(reason in line for line in lines)] == []


def test_a_story_gets_words_and_its_form_gets_questions_and_answers(
    dialogues: dict[str, Dialogue],
) -> None:
    boats = {"film": "paper boats"}
    assert [told(turn) for turn in dialogues["book at once"].turns] == [
        ("hello", {}, "Welcome to the Lantern."),
        ("seats for paper boats please", boats, "How many seats for paper boats?"),
        ("for three of us", boats | {"seats": "3"}, "On which day?"),
        ("on friday", boats | {"seats": "3", "day": "friday"}, "Up on the balcony?"),
        (
            "yes please",
            boats | {"seats": "3", "day": "friday", "balcony": "true"},
            "3 seats for paper boats on friday are yours; the reference is [value_reference].",
        ),
    ]
    assert dialogues["book at once"].turns[1].delexicalised_response == (
        "How many seats for [value_film]?"
    )


def test_a_form_that_is_interrupted_asks_again(dialogues: dict[str, Dialogue]) -> None:
    assert [told(turn) for turn in dialogues["ask in between"].turns] == [
        ("i would like to book seats", {}, "Which film would you like to see?"),
        (
            "when do you open",
            {},
            "We open at five, every day. Which film would you like to see?",
        ),
        ("the long night", {"film": "the long night"}, "How many seats for the long night?"),
    ]


def test_test_stories_become_the_test_split_as_their_authors_wrote_them(
    dialogues: dict[str, Dialogue],
) -> None:
    tests = [one for one in dialogues.values() if one.split == "test"]
    (test,) = tests
    assert [turn.user for turn in test.turns] == ["seats for paper boats", "3 on fri", "yes please"]
    assert told(test.turns[2])[1] == {
        "film": "paper boats",
        "seats": "3",
        "day": "friday",
        "balcony": "true",
    }


class Remembering:
    """Answers every utterance as some dialogue remembers it."""

    def __init__(self, dialogues: dict[str, Dialogue]) -> None:
        self._turns = {
            (tuple(turn.user for turn in one.turns[:place]), turn.user): turn
            for one in dialogues.values()
            for place, turn in enumerate(one.turns)
        }

    def answer(self, requests: Sequence[TurnRequest]) -> list[TurnResponse | RequestError]:
        return [self._one(request) for request in requests]

    def _one(self, request: TurnRequest) -> TurnResponse:
        turn = self._turns[tuple(one.user for one in request.history), request.user]
        return TurnResponse(
            intent=None if turn.intent is None else IntentPrediction(name=turn.intent),
            belief_state={
                name: {slot: SlotPrediction(value=value) for slot, value in slots.items()}
                for name, slots in (turn.belief_state or {}).items()
            },
            dialogue_act=tuple(
                ActPrediction(domain=one.domain, act=one.act, slot=one.slot)
                for one in turn.dialogue_acts or ()
            ),
            model=ModelIdentity(name="tod", version="1.0", checkpoint="abc"),
        )


def test_the_dialogues_replay(report: ConversionReport, dialogues: dict[str, Dialogue]) -> None:
    out = io.StringIO()
    path = report.out / "dialogues"
    aspects = (Aspect.STATE, Aspect.ACTS)
    assert run_replay(path, Remembering(dialogues), only=aspects, out=out) == HOLDS
    assert "everything expected holds" in out.getvalue()


def test_test_stories_hold_against_a_model_that_learned_them(
    report: ConversionReport, dialogues: dict[str, Dialogue]
) -> None:
    (test,) = [one for one in dialogues.values() if one.split == "test"]
    found = held_against(report.out / "bot.yml", CINEMA / "tests", Remembering({"test": test}))
    assert list(found.lines()) == [
        "1 stories: 1 hold, 0 differ; 3 turns: 3 as told (100.0 %); 3 of 3 intents right"
    ]


def test_the_dialogues_have_no_fault_and_answers_of_their_own_intents(
    report: ConversionReport,
) -> None:
    for split in report.dialogues:
        assert main.main(["data", "validate", str(report.out / "dialogues" / split)]) == 0
    (service,), _ = open_dialogues(report.out / "dialogues")
    assert {"faq", "faq_parking", "faq_popcorn"} <= set(service.intents)


class Booking:
    """Runs the cinema's booking, and finds every value of its form right."""

    def names(self) -> frozenset[str]:
        return frozenset({"action_book_seats", "validate_booking_form"})

    def run(
        self, name: str, dispatcher: Dispatcher, tracker: Tracker, domain: dict[str, object]
    ) -> list[Event]:
        return [SlotSet("reference", "lantern1")] if name == "action_book_seats" else []


def test_a_model_that_learned_the_dialogues_leads_the_bot_through_its_form(
    report: ConversionReport, dialogues: dict[str, Dialogue]
) -> None:
    bot, past = Bot(report.bot, Booking()), Outcome()
    said: list[str] = []
    for index, turn in enumerate(dialogues["book at once"].turns[1:]):
        heard = Heard(
            dialogue_id="d",
            message_id=str(index),
            index=index,
            user=turn.user,
            intent=turn.intent,
            state=turn.belief_state or {},
            domain="rasa",
        )
        past = bot.turn(heard, past)
        said += past.messages
    assert said == [
        "How many seats for paper boats?",
        "On which day?",
        "Up on the balcony?",
        # Names and references are written as people write them.
        "3 seats for paper boats on Friday are yours; the reference is LANTERN1.",
    ]
    assert past.form is None


def small(folder: Path, domain: str, **files: str) -> Path:
    (folder / "bot").mkdir()
    (folder / "bot" / "domain.yml").write_text(domain, encoding="utf-8")
    for name, text in files.items():
        (folder / "bot" / f"{name}.yml").write_text(text, encoding="utf-8")
    return folder / "bot"


def test_a_project_of_rasa_two_converts(tmp_path: Path) -> None:
    project = small(
        tmp_path,
        'version: "2.0"\n'
        "intents: [ask table]\n"
        "entities: [number]\n"
        "slots: {num people: {type: text}}\n"
        "templates: {utter_ask_num people: [{text: 'How many, {num people}?'}]}\n"
        "forms:\n  table_form:\n    num people:\n    - {type: from_entity, entity: number}\n",
        rules="rules:\n- rule: a\n  steps:\n  - intent: ask table\n  - action: table_form\n",
        nlu="nlu:\n- intent: ask table\n  examples: |\n    - a table\n",
        config="language: fr\n",
    )
    report = convert_rasa(project, tmp_path / "out")
    form = report.bot.forms["ask_table"]
    assert form.required == {"num_people": "utter_ask_num people"}
    assert report.bot.responses["utter_ask_num people"][0].text == "How many, {num_people}?"
    assert report.bot.responses[str(form.action)][0].text == "All right."
    assert report.notes.count("language: fr, English phrases are used") == 1
    assert report.notes.count("form or intent: nothing is said after it") == 1


def test_an_address_that_only_rasas_environment_knows_becomes_its_default(tmp_path: Path) -> None:
    project = small(
        tmp_path,
        "intents: [a]\nactions: [action_a]\n",
        rules="rules:\n- rule: a\n  steps:\n  - intent: a\n  - action: action_a\n",
        endpoints="action_endpoint: {url: '${ACTIONS}'}\n",
    )
    report = convert_rasa(project, tmp_path / "out")
    assert report.bot.actions.endpoint == "http://127.0.0.1:5055/webhook"
    assert report.notes.count("action_endpoint: no plain address, Rasa's default is written") == 1


def test_stories_that_disagree_leave_an_action_to_nobody_and_say_so(tmp_path: Path) -> None:
    story = "- story: {name}\n  steps:\n  - intent: a\n  - action: {action}\n"
    project = small(
        tmp_path,
        "intents: [a]\nactions: [action_a]\nresponses: {utter_b: [{text: b}]}\n",
        stories="stories:\n"
        + story.format(name="1", action="action_a")
        + story.format(name="2", action="utter_b"),
        nlu="nlu:\n- intent: a\n  examples: |\n    - aa\n",
    )
    report = convert_rasa(project, tmp_path / "out")
    assert report.bot.actions.intents == {}
    assert report.notes.count("story: does another thing than others after its intent") == 2


def test_nothing_is_left_behind_where_a_project_cannot_be_read(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(CINEMA, broken)
    (broken / "domain.yml").write_text("intents: {a: b\n")
    with pytest.raises(CorpusError, match=r"domain\.yml:2: YAML: got"):
        convert_rasa(broken, tmp_path / "out")
    with pytest.raises(CorpusError, match=r"got no domain; expected domain\.yml"):
        convert_rasa(CINEMA / "actions", tmp_path / "out")
    with pytest.raises(ConfigError, match="got no folder"):
        convert_rasa(CINEMA / "domain.yml", tmp_path / "out")
    with pytest.raises(ConfigError, match="exists; expected a folder to make"):
        convert_rasa(CINEMA, broken)
    with pytest.raises(ConfigError, match=r"out: cannot be made: Not a directory"):
        convert_rasa(CINEMA, broken / "domain.yml" / "out")
    assert [one.name for one in tmp_path.iterdir()] == ["broken"]


WORDS = st.text(string.ascii_letters + " ", min_size=1, max_size=8).filter(str.strip)
VALUES = WORDS.filter(lambda text: text.casefold() != "old")


@given(st.lists(st.tuples(WORDS, VALUES), min_size=1, max_size=3), WORDS)
def test_words_say_the_values_that_a_story_names(parts: list[tuple[str, str]], last: str) -> None:
    text, entities, steps = "", [], []
    for number, (before, value) in enumerate(parts):
        start = len(text) + len(before)
        one = RasaEntity(entity=f"e{number}", value="old", start=start, end=start + 3)
        text += f"{before}???"
        entities.append(one)
        steps.append(replace(one, value=value, start=None, end=None))
    example = RasaExample(text=text + last, intent="i", entities=tuple(entities))
    slots = tuple(RasaSlot(name=one.entity) for one in entities)
    project = RasaProject(nlu=RasaNlu(examples=(example,)), domains=(RasaDomain(slots=slots),))
    said = Utterances(Assistant(project=project)).said(
        UserStep(intent="i", entities=tuple(steps)), {}
    )
    assert said is not None
    assert said.text == "".join(f"{before}{value}" for before, value in parts) + last
    for one, (_, value) in zip(said.entities, parts, strict=True):
        assert one.value == value == said.text[one.start : one.end]


def test_the_command_line_converts_and_checks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main.main(["bot", "convert", str(CINEMA), str(out)]) == 0
    assert "skipped        1  policy: TEDPolicy" in capsys.readouterr().out
    assert main.main(["bot", "check", str(out / "bot.yml")]) == 0
    assert "14 responses, 2 forms, 3 actions" in capsys.readouterr().out
    (out / "bot.yml").write_text("fallback: {response: b}\n")
    assert main.main(["bot", "check", str(out / "bot.yml")]) == 1
    assert "fallback.response: got 'b'" in capsys.readouterr().err
