"""Rasa's files: what is read from them, and the file and line of every fault."""

from pathlib import Path

import pytest

from tests.support.corpora_fixtures import TINY
from todserve.corpora.corpus_faults import Fault
from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.rasa.rasa_project import read_project
from todserve.corpora.readers.rasa.rasa_slots import sources_of
from todserve.corpora.readers.rasa.rasa_types import (
    ActionStep,
    BotStep,
    RasaEntity,
    RasaExample,
    RasaProject,
    RasaTable,
    SlotStep,
    UserStep,
)

BOT = TINY / "rasa"
_SPANNED = (
    '{{"text": "to ely", "intent": "a", "entities": [\n'
    '{{"start": {start}, "end": {end}, "entity": "c"}}]}}'
)


def read(path: Path, report: ReadReport | None = None) -> RasaProject:
    faults: list[Fault] = []
    project = read_project(path, report if report is not None else ReadReport(), faults)
    assert faults == []
    return project


def faults_of(folder: Path, name: str, text: str) -> list[tuple[int, str, str]]:
    (folder / name).write_text(text, "utf-8")
    faults: list[Fault] = []
    read_project(folder, ReadReport(), faults)
    assert {one.file for one in faults} <= {str(folder / name)}
    return [(one.line, one.what, one.got) for one in faults]


def test_examples_of_yaml_have_entities_roles_values_and_lines() -> None:
    nlu = read(BOT / "data" / "nlu.yml").nlu
    text = "a big one with olives"
    assert nlu.examples == (
        RasaExample(text="hello there", intent="greet"),
        RasaExample(text="good evening", intent="greet"),
        RasaExample(
            text=text,
            intent="order_pizza",
            entities=(
                RasaEntity(entity="size", value="large", start=2, end=5),
                RasaEntity(entity="topping", value="olives", role="with", start=15, end=21),
            ),
        ),
        RasaExample(
            text="a small pizza",
            intent="order_pizza",
            entities=(RasaEntity(entity="size", value="small", start=2, end=7),),
        ),
        RasaExample(text="until when are you open", intent="faq/hours"),
    )
    assert [one.place.line for one in nlu.examples] == [5, 7, 10, 11, 14]
    assert nlu.synonyms == (RasaTable(name="large", examples=("huge",)),)
    assert nlu.lookups == (RasaTable(name="topping_with", examples=("olives", "ham")),)
    assert nlu.regexes == (RasaTable(name="phone", examples=(r"\d{10}",)),)


def test_stories_of_yaml_keep_their_steps_and_count_what_is_left_out() -> None:
    report = ReadReport()
    (story,) = read(BOT / "data" / "stories.yml", report).stories
    assert story.name == "a large one"
    assert story.steps == (
        UserStep(intent="greet"),
        ActionStep(name="utter_ask_size"),
        UserStep(
            intent="order_pizza",
            text="the huge one without ham",
            entities=(
                RasaEntity(entity="size", value="huge", start=4, end=8),
                RasaEntity(entity="topping", value="ham", role="without", start=21, end=24),
            ),
        ),
        SlotStep(slot="vegetarian", value="true"),
        SlotStep(slot="size", known=False),
        ActionStep(name="action_order"),
        BotStep(text="It is on its way."),
        UserStep(intent="inform", entities=(RasaEntity(entity="size", value="small"),)),
        SlotStep(slot="vegetarian"),
    )
    assert {reason: note.count for reason, note in report.notes.items()} == {
        "step: checkpoint": 1,
        "or: first branch kept": 1,
        "rule": 1,
    }
    assert report.notes["rule"].examples == [f"{BOT}/data/stories.yml:24"]


