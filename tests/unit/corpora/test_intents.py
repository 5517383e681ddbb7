"""Banking77, CLINC150 and 3i4K: one utterance, one intent."""

import json
from pathlib import Path

import pytest

from tests.support.corpora_fixtures import tiny
from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.banking77.banking77_reader import banking77_services, read_banking77
from todserve.corpora.readers.clinc150.clinc150_reader import clinc150_services, read_clinc150
from todserve.corpora.readers.three_i4k.three_i4k_reader import KINDS, read_3i4k, three_i4k_services
from todserve.corpora.registry import find
from todserve.runtime.errors import CorpusError
from todserve.runtime.language.dialogue import Dialogue, Turn
from todserve.runtime.language.schema import Service


def test_an_utterance_is_a_dialogue_of_one_turn_named_by_split_and_record() -> None:
    first, *_ = read_banking77(tiny("banking77"), "test")
    assert first == Dialogue(
        dialogue_id="banking77-test-00001",
        corpus="banking77",
        split="test",
        turns=(
            Turn(
                user='is my "gold" card on its way?', intent="card_arrival", active_domain="banking"
            ),
        ),
    )


def test_banking77_keeps_quoted_commas_and_line_ends() -> None:
    texts = [one.turns[0].user for one in read_banking77(tiny("banking77"), "train")]
    assert texts == [
        "my card never came",
        "the payment, it seems,\nwas undone",
        "no refund to be seen",
    ]


def test_banking77_keeps_intents_but_for_marks_a_label_cannot_hold() -> None:
    report = ReadReport()
    intents = [
        one.turns[0].intent for one in read_banking77(tiny("banking77"), "train", report=report)
    ]
    assert intents == ["card_arrival", "reverted_card_payment", "Refund_not_showing_up"]
    (note,) = report.notes.values()
    assert (note.count, note.examples) == (1, ["train.csv:4 'reverted_card_payment?'"])


def test_banking77_is_one_service_with_the_intents_of_train() -> None:
    assert banking77_services(tiny("banking77")) == (
        Service(
            name="banking",
            intents=("Refund_not_showing_up", "card_arrival", "reverted_card_payment"),
        ),
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"category,text\n", r"test\.csv:1 has columns \['category', 'text'\]"),
        (b"text,category\nhello\n", r"test\.csv:2 has 1 columns or no category"),
        (b"text,category\na,b,c\n", r"test\.csv:2 has 3 columns"),
        (b"text,category\nhello,\n", r"test\.csv:2 has 2 columns or no category"),
        (b"text,category\n\xff,x\n", r"test\.csv is no UTF-8 CSV file"),
        (b'text,category\n"a" b,x\n', r"test\.csv is no UTF-8 CSV file"),
    ],
)
def test_banking77_rejects_other_files_by_file_and_line(
    tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "test.csv").write_bytes(content)
    with pytest.raises(CorpusError, match=message):
        list(read_banking77(find("banking77", tmp_path), "test"))


def test_clinc150_intents_have_the_domains_of_their_publisher() -> None:
    report = ReadReport()
    turns = [one.turns[0] for one in read_clinc150(tiny("clinc150"), "train", report=report)]
    assert [(turn.active_domain, turn.intent) for turn in turns] == [
        ("home_and_garden", "water_plants"),
        ("travel", "book_train"),
    ]
    assert report.notes["utterance: empty"].examples == ["clinc150-train-00003"]


def test_clinc150_utterances_out_of_scope_stand_apart_without_a_domain() -> None:
    source = tiny("clinc150")
    assert [one.dialogue_id for one in read_clinc150(source, "oos_test")] == [
        "clinc150-oos_test-00001",
        "clinc150-oos_test-00002",
    ]
    (one,) = read_clinc150(source, "oos_dev")
    assert (one.turns[0].intent, one.turns[0].active_domain) == ("oos", None)
    assert all(one.turns[0].intent != "oos" for one in read_clinc150(source, "test"))


def test_clinc150_services_are_its_domains_and_out_of_scope() -> None:
    assert clinc150_services(tiny("clinc150")) == (
        Service(name="home_and_garden", intents=("water_plants", "mow_lawn")),
        Service(name="travel", intents=("book_train",)),
        Service(name="oos", intents=("oos",)),
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", r"data_full\.json is not JSON"),
        ("[]", r"data_full\.json holds a JSON list; expected the publisher's object"),
        ("{}", "has no list 'val'"),
        (json.dumps({"val": [["go", "fly_kite"]]}), r"val\[0\] is no pair of an utterance"),
        (json.dumps({"val": [["go"]]}), r"val\[0\] is no pair of an utterance"),
    ],
)
def test_clinc150_rejects_other_files(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "data_full.json").write_text(content, "utf-8")
    domains = (tiny("clinc150").location / "domains.json").read_bytes()
    (tmp_path / "domains.json").write_bytes(domains)
    with pytest.raises(CorpusError, match=message):
        list(read_clinc150(find("clinc150", tmp_path), "dev"))


def test_3i4k_numbers_are_the_seven_kinds() -> None:
    turns = [one.turns[0] for one in read_3i4k(tiny("3i4k"), "train")]
    assert [(turn.user, turn.intent, turn.active_domain) for turn in turns] == [
        ("초록 지붕", "fragment", None),
        ("비가 그쳤다", "statement", None),
        ("몇 시야", "question", None),
        ("집에 가", "intonation_dependent", None),
    ]
    assert three_i4k_services(tiny("3i4k")) == (Service(name="3i4k", intents=KINDS),)


def test_3i4k_text_is_composed_and_the_change_counted() -> None:
    report = ReadReport()
    first, _ = read_3i4k(tiny("3i4k"), "test", report=report)
    assert first.turns[0].user == "문 닫아"  # as typed here: composed, 4 characters
    assert len(first.turns[0].user) == 4
    (note,) = report.notes.values()
    assert (note.count, note.examples) == (1, ["fci_test.txt:1"])


def test_3i4k_lines_may_end_as_in_windows(tmp_path: Path) -> None:
    (tmp_path / "fci_test.txt").write_bytes("2\t왜\r\n5\t뭘 더 \r\n".encode())
    turns = [one.turns[0] for one in read_3i4k(find("3i4k", tmp_path), "test")]
    assert [(turn.user, turn.intent) for turn in turns] == [
        ("왜", "question"),
        ("뭘 더 ", "rhetorical_command"),
    ]


@pytest.mark.parametrize("line", ["7\t왜", "왜", ""])
def test_3i4k_rejects_a_line_without_a_known_label(tmp_path: Path, line: str) -> None:
    (tmp_path / "fci_test.txt").write_text(f"0\t왜\n{line}\n", "utf-8")
    with pytest.raises(CorpusError, match=r"fci_test\.txt:2 .*expected a label from 0 to 6"):
        list(read_3i4k(find("3i4k", tmp_path), "test"))
