"""The layouts dialogues are kept in: what each carries, and opening them by path."""

import json
import re
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.corpora_fixtures import TINY, tiny
from tests.support.source_tree import ROOT
from todserve.corpora.corpus_faults import Fault
from todserve.corpora.files.dialogue_layouts import Layout, layout_of, open_dialogues
from todserve.corpora.files.jsonlines import read_lines, write_lines
from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.sgd.sgd_reader import read_sgd, sgd_schema
from todserve.corpora.readers.sgd.sgd_writer import PER_FILE, write_sgd
from todserve.corpora.registry import find
from todserve.corpora.validation import run_validate
from todserve.runtime.errors import CorpusError
from todserve.runtime.language.dialogue import Dialogue, DialogueAct, Turn
from todserve.runtime.language.schema import Schema, Service, Slot

TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
STATES = st.dictionaries(TEXTS, st.dictionaries(TEXTS, TEXTS, max_size=2), max_size=2)
TURNS = st.builds(
    Turn,
    user=TEXTS,
    belief_state=st.none() | STATES,
    intent=st.none() | TEXTS,
    active_domain=st.none() | TEXTS,
    dialogue_acts=st.none()
    | st.lists(st.builds(DialogueAct, domain=TEXTS, act=TEXTS, slot=TEXTS), max_size=2).map(tuple),
    system=st.none() | TEXTS,
    delexicalised_response=st.none() | TEXTS,
    placeholders=st.lists(st.tuples(TEXTS, TEXTS), max_size=2).map(tuple),
    database_matches=st.none() | st.integers(0, 99),
)
DIALOGUES = st.builds(
    Dialogue,
    dialogue_id=TEXTS,
    corpus=TEXTS,
    split=TEXTS,
    turns=st.lists(TURNS, max_size=3).map(tuple),
)

HOTEL = Service(
    name="hotel",
    slots=(
        Slot(name="area", categorical=True, values=("north", "south")),
        Slot(name="name"),
        Slot(name="day"),
    ),
    intents=("find_hotel", "book_hotel"),
)
TRAIN = Service(name="train", slots=(Slot(name="day"),), intents=("find_train",))
SCHEMA = Schema(services=(HOTEL, TRAIN))

BOOKED = Dialogue(
    dialogue_id="d1",
    corpus="sgd",
    split="train",
    turns=(
        Turn(
            user="a hotel in the north",
            belief_state={"hotel": {"area": "north"}},
            intent="find_hotel",
            active_domain="hotel",
            dialogue_acts=(
                DialogueAct(domain="hotel", act="inform", slot="name"),
                DialogueAct(domain="hotel", act="request", slot="day"),
            ),
            system="The Grand is in the north. Which day?",
            delexicalised_response="The [value_name] is in the [value_area]. Which day?",
            placeholders=(("name", "Grand"), ("area", "north")),
        ),
        Turn(
            user="and a train on friday",
            belief_state={"hotel": {"area": "north"}, "train": {"day": "friday"}},
            intent="find_train",
            active_domain="train",
            dialogue_acts=(DialogueAct(domain="general", act="reqmore"),),
            system="Anything else?",
            delexicalised_response="Anything else?",
        ),
        Turn(
            user="forget the hotel, bye",
            belief_state={"train": {"day": "friday"}},
            intent="general",
            active_domain="hotel",
            dialogue_acts=(
                DialogueAct(domain="general", act="thank"),
                DialogueAct(domain="hotel", act="offer", slot="name"),
            ),
            system="Thanks.",
            delexicalised_response="Thanks.",
        ),
        Turn(
            user="bye",
            belief_state={"train": {"day": "friday"}},
            intent="general",
            active_domain="hotel",
        ),
    ),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(DIALOGUES, min_size=1, max_size=3))
def test_json_lines_carry_everything(dialogues: list[Dialogue]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "dev.jsonl"
        write_lines(dialogues, path)
        faults: list[Fault] = []
        found = list(read_lines(path, faults))
    assert [dialogue for _, dialogue in found] == dialogues
    assert [line for line, _ in found] == list(range(1, len(dialogues) + 1))
    assert faults == []


def test_a_line_needs_little_and_takes_the_rest_from_its_place(tmp_path: Path) -> None:
    path = tmp_path / "ours" / "dev.jsonl"
    path.parent.mkdir()
    path.write_text('\n{"dialogue_id": "1", "turns": [{"user": "hi", "intent": null}]}\n', "utf-8")
    ((line, dialogue),) = read_lines(path, [])
    assert line == 2
    assert dialogue == Dialogue(
        dialogue_id="1", corpus="ours", split="dev", turns=(Turn(user="hi"),)
    )


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("{", "line"),
        ("[]", "line"),
        ('{"turns": []}', "dialogue_id"),
        ('{"dialogue_id": 1, "turns": []}', "dialogue_id"),
        ('{"dialogue_id": "1", "turns": [{"user": "my secret"}, {}]}', "turns.1.user"),
        ('{"dialogue_id": "1", "turns": [{"user": "my secret", "inten": "a"}]}', "turns.0"),
        (
            '{"dialogue_id": "1", "turns": [{"user": "a", "belief_state": {"b": {"c": 2}}}]}',
            "turns.0.belief_state.b.c",
        ),
    ],
)
def test_a_line_in_another_layout_is_a_fault_without_its_words(
    tmp_path: Path, line: str, what: str
) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text(f'{{"dialogue_id": "0", "turns": []}}\n{line}\n', "utf-8")
    faults: list[Fault] = []
    assert len(list(read_lines(path, faults))) == 1
    assert [(one.line, one.what) for one in faults] == [(2, what)]
    assert "secret" not in str(faults[0])