def test_a_domain_has_intents_slots_and_what_fills_them() -> None:
    (domain,) = read(BOT / "domain.yml").domains
    assert domain.intents == ("greet", "order_pizza", "inform", "faq")
    assert domain.entities == ("size", "topping")
    filled = {
        slot.name: tuple((s.entity, s.role) for s in sources_of(slot)) for slot in domain.slots
    }
    assert [(one.name, one.type, one.values, filled[one.name]) for one in domain.slots] == [
        ("size", "categorical", ("small", "large"), (("size", None),)),
        ("topping_with", "text", (), (("topping", "with"),)),
        ("topping_without", "text", (), (("topping", "without"),)),
        ("vegetarian", "bool", ("true", "false"), ()),
    ]
    assert domain.responses == (
        ("utter_ask_size", ("Which size?", "Small or large?")),
        ("utter_hours", ("We are open until ten.",)),
    )
    assert domain.actions == ("action_order",)
    assert domain.forms == (("pizza_form", ("size", "topping_with")),)


def test_the_old_json_is_read() -> None:
    nlu = read(BOT / "old" / "nlu.json").nlu
    assert nlu.examples == (
        RasaExample(text="hey", intent="greet"),
        RasaExample(
            text="two with ham",
            intent="order_pizza",
            entities=(RasaEntity(entity="topping", value="bacon", start=9, end=12),),
        ),
    )
    assert nlu.examples[1].place.line == 5
    assert nlu.synonyms == (RasaTable(name="large", examples=("big", "huge")),)
    assert nlu.regexes == (RasaTable(name="phone", examples=("[0-9]{10}",)),)
    assert nlu.lookups == (RasaTable(name="topping", examples=("ham", "olives")),)


def test_markdown_stories_and_examples_are_read() -> None:
    report = ReadReport()
    first, second = read(BOT / "old" / "stories.md", report).stories
    assert (first.name, first.place.line) == ("ordering", 3)
    assert first.steps == (
        UserStep(intent="greet"),
        ActionStep(name="utter_ask_size"),
        UserStep(
            intent="inform",
            entities=(
                RasaEntity(entity="size", value="large"),
                RasaEntity(entity="count", value="2"),
            ),
        ),
        SlotStep(slot="size", value="large"),
        ActionStep(name="action_order"),
    )
    assert second.steps[0] == UserStep(
        intent="order_pizza",
        text="a small one",
        entities=(RasaEntity(entity="size", value="small", start=2, end=7),),
    )
    assert report.count("step: form") == 1
    assert [one for story in (first, second) for one in (story.opens, story.closes) if one]
    nlu = read(BOT / "old" / "nlu.md").nlu
    assert [one.text for one in nlu.examples] == ["good morning", "hi Ann"]
    assert nlu.synonyms == (RasaTable(name="large", examples=("enormous",)),)


def test_a_folder_is_read_whole_but_for_its_test_stories() -> None:
    report = ReadReport()
    project = read(BOT, report)
    assert len(project.nlu.examples) == 9
    assert [story.name for story in project.stories] == ["a large one", "ordering", "in words"]
    assert report.count("file: test stories") == 1
    (alone,) = read(BOT / "data" / "test_stories.yml").stories
    assert alone.name == "never trained on"


