"""From any layout to any other, by path or by a published corpus's name."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.corpora_fixtures import TINY
from todserve.corpora.files.dialogue_layouts import open_dialogues
from todserve.corpora.layout_conversion import run_convert
from todserve.corpora.registry import CORPORA, find, load
from todserve.corpora.validation import run_validate
from todserve.runtime.errors import ConfigError, CorpusError
from todserve.runtime.language.dialogue import Dialogue


def opened(path: Path) -> list[Dialogue]:
    return list(open_dialogues(path, fit=False)[1])


def test_a_published_corpus_becomes_json_lines_without_loss(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "ours"
    report = run_convert("sgd", "jsonl", out, split="dev", root=TINY)
    assert sorted(path.name for path in out.iterdir()) == ["dev.jsonl", "schema.json"]
    assert opened(out) == list(load("sgd", "dev", TINY))
    services, _ = open_dialogues(out, fit=False)
    assert services == CORPORA["sgd"].services(find("sgd", TINY))
    assert (report.dialogues, report.turns) == (1, 4)
    assert f"{out} jsonl: 1 dialogues, 4 user turns" in capsys.readouterr().out


def test_json_lines_become_schema_guided_files_and_come_back(tmp_path: Path) -> None:
    run_convert(TINY / "sgd", "jsonl", tmp_path / "a")
    run_convert(tmp_path / "a", "sgd", tmp_path / "b")
    assert (tmp_path / "b" / "dev" / "dialogues_001.json").is_file()
    run_convert(tmp_path / "b", "jsonl", tmp_path / "c")
    before, after = opened(tmp_path / "a"), opened(tmp_path / "c")
    assert len(before) == 2
    for first, second in zip(before, after, strict=True):
        # Results are rows in that layout, and their number alone says nothing of them.
        turns = tuple(replace(turn, database_matches=None) for turn in first.turns)
        assert [turn.belief_state for turn in second.turns] == [one.belief_state for one in turns]
        assert [turn.intent for turn in second.turns] == [one.intent for one in turns]
        assert [turn.system for turn in second.turns] == [one.system for one in turns]


def test_schema_guided_files_become_a_rasa_project_that_agrees_with_itself(
    tmp_path: Path,
) -> None:
    out = tmp_path / "bot"
    run_convert("sgd", "rasa", out, split="dev", root=TINY)
    assert sorted(path.relative_to(out).as_posix() for path in out.rglob("*.yml")) == [
        "data/nlu.yml",
        "data/stories.yml",
        "domain/service.Restaurants_9.yml",
        "domain/service.Taxis_9.yml",
        "domain/service.general.yml",
    ]
    # "maybe" was no value of the closed slot before either.
    assert [one.what for one in run_validate(out)] == ["slot 'Restaurants_9-has_live_music'"]
    (dialogue,) = opened(out)
    (source,) = load("sgd", "dev", TINY)
    for found, turn in zip(dialogue.turns, source.turns, strict=True):
        assert found.user == turn.user
        assert found.belief_state == turn.belief_state
        assert found.intent == turn.intent
        assert found.dialogue_acts == turn.dialogue_acts
        assert found.system == turn.system


def test_old_rasa_files_become_todays_with_all_they_hold(tmp_path: Path) -> None:
    out = tmp_path / "bot"
    run_convert(TINY / "rasa" / "old", "rasa", out)
    nlu = (out / "data" / "nlu.yml").read_text("utf-8")
    assert nlu.startswith("version: '3.1'\nnlu:\n- intent: greet\n  examples: |\n    - hey\n")
    assert '    - two with [ham]{"entity": "topping", "value": "bacon"}\n' in nlu
    assert "- regex: phone\n  examples: |\n    - [0-9]{10}\n" in nlu
    assert "- synonym: large\n  examples: |\n    - big\n    - huge\n" in nlu
    stories = (out / "data" / "stories.yml").read_text("utf-8")
    assert "- story: ordering\n  steps:\n  - intent: greet\n  - action: utter_ask_size\n" in stories
    assert "  - user: a [small](size) one\n    intent: order_pizza\n" in stories


def test_rasa_becomes_json_lines_that_training_can_open(tmp_path: Path) -> None:
    report = run_convert(TINY / "rasa", "jsonl", tmp_path / "ours")
    assert report.dialogues == 10
    assert len(opened(tmp_path / "ours")) == 10


def test_an_existing_folder_an_unknown_layout_or_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="exists; expected a folder to make"):
        run_convert("sgd", "jsonl", tmp_path, split="dev", root=TINY)
    with pytest.raises(ConfigError, match="unknown layout 'csv'; expected one of jsonl, sgd, rasa"):
        run_convert("sgd", "csv", tmp_path / "a")
    with pytest.raises(CorpusError, match="'nothing' is neither a path nor a corpus"):
        run_convert("nothing", "jsonl", tmp_path / "a")
    with pytest.raises(ConfigError, match="split 'dev' is for published corpora"):
        run_convert(TINY / "sgd", "jsonl", tmp_path / "a", split="dev")


@pytest.mark.parametrize("split", ["../../x", "ABSOLUTE", "..", "a/b", "", "a\\b", "a\0"])
def test_a_split_that_is_no_plain_name_is_refused_and_nothing_written(
    tmp_path: Path, split: str
) -> None:
    ours = tmp_path / "in" / "ours"
    run_convert(TINY / "sgd", "jsonl", ours)
    split = str(tmp_path / "absolute") if split == "ABSOLUTE" else split
    line = {"dialogue_id": "1", "split": split, "turns": [{"user": "hi"}]}
    (ours / "dev.jsonl").write_text(json.dumps(line) + "\n")
    before = sorted(tmp_path.rglob("*"))
    for to in ("sgd", "jsonl"):
        with pytest.raises(CorpusError, match="split: got .*; expected one plain name"):
            run_convert(ours, to, tmp_path / "in" / "out")
        assert sorted(tmp_path.rglob("*")) == before


def test_nothing_is_left_where_the_source_has_a_fault(tmp_path: Path) -> None:
    (tmp_path / "bot").mkdir()
    (tmp_path / "bot" / "nlu.yml").write_text("nlu:\n- intent: a\n", "utf-8")
    for to in ("rasa", "jsonl"):
        with pytest.raises(CorpusError, match=r"nlu\.yml:2: intent 'a': got no examples"):
            run_convert(tmp_path / "bot", to, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["bot"]
