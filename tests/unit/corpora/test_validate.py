"""Every fault is named with its file and line, and none that is not there."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.corpora_fixtures import TINY
from todserve.cli import main
from todserve.corpora.corpus_faults import Fault
from todserve.corpora.files.dialogue_layouts import open_dialogues
from todserve.corpora.files.dialogue_places import Places
from todserve.corpora.registry import TOD_DATA, find, load
from todserve.corpora.validation import run_validate
from todserve.runtime.errors import CorpusError
from todserve.runtime.language.schema import Schema, Service, Slot

SCHEMA = Schema(
    services=(
        Service(
            name="hotel",
            slots=(
                Slot(name="area", categorical=True, values=("north", "south")),
                Slot(name="name"),
            ),
            intents=("find_hotel",),
        ),
    )
)
GOOD: dict[str, Any] = {
    "dialogue_id": "d1",
    "turns": [
        {
            "user": "a hotel in the north",
            "intent": "find_hotel",
            "active_domain": "hotel",
            "belief_state": {"hotel": {"area": "north", "name": "dontcare"}},
            "dialogue_acts": [{"domain": "general", "act": "bye"}],
            "system": "The Grand.",
            "placeholders": [["name", "grand"]],
        }
    ],
}


def lines(folder: Path, *entries: object) -> Path:
    SCHEMA.save(folder / "schema.json")
    text = "".join(f"{one if isinstance(one, str) else json.dumps(one)}\n" for one in entries)
    (folder / "train.jsonl").write_text(text, "utf-8")
    return folder


def changed(**turn: object) -> dict[str, Any]:
    return {"dialogue_id": "d2", "turns": [{**GOOD["turns"][0], **turn}]}


def places(faults: list[Fault]) -> list[tuple[str, int, str]]:
    return [(Path(one.file).name, one.line, one.what) for one in faults]


def test_right_dialogues_have_no_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_validate(lines(tmp_path, GOOD)) == []
    assert capsys.readouterr().out == f"{tmp_path}: JSON lines, 1 dialogues; 0 faults\n"


@pytest.mark.parametrize(
    ("entry", "what", "got"),
    [
        (changed(user="  "), "turns.0 utterance", "an empty one"),
        (changed(system="", placeholders=[]), "turns.0 reply", "an empty one"),
        (changed(intent="find_train"), "turns.0 intent", "'find_train'"),
        (changed(active_domain="train"), "turns.0 domain", "'train'"),
        (changed(dialogue_acts=[{"domain": "bus", "act": "a"}]), "turns.0 domain", "'bus'"),
        (changed(belief_state={"bus": {"a": "b"}}), "turns.0 belief_state", "domain 'bus'"),
        (
            changed(belief_state={"hotel": {"colour": "red"}}),
            "turns.0 belief_state hotel",
            "slot 'colour'",
        ),
        (
            changed(belief_state={"hotel": {"area": "west"}}),
            "turns.0 belief_state hotel",
            "area = 'west'",
        ),
        (
            changed(belief_state={"hotel": {"name": ""}}),
            "turns.0 belief_state hotel",
            "no value for 'name'",
        ),
        (
            changed(placeholders=[["name", "Ritz"]]),
            "turns.0 placeholder 'name'",
            "a text that the reply does not hold",
        ),
        (GOOD, "dialogue_id", "'d1' a second time"),
        ({"dialogue_id": "d2", "turns": []}, "turns", "none"),
        (changed(user="x" * 4001), "turns.0 utterance", "4001 characters"),
        (changed(user="a\0b"), "turns.0 utterance", "the control character U+0000"),
        (
            changed(belief_state={"hotel": {"name": "x" * 201}}),
            "turns.0 belief_state hotel 'name'",
            "201 characters",
        ),
        (
            changed(user="hi <eos_u>"),
            "turns.0 utterance",
            "a mark that only the network may write, such as <eos_u>",
        ),
        (
            changed(dialogue_acts=[{"domain": "hotel", "act": "inform", "slot": "areaa"}]),
            "turns.0 dialogue_acts hotel",
            "slot 'areaa', did you mean 'area'?",
        ),
        (changed(intnet="a"), "turns.0", "unknown key 'intnet', did you mean 'intent'?"),
        ({"dialogue_id": 1, "turns": []}, "dialogue_id", "a number"),
        ({"turns": []}, "dialogue_id", "nothing"),
        ("{]", "line", "no JSON (key must be a string at line 1 column 2)"),
    ],
)
def test_every_fault_of_json_lines_has_its_line(
    tmp_path: Path, entry: object, what: str, got: str
) -> None:
    faults = run_validate(lines(tmp_path, GOOD, "", entry))
    assert places(faults) == [("train.jsonl", 3, what)]
    assert faults[0].got == got


def test_a_mark_of_windows_is_no_fault_and_its_letters_are_named(tmp_path: Path) -> None:
    file = Path(lines(tmp_path, GOOD)) / "train.jsonl"
    good = file.read_bytes()
    file.write_bytes(b"\xef\xbb\xbf" + good.replace(b"\n", b"\r\n"))
    assert run_validate(tmp_path) == []
    file.write_bytes(good + '{"dialogue_id": "2", "turns": [{"user": "café"}]}\n'.encode("cp1252"))
    (fault,) = run_validate(tmp_path)
    assert (fault.line, fault.got) == (2, "byte 45 of another coding than UTF-8")
    assert fault.fix.endswith("iconv -f cp1252 -t utf-8 train.jsonl")


def test_an_empty_file_is_a_fault_and_no_corpus(tmp_path: Path) -> None:
    lines(tmp_path, GOOD)
    (tmp_path / "train.jsonl").write_text("\n")
    (fault,) = run_validate(tmp_path)
    assert (fault.line, fault.got) == (1, "no dialogue")
    with pytest.raises(CorpusError, match="got no dialogue; expected one a line"):
        list(open_dialogues(tmp_path)[1])


def test_ones_own_dialogues_are_counted_by_their_path(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["data", "stats", str(lines(tmp_path, GOOD))]) == 0
    assert "turns a dialogue" in capsys.readouterr().out


def test_all_faults_are_printed_in_the_order_of_the_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = changed(intent="x", user="")
    faults = run_validate(lines(tmp_path, bad, "{]", {**bad, "dialogue_id": "d3"}))
    assert [one.line for one in faults] == [1, 1, 2, 3, 3]
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith(f"{tmp_path}/train.jsonl:1: turns.0 utterance: got an empty one;")
    assert printed[-1].endswith("JSON lines, 2 dialogues; 5 faults")
    assert len(printed) == 6


Change = Callable[[Any], object]


@pytest.mark.parametrize(
    ("change", "line_of", "what"),
    [
        (lambda one: one.update(dialogue_id=""), '"dialogue_id"', "dialogue_id"),
        (lambda one: one["turns"][0].update(speaker="BOT"), '"speaker"', "speaker"),
        (lambda one: one["turns"][0].update(utterance=""), '"utterance"', "utterance"),
        (lambda one: one["turns"][0]["frames"][0].update(service="X"), '"service"', "service"),
        (
            lambda one: one["turns"][0]["frames"][0]["state"].update(active_intent="X"),
            '"active_intent"',
            "active_intent",
        ),
        (
            lambda one: one["turns"][0]["frames"][0]["state"].update(requested_slots=["zz"]),
            '"zz"',
            "requested slot of service Restaurants_9",
        ),
        (
            lambda one: one["turns"][0]["frames"][0]["state"]["slot_values"].update(zz=["a"]),
            '"zz"',
            "slot of slot_values of service Restaurants_9",
        ),
        (
            lambda one: one["turns"][0]["frames"][0].update(
                slots=[{"slot": "city", "start": 5, "exclusive_end": 999}]
            ),
            '"slots"',
            "span",
        ),
        (
            lambda one: one["turns"][1]["frames"][0]["actions"][0].update(slot="zz"),
            '"zz"',
            "slot of an action of service Restaurants_9",
        ),
        (
            lambda one: one["turns"][0]["frames"][0]["state"]["slot_values"].update(
                price_range=["gold"]
            ),
            '"gold"',
            "value of Restaurants_9 price_range",
        ),
    ],
)
def test_every_fault_of_schema_guided_files_has_its_line(
    tmp_path: Path, change: Change, line_of: str, what: str
) -> None:
    folder = tmp_path / "dev"
    shutil.copytree(TINY / "sgd" / "dev", folder)
    path = folder / "dialogues_001.json"
    entries = json.loads(path.read_text("utf-8"))
    known = {(one.what, one.got) for one in run_validate(folder)}
    change(entries[0])
    text = json.dumps(entries, indent=1)
    path.write_text(text, "utf-8")
    found = [one for one in run_validate(folder) if (one.what, one.got) not in known]
    line = text[: text.index(line_of)].count("\n") + 1
    # A span's fault stands at the span, the line below its list.
    assert [(one.line - (what == "span"), one.what) for one in found] == [(line, what)]


def test_the_tiny_corpus_has_the_faults_its_author_put_in() -> None:
    faults = run_validate(TINY / "sgd")
    assert [(Path(one.file).parent.name, one.what, one.got) for one in faults] == [
        ("dev", "value of Restaurants_9 price_range", "'mid'"),
        ("dev", "value of Restaurants_9 price_range", "'Moderate'"),
        ("dev", "value of Restaurants_9 has_live_music", "'maybe'"),
        ("train", "span", "4 to 99 in an utterance of 7 characters"),
    ]


def test_faults_of_rasa_files_are_those_of_the_files_and_between_them() -> None:
    faults = run_validate(TINY / "rasa")
    assert places(faults) == [("nlu.md", 3, "entity"), ("stories.md", 7, "entity")]


def test_rasa_files_that_disagree_are_named_with_both_places(tmp_path: Path) -> None:
    (tmp_path / "domain.yml").write_text(
        "intents: [a]\nslots:\n  s:\n    type: categorical\n    values: [x]\n"
        "    mappings:\n    - type: from_entity\n      entity: e\n"
        "forms:\n  f:\n    required_slots: [t]\n",
        "utf-8",
    )
    (tmp_path / "nlu.yml").write_text(
        "nlu:\n- intent: a\n  examples: |\n    - one\n- intent: b\n  examples: |\n    - one\n",
        "utf-8",
    )
    (tmp_path / "stories.yml").write_text(
        "stories:\n- story: s\n  steps:\n  - intent: a\n  - action: act\n  - slot_was_set:\n"
        "    - s: y\n    - t: z\n- story: s\n  steps:\n  - intent: a\n  - action: action_listen\n",
        "utf-8",
    )
    faults = run_validate(tmp_path)
    assert [(*places([one])[0], one.got) for one in faults] == [
        ("domain.yml", 1, "form 'f'", "slot 't'"),
        ("domain.yml", 4, "entity", "'e'"),
        (
            "nlu.yml",
            7,
            "example",
            f"the utterance of {tmp_path}/nlu.yml:4 under another intent",
        ),
        ("nlu.yml", 7, "intent", "'b'"),
        ("stories.yml", 5, "action", "'act'"),
        ("stories.yml", 7, "slot 's'", "value 'y'"),
        ("stories.yml", 8, "slot", "'t'"),
        ("stories.yml", 9, "story", f"the name 's' of {tmp_path}/stories.yml:2 again"),
    ]


def test_a_published_corpus_is_checked_by_name_with_places_in_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where no path "banking77" or "sgd" is
    folder = tmp_path / "corpora" / "banking77"
    folder.mkdir(parents=True)
    (folder / "train.csv").write_text("text,category\nmy card,card_lost\n", "utf-8")
    (folder / "test.csv").write_text(
        'text,category\n"a ""quoted"", one",card_lost\nwhere is it,card_found\n', "utf-8"
    )
    faults = run_validate("banking77", root=tmp_path / "corpora")
    assert [(one.file, one.line, one.what, one.got) for one in faults] == [
        (str(folder / "test.csv"), 3, "banking77-test-00002 turns.0 intent", "'card_found'")
    ]
    assert run_validate("banking77", split="train", root=tmp_path / "corpora") == []
    assert len(run_validate("sgd", root=TINY)) == 4
    with pytest.raises(CorpusError, match="unknown split 'test' of sgd"):
        run_validate("sgd", split="test", root=TINY)


def test_what_is_neither_path_nor_corpus_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="'nothing' is neither a path nor a corpus"):
        run_validate("nothing")
    with pytest.raises(CorpusError, match="holds no dialogues"):
        run_validate(tmp_path)


def test_places_are_found_by_id_and_words() -> None:
    found = find("multiwoz21", TINY)
    (first, *_) = load("multiwoz21", "train", TINY)
    places = Places(found, "train")
    text = (found.location / "train.tsv").read_text("utf-8").splitlines()
    for number, turn in enumerate(first.turns):
        # The file has "expensive -ly priced ." where the reader says "expensively priced."
        file, line = places.find(first.dialogue_id, turn.user)
        assert file == str(found.location / "train.tsv")
        assert text[line - 1].startswith(f"{first.dialogue_id}.json\t{number}\t")
    assert places.find("nowhere", "never said by anyone") == (str(found.location), 0)


@pytest.mark.corpora
@pytest.mark.skipif(not os.environ.get(TOD_DATA), reason=f"{TOD_DATA} is not set")
@pytest.mark.parametrize(
    ("name", "split", "count"),
    [("multiwoz21", "dev", 3), ("camrest676", "train", 0), ("banking77", "train", 0)],
)
def test_published_corpora_have_few_faults_and_each_has_a_line(
    name: str, split: str, count: int
) -> None:
    faults = run_validate(name, split=split)
    assert len(faults) == count
    assert all(one.line for one in faults)


def test_no_layout_may_hold_what_a_server_refuses(tmp_path: Path) -> None:
    project = tmp_path / "bot"
    project.mkdir()
    (project / "domain.yml").write_text("intents: [greet]\n", "utf-8")
    (project / "nlu.yml").write_text(
        f"nlu:\n- intent: greet\n  examples: |\n    - {'x' * 4001}\n    - hi <eos_u>\n", "utf-8"
    )
    assert [(one.line, one.got) for one in run_validate(project)] == [
        (4, "4001 characters"),
        (5, "a mark that only the network may write, such as <eos_u>"),
    ]
    folder = tmp_path / "sgd"
    shutil.copytree(TINY / "sgd" / "dev", folder)
    file = folder / "dialogues_001.json"
    tree = json.loads(file.read_text("utf-8"))
    tree[0]["turns"][0]["utterance"] += "\u0001"
    file.write_text(json.dumps(tree), "utf-8")
    assert ("utterance", "the control character U+0001") in {
        (one.what, one.got) for one in run_validate(folder)
    }
