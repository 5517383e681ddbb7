from pathlib import Path

import pytest

from tests.support.corpora_fixtures import tiny
from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.multidogo.multidogo_reader import (
    DOMAINS,
    multidogo_services,
    read_multidogo,
)
from todserve.corpora.registry import find
from todserve.runtime.errors import CorpusError
from todserve.runtime.language.dialogue import Dialogue


@pytest.fixture
def dialogues() -> dict[str, Dialogue]:
    return {one.dialogue_id: one for one in read_multidogo(tiny("multidogo"), "train")}


def test_a_split_goes_over_all_six_domains(dialogues: dict[str, Dialogue]) -> None:
    assert {one.turns[0].active_domain for one in dialogues.values()} == set(DOMAINS)
    assert "bbb" not in dialogues  # its only turn is empty


def test_a_state_holds_what_has_been_tagged_so_far(dialogues: dict[str, Dialogue]) -> None:
    assert [turn.belief_state for turn in dialogues["aaa"].turns] == [
        {},
        {"airline": {"departure_city": "new oslo", "arrival_city": "rome"}},
        {"airline": {"departure_city": "oslo", "arrival_city": "rome"}},
    ]


def test_of_several_intents_the_first_is_kept(dialogues: dict[str, Dialogue]) -> None:
    assert [turn.intent for turn in dialogues["aaa"].turns] == [
        "openinggreeting",
        "bookflight",
        "contentonly",
    ]


def test_agents_turns_are_not_in_the_corpus(dialogues: dict[str, Dialogue]) -> None:
    for dialogue in dialogues.values():
        for turn in dialogue.turns:
            assert turn.system is None
            assert turn.dialogue_acts is None


def test_a_line_end_inside_an_utterance_is_a_word_with_a_tag(
    dialogues: dict[str, Dialogue],
) -> None:
    (turn,) = dialogues["ccc"].turns
    assert turn.user == "1 mill lane \n ely without none"
    assert turn.belief_state == {"fastfood": {"address": "1 mill lane"}}


def test_everything_left_out_or_changed_is_counted_by_file_and_line() -> None:
    report = ReadReport()
    list(read_multidogo(tiny("multidogo"), "train", report=report))
    assert {reason: (note.count, note.examples) for reason, note in report.notes.items()} == {
        "value: first of several kept": (
            2,
            ["airline/train.tsv:3 arrival_city", "fastfood/train.tsv:3 address"],
        ),
        "intent: first of several kept": (1, ["airline/train.tsv:3"]),
        "turn: empty utterance": (2, ["airline/train.tsv:4", "airline/train.tsv:6"]),
        "dialogue: no turns": (1, ["airline/train.tsv:6 bbb"]),
        "value: says that there is none": (1, ["fastfood/train.tsv:3 excluded_ingredient"]),
    }


def test_services_have_the_slots_and_intents_of_train() -> None:
    services = {service.name: service for service in multidogo_services(tiny("multidogo"))}
    assert tuple(services) == DOMAINS
    assert [slot.name for slot in services["airline"].slots] == ["arrival_city", "departure_city"]
    assert services["airline"].intents == (
        *("bookflight", "contentonly", "openinggreeting"),
        *("outofdomain", "thankyou"),
    )


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a\t1\tb\thello there\tO\tx", r"train\.tsv:2 has 1 slot labels for 2 words"),
        ("a\t1\tb\thello", r"train\.tsv:2 has 4 columns; expected 6"),
    ],
)
def test_a_row_of_another_shape_is_rejected_by_line(tmp_path: Path, row: str, message: str) -> None:
    header = "conversationId\tturnNumber\tutteranceId\tutterance\tslot-labels\tintent"
    (tmp_path / "airline").mkdir()
    (tmp_path / "airline" / "train.tsv").write_text(f"{header}\n{row}\n", "utf-8")
    with pytest.raises(CorpusError, match=message):
        list(read_multidogo(find("multidogo", tmp_path), "train"))


def test_the_sentence_level_files_are_rejected_by_their_columns(tmp_path: Path) -> None:
    (tmp_path / "airline").mkdir()
    (tmp_path / "airline" / "train.tsv").write_text("conversationId\tsentenceNumber\n", "utf-8")
    with pytest.raises(CorpusError, match=r"train\.tsv:1 has columns"):
        list(read_multidogo(find("multidogo", tmp_path), "train"))