def written(folder: Path, *dialogues: Dialogue, report: ReadReport | None = None) -> list[Dialogue]:
    write_sgd(SCHEMA, dialogues, folder / "train", report if report is not None else ReadReport())
    return list(read_sgd(find("sgd", folder), "train"))


def test_schema_guided_files_carry_states_acts_intents_domains_and_spans(tmp_path: Path) -> None:
    assert written(tmp_path, BOOKED) == [BOOKED]
    # Thanks are no hotel's; in that layout every frame needs a service.
    general = Service(name="general")
    schema = Schema(services=(*SCHEMA.services, general))
    assert sgd_schema(find("sgd", tmp_path), "train") == schema
    assert open_dialogues(tmp_path)[0] == SCHEMA.services
    assert run_validate(tmp_path) == []


def test_schema_guided_files_have_official_frames(tmp_path: Path) -> None:
    written(tmp_path, BOOKED)
    (entry,) = json.loads((tmp_path / "train" / "dialogues_001.json").read_text("utf-8"))
    assert entry["services"] == ["hotel", "train"]
    user, system, second, *_ = entry["turns"]
    (frame,) = user["frames"]
    assert frame["actions"] == [
        {
            "act": "INFORM_INTENT",
            "slot": "intent",
            "values": ["find_hotel"],
            "canonical_values": ["find_hotel"],
        }
    ]
    assert frame["slots"] == [{"slot": "area", "start": 15, "exclusive_end": 20}]
    assert frame["state"] == {
        "active_intent": "find_hotel",
        "requested_slots": [],
        "slot_values": {"area": ["north"]},
    }
    assert [one["service"] for one in second["frames"]] == ["train"]
    assert system["frames"][0]["slots"] == [
        {"slot": "name", "start": 4, "exclusive_end": 9},
        {"slot": "area", "start": 20, "exclusive_end": 25},
    ]


def test_slots_of_acts_are_added_to_the_schema_of_schema_guided_files(tmp_path: Path) -> None:
    act = DialogueAct(domain="hotel", act="inform", slot="reference")
    turn = replace(BOOKED.turns[0], dialogue_acts=(act,))
    report = ReadReport()
    written(tmp_path, replace(BOOKED, turns=(turn,)), report=report)
    schema = sgd_schema(find("sgd", tmp_path), "train")
    assert schema.slots("hotel") == ("area", "name", "day", "reference")
    assert schema.values("hotel", "area") == ("north", "south")
    assert report.notes["slot: added to the schema"].examples == ["d1 hotel reference"]
    assert run_validate(tmp_path) == []


def test_what_schema_guided_files_cannot_carry_is_counted(tmp_path: Path) -> None:
    turn = Turn(
        user="hi", database_matches=3, dialogue_acts=(DialogueAct(domain="hotel", act="a"),)
    )
    dialogue = Dialogue(dialogue_id="d", corpus="c", split="train", turns=(turn,))
    report = ReadReport()
    (found,) = written(tmp_path, dialogue, report=report)
    assert found.turns == (
        Turn(user="hi", belief_state={}, intent="general", active_domain="hotel"),
    )
    assert {reason.partition(":")[0] for reason in report.notes} == {
        "database_matches",
        "dialogue_acts",
        "belief_state",
        "intent",
        "active_domain",
    }


def test_many_dialogues_are_written_in_several_files(tmp_path: Path) -> None:
    many = [replace(BOOKED, dialogue_id=f"d{number}") for number in range(PER_FILE + 1)]
    assert written(tmp_path, *many) == many
    assert (tmp_path / "train" / "dialogues_002.json").is_file()


@pytest.mark.parametrize(
    ("path", "layout"),
    [
        (TINY / "sgd", Layout.SGD),
        (TINY / "sgd" / "dev", Layout.SGD),
        (TINY / "rasa", Layout.RASA),
        (TINY / "rasa" / "old" / "nlu.json", Layout.RASA),
        (TINY / "rasa" / "data" / "stories.yml", Layout.RASA),
    ],
)
def test_layouts_are_recognised(path: Path, layout: Layout) -> None:
    assert layout_of(path) is layout


