from pathlib import Path

import pytest

from tests.support.corpora_fixtures import archived, tiny
from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.multiwoz.multiwoz_reader import (
    ReplySource,
    read_annotated,
    read_dev_merged,
    read_merged,
    read_tsv,
)
from todserve.corpora.registry import find
from todserve.runtime.errors import CorpusError
from todserve.runtime.language.dialogue import Dialogue, DialogueAct

FIRST_COUNT = "value: first of several kept"


def by_id(dialogues: list[Dialogue]) -> dict[str, Dialogue]:
    return {dialogue.dialogue_id: dialogue for dialogue in dialogues}


def test_tsv_reply_is_the_system_turn_of_the_next_row_and_the_last_is_unknown() -> None:
    turns = by_id(list(read_tsv(tiny("multiwoz21"), "dev")))["MUL0001"].turns
    assert [turn.system for turn in turns] == [
        "there are 3 guest houses. which area do you want?",
        "booked at the acorn guest house, 154 chesterton road. reference number is: 00000001.",
        None,
    ]
    assert turns[2].user == "that's all, thanks."


def test_tsv_states_have_canonical_slots_and_values() -> None:
    turns = by_id(list(read_tsv(tiny("multiwoz21"), "dev")))["MUL0001"].turns
    assert turns[0].belief_state == {"hotel": {"type": "guesthouse", "parking": "yes"}}
    assert turns[1].belief_state == {
        "hotel": {
            "area": "dontcare",
            "day": "friday",
            "stay": "2",
            "parking": "yes",
            "type": "guesthouse",
        }
    }


def test_tsv_invents_no_acts_and_no_intents() -> None:
    for dialogue in read_tsv(tiny("multiwoz21"), "train"):
        for turn in dialogue.turns:
            assert turn.intent is None
            assert turn.dialogue_acts is None
            assert turn.active_domain is None


def test_tsv_counts_and_locates_everything_it_skips_or_changes() -> None:
    report = ReadReport()
    dialogues = list(read_tsv(tiny("multiwoz21"), "train", report=report))
    assert [dialogue.dialogue_id for dialogue in dialogues] == ["SNG0001", "SNG0003"]
    assert (report.dialogues, report.turns) == (2, 4)
    assert {reason: note.count for reason, note in report.notes.items()} == {
        FIRST_COUNT: 3,
        "value: two written as one word, first kept": 2,
        "text: a price, count or house number written as a clock time": 1,
        "reply: empty": 1,
        "row: too few columns": 1,
    }
    assert report.notes[FIRST_COUNT].examples[0] == "train.tsv:2 restaurant-food 'indian|thai'"
    assert report.notes["row: too few columns"].examples == ["train.tsv:5"]
    assert "multiwoz21 train: 2 dialogues, 4 user turns" in list(report.lines())


def test_tsv_quotation_marks_are_text_and_damaged_values_are_mended() -> None:
    turns = next(read_tsv(tiny("multiwoz21"), "train")).turns
    assert turns[0].system == (
        'the nirala is located at 7 milton road. it has 5 stars, he said "go".'
    )
    assert turns[1].belief_state == {
        "restaurant": {
            "food": "indian",
            "pricerange": "expensive",
            "day": "sunday",
            "time": "09:30",
        }
    }
    assert turns[1].system is None


def test_tsv_rejects_another_layout_and_an_unknown_split(tmp_path: Path) -> None:
    (tmp_path / "dev.tsv").write_text("id\ttext\n1\thello\n", "utf-8")
    with pytest.raises(CorpusError, match=r"dev\.tsv starts with \['id', 'text'\]; expected"):
        list(read_tsv(find("multiwoz21", tmp_path), "dev"))
    with pytest.raises(CorpusError, match="unknown split 'valid'"):
        list(read_tsv(tiny("multiwoz21"), "valid"))


def test_readers_stream_from_an_archive_what_they_read_from_a_folder(tmp_path: Path) -> None:
    archive = archived("multiwoz21", tmp_path, inside="multiwoz21")
    assert list(read_tsv(archive, "dev")) == list(read_tsv(tiny("multiwoz21"), "dev"))
    assert list(read_dev_merged(archive)) == list(read_dev_merged(tiny("multiwoz21")))


