"""A call centre's sheet, with a map of its columns, becomes dialogues."""

import csv
import io
import json
from pathlib import Path

import pytest

from todserve.corpora.files.dialogue_layouts import layout_of, open_dialogues
from todserve.corpora.layout_conversion import run_convert
from todserve.corpora.read_report import ReadReport
from todserve.corpora.validation import run_validate
from todserve.runtime.errors import ConfigError, CorpusError
from todserve.runtime.language.dialogue import Dialogue

MAP = """
columns: {dialogue: call, speaker: who, text: said, intent: intent, slots: slots}
user: [Kunde]
service: bank
"""
SHEET = """call,who,said,intent,slots
7,Agent,Good morning.,,
7,Kunde,"A loan of 20 €, please.",apply,amount=20; currency=euro
7,Agent,For how long?,,
7,Agent,In months.,,
8,Kunde,Where is my card?,card_lost,
7,Kunde,"No, make it 30.",,"{""amount"": 30, ""currency"": null}"
7,Agent,Done.,,
8,Agent,On its way.,,
"""


def separated(delimiter: str) -> str:
    """Return the sheet with another character between its columns."""
    written = io.StringIO()
    csv.writer(written, delimiter=delimiter).writerows(csv.reader(io.StringIO(SHEET)))
    return written.getvalue()


def converted(
    folder: Path, content: str | bytes, sheet_map: str = MAP, *, name: str = "calls.csv"
) -> list[Dialogue]:
    """Write a sheet and its map, convert it to JSON lines, and return what they hold."""
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    (folder / "map.yml").write_text(sheet_map, encoding="utf-8")
    run_convert(folder / name, "jsonl", folder / "out", sheet=folder / "map.yml")
    assert run_validate(folder / "out") == []
    return list(open_dialogues(folder / "out", fit=False)[1])


def refused(folder: Path, content: str | bytes, sheet_map: str = MAP) -> str:
    with pytest.raises((CorpusError, ConfigError)) as raised:
        converted(folder, content, sheet_map)
    assert not (folder / "out").exists()
    return str(raised.value)


def test_rows_become_turns_with_their_labels_and_what_is_empty_is_not_annotated(
    tmp_path: Path,
) -> None:
    seven, eight = converted(tmp_path, SHEET)
    loan, more = seven.turns
    assert (seven.dialogue_id, eight.dialogue_id) == ("7", "8")
    assert (loan.user, loan.intent) == ("A loan of 20 €, please.", "apply")
    assert loan.belief_state == {"bank": {"amount": "20", "currency": "euro"}}
    assert loan.system == "For how long? In months."
    assert (more.intent, more.belief_state) == (None, {"bank": {"amount": "30"}})
    (card,) = eight.turns
    assert (card.intent, card.belief_state, card.system) == ("card_lost", None, "On its way.")
    assert {turn.dialogue_acts for turn in (*seven.turns, card)} == {None}


def test_the_schema_lists_the_intents_and_slots_that_the_sheet_has(tmp_path: Path) -> None:
    converted(tmp_path, SHEET)
    (service,) = open_dialogues(tmp_path / "out")[0]
    assert (service.name, service.intents) == ("bank", ("apply", "card_lost"))
    assert [slot.name for slot in service.slots] == ["amount", "currency"]


@pytest.mark.parametrize(
    "content",
    [
        SHEET.replace("\n", "\r\n").encode("utf-8-sig"),
        SHEET.encode("utf-16"),
        f"sep=;\n{separated(';')}".encode(),
        separated("\t").encode(),
    ],
    ids=["windows", "utf-16", "excel's separator", "tabs"],
)
def test_what_office_programs_write_is_read(tmp_path: Path, content: bytes) -> None:
    seven, eight = converted(tmp_path, content, MAP)
    assert len(seven.turns) == 2
    assert eight.turns[0].user == "Where is my card?"
    assert seven.turns[0].user.startswith("A loan of 20 €")


def test_another_coding_is_named_with_its_line_and_read_where_the_map_says_so(
    tmp_path: Path,
) -> None:
    coded = SHEET.encode("cp1252")
    said = refused(tmp_path, coded)
    assert "calls.csv:3: line: got a byte of another coding than UTF-8" in said
    assert "`encoding: cp1252`" in said
    seven, _ = converted(tmp_path, coded, f"{MAP}encoding: cp1252\n")
    assert seven.turns[0].user == "A loan of 20 €, please."


def test_json_lines_are_rows_or_whole_dialogues(tmp_path: Path) -> None:
    rows = [
        {"id": 1, "role": "user", "content": "hello", "label": None},
        {"id": 1, "role": "assistant", "content": "hi"},
    ]
    flat = "".join(f"{json.dumps(row)}\n" for row in rows)
    columns = "dialogue: id, speaker: role, text: content, intent: label"
    (one,) = converted(tmp_path, flat, f"columns: {{{columns}}}\n", name="flat.jsonl")
    assert (one.turns[0].user, one.turns[0].system, one.turns[0].intent) == ("hello", "hi", None)
    nested = json.dumps({"id": "a", "messages": rows}) + "\n"
    (tmp_path / "nested").mkdir()
    (two,) = converted(
        tmp_path / "nested",
        nested,
        "columns: {turns: messages, speaker: role, text: content}\n",
        name="nested.jsonl",
    )
    assert two.turns == one.turns