def test_what_is_no_layout_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[]", "utf-8")
    for path in (tmp_path, tmp_path / "a.json", tmp_path / "none.jsonl", tmp_path / "none"):
        with pytest.raises(
            CorpusError, match=r"holds no dialogues; expected a folder of \*\.jsonl"
        ):
            layout_of(path)


def test_a_folder_of_json_lines_is_opened_with_its_schema(tmp_path: Path) -> None:
    SCHEMA.save(tmp_path / "schema.json")
    write_lines([BOOKED], tmp_path / "train.jsonl")
    report = ReadReport()
    services, dialogues = open_dialogues(tmp_path, report=report)
    assert services == SCHEMA.services
    assert list(dialogues) == [BOOKED]
    assert (report.dialogues, report.turns) == (1, 4)
    (tmp_path / "schema.json").unlink()
    with pytest.raises(CorpusError, match="put one beside the dialogues"):
        open_dialogues(tmp_path)


def test_what_the_page_shows_of_json_lines_is_a_corpus_without_a_fault(tmp_path: Path) -> None:
    page = (
        (ROOT / "docs" / "own-data.md")
        .read_text(encoding="utf-8")
        .partition("\n## JSON lines\n")[2]
    )
    line, schema = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    (tmp_path / "train.jsonl").write_text(line, encoding="utf-8")
    (tmp_path / "schema.json").write_text(schema, encoding="utf-8")
    services, dialogues = open_dialogues(tmp_path)
    assert [service.name for service in services] == ["train"]
    assert [turn.delexicalised_response for one in dialogues for turn in one.turns] == [
        "which day?"
    ]
    assert run_validate(tmp_path) == []


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"services": []}, "got no list of services"),
        ([{"slots": []}], "a service, slot or intent has no 'service_name'"),
        ([{"service_name": "train", "slots": [{"name": "day"}]}], "has no 'is_categorical'"),
    ],
)
def test_a_schema_of_another_form_is_refused_with_what_it_lacks(
    schema: object, told: str, tmp_path: Path
) -> None:
    write_lines([BOOKED], tmp_path / "train.jsonl")
    (tmp_path / "schema.json").write_text(json.dumps(schema))
    with pytest.raises(CorpusError, match=f"{told}; expected .* as docs/own-data.md shows"):
        open_dialogues(tmp_path)


def test_opening_stops_at_a_fault_with_its_line(tmp_path: Path) -> None:
    SCHEMA.save(tmp_path / "schema.json")
    write_lines([BOOKED], tmp_path / "train.jsonl")
    with (tmp_path / "train.jsonl").open("a", encoding="utf-8") as stream:
        stream.write("{}\n")
    _, dialogues = open_dialogues(tmp_path)
    assert next(dialogues) == BOOKED
    with pytest.raises(CorpusError, match=r"train\.jsonl:2: dialogue_id"):
        next(dialogues)


def test_schema_guided_splits_are_opened_under_their_folders_names() -> None:
    services, dialogues = open_dialogues(TINY / "sgd")
    assert [service.name for service in services] == ["Restaurants_9", "Taxis_9"]
    found = list(dialogues)
    assert [(one.corpus, one.split) for one in found] == [("sgd", "dev"), ("sgd", "train")]
    assert found[0].turns == next(read_sgd(tiny("sgd"), "dev")).turns


def test_a_split_of_another_name_is_opened_too(tmp_path: Path) -> None:
    written(tmp_path, BOOKED)
    (tmp_path / "train").rename(tmp_path / "held_out")
    _, dialogues = open_dialogues(tmp_path / "held_out")
    assert list(dialogues) == [replace(BOOKED, corpus="held_out", split="held_out")]


def test_a_rasa_folder_is_opened_with_names_and_values_that_prompts_hold() -> None:
    report = ReadReport()
    services, dialogues = open_dialogues(TINY / "rasa", report=report)
    found = {one.dialogue_id: one for one in dialogues}
    assert services[0].intents == ("greet", "order_pizza", "inform", "faq")
    assert found["nlu-4"].turns[0].intent == "faq_hours"
    assert found["nlu-4"].corpus == "rasa"
    # Of the three stories none has words for every turn.
    assert set(found) == {f"nlu-{number}" for number in range(9)} | {"in words"}
    assert report.count("story: without utterances") == 2
    assert report.count("name: spaces and marks replaced, which a label cannot hold") == 1


def test_values_are_spelled_as_the_schema_spells_them(tmp_path: Path) -> None:
    SCHEMA.save(tmp_path / "schema.json")
    turn = Turn(user="x", belief_state={"hotel": {"area": "North", "day": " 9:05 PM", "name": "?"}})
    raw = Dialogue(dialogue_id="d", corpus="c", split="train", turns=(turn,))
    write_lines([raw], tmp_path / "train.jsonl")
    _, plain = open_dialogues(tmp_path, fit=False)
    assert list(plain) == [raw]
    _, fitted = open_dialogues(tmp_path)
    assert next(fitted).turns[0].belief_state == {"hotel": {"area": "north", "day": "21:05"}}