def test_annotated_turns_have_acts_intents_domains_and_the_following_metadata() -> None:
    turns = by_id(list(read_annotated(tiny("multiwoz21"), "dev")))["MUL0001"].turns
    assert [turn.intent for turn in turns] == ["find_hotel", "book_hotel", "general"]
    assert [turn.active_domain for turn in turns] == ["hotel"] * 3
    assert turns[0].belief_state == {"hotel": {"type": "guesthouse", "parking": "yes"}}
    assert turns[1].dialogue_acts == (
        DialogueAct(domain="hotel", act="book", slot="reference"),
        DialogueAct(domain="hotel", act="book", slot="name"),
        DialogueAct(domain="hotel", act="inform", slot="address"),
        DialogueAct(domain="hotel", act="inform", slot="parking"),
    )
    assert turns[2].dialogue_acts == (
        DialogueAct(domain="general", act="welcome"),
        DialogueAct(domain="general", act="bye"),
    )
    assert turns[2].system == 'You\'re welcome! "Bye."'


def test_annotated_replies_are_delexicalised_by_their_spans() -> None:
    report = ReadReport()
    turns = by_id(list(read_annotated(tiny("multiwoz21"), "dev", report=report)))["MUL0001"].turns
    assert turns[1].delexicalised_response == (
        "Booked at [value_name], [value_address]. Reference number is: [value_reference]."
    )
    assert turns[1].placeholders == (
        ("name", "the Acorn Guest House"),
        ("address", "154 chesterton road"),
        ("reference", "00000001"),
    )
    assert report.count("span: outside its text or overlapping another") == 1


def test_annotated_counts_turns_without_acts_as_not_annotated() -> None:
    report = ReadReport()
    first = by_id(list(read_annotated(tiny("multiwoz21"), "dev", report=report)))["MUL0003"].turns[
        0
    ]
    assert first.intent is None
    assert first.dialogue_acts is None
    assert report.notes["intent: user turn without acts"].examples == ["MUL0003 turn 0"]
    assert report.notes["acts: system turn without acts"].examples == ["MUL0003 turn 0"]


def test_annotated_has_no_train_and_says_where_it_is() -> None:
    with pytest.raises(CorpusError, match="no annotated 'train' split.*see read_tsv"):
        list(read_annotated(tiny("multiwoz21"), "train"))


@pytest.mark.parametrize("content", ["[1, 2]", "{", '{"MUL1": {"goal": {}}}'])
def test_annotated_rejects_other_json(tmp_path: Path, content: str) -> None:
    (tmp_path / "annotated").mkdir()
    (tmp_path / "annotated" / "val.json").write_text(content, "utf-8")
    with pytest.raises(CorpusError, match=r"annotated/val\.json"):
        list(read_annotated(find("multiwoz21", tmp_path), "dev"))


def test_merged_joins_tsv_texts_and_states_with_annotated_acts_and_replies() -> None:
    turns = by_id(list(read_dev_merged(tiny("multiwoz21"))))["MUL0001"].turns
    assert turns[1].user == "i do not mind. book it for 2 nights from friday."
    assert turns[1].intent == "book_hotel"
    assert turns[1].system is not None
    assert turns[1].system.startswith("Booked at the Acorn Guest House")
    assert turns[2].system is not None


def test_merged_matches_turns_by_text_and_reports_what_only_one_file_has() -> None:
    report = ReadReport()
    dialogues = by_id(list(read_merged(tiny("multiwoz21"), "dev", report=report)))
    assert list(dialogues) == ["MUL0001", "MUL0002", "MUL0003"]
    assert [turn.intent for turn in dialogues["MUL0003"].turns] == ["find_train", "book_train"]
    assert dialogues["MUL0002"].turns[0].dialogue_acts is None
    assert report.notes["turn: in the annotated file only"].examples == ["MUL0003 'Good morning.'"]
    assert report.notes["dialogue: not in the annotated file"].examples == ["MUL0002"]
    assert report.notes["dialogue: in the annotated file only"].examples == ["MUL0004"]
    assert (report.dialogues, report.turns) == (3, 6)


def test_merged_can_keep_the_wording_of_train() -> None:
    turns = by_id(list(read_dev_merged(tiny("multiwoz21"), replies=ReplySource.TSV)))[
        "MUL0003"
    ].turns
    assert turns[0].system == "tr0787 leaves at 09:35 and costs 23.60 pounds."
    assert turns[0].delexicalised_response is None
    assert turns[0].dialogue_acts is not None
    assert turns[1].system == "Done."