def test_without_ids_an_empty_row_ends_a_dialogue_and_single_utterances_stand_alone(
    tmp_path: Path,
) -> None:
    sheet = "who,said\ncustomer,hello\nagent,hi\n,\ncustomer,bye\n"
    first, second = converted(tmp_path, sheet, "columns: {speaker: who, text: said}\n")
    assert [len(first.turns), len(second.turns)] == [1, 1]
    (tmp_path / "alone").mkdir()
    three = converted(
        tmp_path / "alone", "text,label\na,x\nb,y\nc,\n", "columns: {text: text, intent: label}\n"
    )
    assert [[turn.intent for turn in one.turns] for one in three] == [["x"], ["y"], [None]]


def test_slots_may_have_columns_of_their_own_and_a_row_its_reply(tmp_path: Path) -> None:
    sheet = (
        "q,a,from,to,area\na train to ely,When?,,Ely,rail\nfrom cambridge,Fine.,Cambridge,,rail\n"
    )
    sheet = (
        sheet.replace("q,a", "id,q,a").replace("\na ", "\n1,a ").replace("\nfrom c", "\n1,from c")
    )
    (dialogue,) = converted(
        tmp_path,
        sheet,
        "columns: {dialogue: id, text: q, reply: a, domain: area, slots: {departure: from, "
        "destination: to}}\n",
    )
    assert [turn.belief_state for turn in dialogue.turns] == [
        {"rail": {"destination": "Ely"}},
        {"rail": {"destination": "Ely", "departure": "Cambridge"}},
    ]
    assert [(turn.system, turn.active_domain) for turn in dialogue.turns] == [
        ("When?", "rail"),
        ("Fine.", "rail"),
    ]


def test_an_empty_cell_of_slots_may_mean_that_nothing_new_was_said(tmp_path: Path) -> None:
    _, eight = converted(tmp_path, SHEET, f"{MAP}empty_slots: unchanged\n")
    assert eight.turns[0].belief_state == {}


@pytest.mark.parametrize(
    ("content", "sheet_map", "said"),
    [
        ("", MAP, "calls.csv:1: file: got no row"),
        ("call,who,said,intent,slots\n", MAP, "calls.csv:1: file: got no row"),
        ("call,who\n1,Kunde\n", MAP, "expected one named 'said', as the map says"),
        (SHEET.replace("8,Agent", "8,Robot"), f"{MAP}system: [Agent]\n", "calls.csv:9: who: got"),
        (SHEET + "9,Kunde,x,y,z,too many\n", MAP, "calls.csv:10: row: got 6 cells"),
        (SHEET + "9,Kunde,x,,no pair\n", MAP, "calls.csv:10: slots: got something without a name"),
        (SHEET + ",Kunde,x,,\n", MAP, "calls.csv:10: call: got nothing"),
        (SHEET + '9,Kunde,"x', MAP, "calls.csv:10: row: got no CSV"),
        (SHEET.replace("Kunde", "Gast"), MAP, "say in the map which speakers are `user`"),
        (SHEET, "column: {text: a}\n", "unknown key 'column', did you mean 'columns'?"),
        (SHEET, "user: [a]\n", "got no columns; expected it"),
        (SHEET, "columns: {texts: a}\n", "did you mean 'text'?"),
        (SHEET, f"{MAP}encoding: klingon\n", "got encoding 'klingon'"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(
    tmp_path: Path, content: str, sheet_map: str, said: str
) -> None:
    message = refused(tmp_path, content, sheet_map)
    assert said in message
    assert "please" not in message


def test_a_sheet_without_a_map_is_told_of_it(tmp_path: Path) -> None:
    (tmp_path / "calls.csv").write_text(SHEET, encoding="utf-8")
    with pytest.raises(CorpusError, match=r"--map MAP\.yml"):
        layout_of(tmp_path / "calls.csv")


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    (tmp_path / "calls.csv").write_text(
        SHEET + "7,Queue,Please hold.,,\n7,Agent,Bye.,bye,\n7,Kunde,,,\n", encoding="utf-8"
    )
    (tmp_path / "map.yml").write_text(f"{MAP}ignored: [queue]\n", encoding="utf-8")
    from todserve.corpora.readers.sheet.sheet_dialogues import read_sheet
    from todserve.corpora.readers.sheet.sheet_map import load_sheet_map

    report = ReadReport()
    read_sheet(tmp_path / "calls.csv", load_sheet_map(tmp_path / "map.yml"), report)
    assert {reason: note.count for reason, note in report.notes.items()} == {
        "row: of a speaker that the map ignores": 1,
        "intent: of a row that is not the user's": 1,
        "row: nothing said": 1,
        "turn: system turn without a user turn before it": 1,
    }
