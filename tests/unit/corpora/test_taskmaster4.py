import json
from pathlib import Path

import pytest

from tests.support.corpora_fixtures import tiny
from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.taskmaster4.taskmaster4_reader import (
    read_taskmaster4,
    taskmaster4_services,
)
from todserve.corpora.registry import find
from todserve.runtime.errors import CorpusError
from todserve.runtime.language.dialogue import Dialogue


@pytest.fixture
def dialogues() -> dict[str, Dialogue]:
    return {one.dialogue_id: one for one in read_taskmaster4(tiny("taskmaster4"), "train")}


def test_the_arguments_of_calls_fill_the_order(dialogues: dict[str, Dialogue]) -> None:
    first, second = dialogues["dlg-1"].turns
    order = {
        "query": "flat white",
        "quantity": "1",
        "notes": "extra hot",
        "milk_options": "oat milk",
        "caffeine": "decaf",
    }
    assert first.belief_state == {"Coffee": order}
    assert second.belief_state == {"Coffee": {**order, "order_type": "togo"}}


def test_matches_are_the_menu_entries_found(dialogues: dict[str, Dialogue]) -> None:
    assert [turn.database_matches for turn in dialogues["dlg-1"].turns] == [2, None]


def test_a_turn_without_readable_calls_leaves_the_state_as_it_was(
    dialogues: dict[str, Dialogue],
) -> None:
    first, last = dialogues["dlg-2"].turns
    assert first.belief_state == {}
    assert first.database_matches is None
    assert last.belief_state == {}
    assert last.system is None


def test_intents_and_acts_are_not_annotated(dialogues: dict[str, Dialogue]) -> None:
    for dialogue in dialogues.values():
        for turn in dialogue.turns:
            assert turn.intent is None
            assert turn.dialogue_acts is None
            assert turn.active_domain == "Coffee"


def test_everything_left_out_or_changed_is_counted() -> None:
    report = ReadReport()
    list(read_taskmaster4(tiny("taskmaster4"), "train", report=report))
    assert {reason: note.count for reason, note in report.notes.items()} == {
        "name: spaces and marks replaced, which a label cannot hold": 2,
        "add-on: has an id only": 1,
        "add_order_item: of a further drink, no place in the state": 1,
        "request of a call: not JSON": 1,
        "response of a call: not JSON": 1,
        "turn: user turn without a reply": 1,
    }


def test_the_service_is_the_publishers_vertical_with_the_slots_of_its_orders() -> None:
    (service,) = taskmaster4_services(tiny("taskmaster4"))
    assert service.name == "Coffee"
    assert [slot.name for slot in service.slots] == [
        *("caffeine", "milk_options", "notes", "order_type", "quantity", "query"),
    ]
    assert not any(slot.categorical for slot in service.slots)


@pytest.mark.parametrize(
    "content", ["[", "7", json.dumps([{"conversation_id": "dlg-9", "utterances": []}])]
)
def test_other_json_is_rejected_with_its_file(tmp_path: Path, content: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "data_00.json").write_text(content, "utf-8")
    with pytest.raises(CorpusError, match=r"data/data_00\.json"):
        list(read_taskmaster4(find("taskmaster4", tmp_path), "train"))