def test_other_files_of_a_folder_are_none_of_ours(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# A bot\n\n## How\n\n* read this\n", "utf-8")
    (tmp_path / "config.yml").write_text("pipeline: [\n", "utf-8")
    (tmp_path / "package.json").write_text("{", "utf-8")
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "nlu.yml").write_text("nlu: nothing\n", "utf-8")
    assert read(tmp_path) == RasaProject()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nlu:\n- examples: |\n    - a\n", (2, "entry of nlu", "keys examples")),
        ("nlu:\n- intent: a\n", (2, "intent 'a'", "no examples")),
        (
            "nlu:\n- intent: a\n  examples: |\n    - ok\n    not an example\n",
            (5, "example of intent 'a'", "a line without '- '"),
        ),
        (
            "nlu:\n- intent: a\n  examples: |\n    - ok\n    -\n",
            (5, "example of intent 'a'", "an empty example"),
        ),
        (
            'nlu:\n- intent: a\n  examples: |\n    - to [ely]{"entity"}\n',
            (4, "entity", "an entity mark whose braces hold no JSON"),
        ),
        (
            'nlu:\n- intent: a\n  examples: |\n    - to [ely]{"name": "city"}\n',
            (4, "entity", "an entity mark with keys name"),
        ),
        (
            "nlu:\n- intent: a\n  examples: |\n    - to [ely](city\n",
            (4, "entity", "an entity mark without an end or a name"),
        ),
        ("nlu:\n- intent: a\n  examples: |\n  - a\n", (4, "YAML", None)),
        ("slots:\n  a: {}\n  b:\n    values: [x]\n", (4, "slot 'b'", "no type")),
        (
            "slots:\n  a:\n    type: categorical\n",
            (3, "slot 'a'", "a categorical slot without values"),
        ),
        ("intents:\n- a\n- a\n", (3, "entry of intents", "'a' a second time")),
        ("stories:\n- steps: []\n", (2, "story", "no name")),
        ("stories:\n- story: a\n", (2, "story 'a'", "no steps")),
        (
            "stories:\n- story: a\n  steps:\n  - inten: b\n",
            (4, "step", "keys inten"),
        ),
        (
            "stories:\n- story: a\n  steps:\n  - intent: b\n    entities:\n    - {c: d, e: f}\n",
            (6, "entity", "keys c, e"),
        ),
        ("nlu: text\n", (1, "nlu", "text")),
    ],
)
def test_every_fault_of_yaml_has_its_line(
    tmp_path: Path, text: str, expected: tuple[int, str, str | None]
) -> None:
    found = faults_of(tmp_path, "data.yml", text)
    line, what, got = expected
    assert [one[:2] for one in found] == [(line, what)]
    assert got is None or found[0][2] == got


@pytest.mark.parametrize(
    ("example", "line", "what"),
    [
        (_SPANNED.format(start=3, end=9), 3, "entity 'c'"),
        (_SPANNED.format(start='"3"', end=6), 3, "entity 'c'"),
        (_SPANNED.format(start=4, end=4), 3, "entity 'c'"),
        ('{"text": "", "intent": "a"}', 2, "text"),
        ('{"text": "a"}', 2, "intent"),
    ],
)
def test_every_fault_of_the_old_json_has_its_line(
    tmp_path: Path, example: str, line: int, what: str
) -> None:
    text = f'{{"rasa_nlu_data": {{"common_examples": [\n{example}]}}}}'
    assert [one[:2] for one in faults_of(tmp_path, "nlu.json", text)] == [(line, what)]


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("## a\n* b\n- c\n* d{broken}\n", 4, "entities"),
        ("## a\n* b\n- c\nwords\n", 4, "step"),
        ("* b\n## a\n* b\n- c\n", 1, "step"),
        ("## a\n\n## c\n* b\n- c\n", 1, "story 'a'"),
        ("## intent:a\n- b\nwords\n", 3, "example"),
    ],
)
def test_every_fault_of_markdown_has_its_line(
    tmp_path: Path, text: str, line: int, what: str
) -> None:
    assert [one[:2] for one in faults_of(tmp_path, "old.md", text)] == [(line, what)]


def test_all_faults_are_noted_and_the_rest_is_read(tmp_path: Path) -> None:
    text = "nlu:\n- intent: a\n  examples: |\n    - one\n    two\n    - [x]{y}\n- nothing: b\n"
    (tmp_path / "nlu.yml").write_text(text, "utf-8")
    faults: list[Fault] = []
    project = read_project(tmp_path, ReadReport(), faults)
    assert [one.line for one in faults] == [5, 6, 7]
    assert [one.text for one in project.nlu.examples] == ["one", "x"]


def test_no_fault_repeats_an_utterance(tmp_path: Path) -> None:
    text = "nlu:\n- intent: a\n  examples: |\n    my secret is out\n    - my secret [x](\n"
    (tmp_path / "nlu.yml").write_text(text, "utf-8")
    faults: list[Fault] = []
    read_project(tmp_path, ReadReport(), faults)
    assert len(faults) == 2
    assert not any("secret" in str(one) for one in faults)
