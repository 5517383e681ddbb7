"""CamRest676 and WOZ 2.0: states of Cambridge's restaurants."""

import json
from pathlib import Path

import pytest

from tests.support.corpora_fixtures import tiny
from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.camrest.camrest_reader import camrest_services, read_camrest
from todserve.corpora.readers.multiwoz.multiwoz_schema import STATE_SLOTS
from todserve.corpora.readers.woz20.woz20_reader import read_woz20, woz20_services
from todserve.corpora.registry import find
from todserve.runtime.errors import CorpusError
from todserve.runtime.language.dialogue import DialogueAct


def act(name: str, slot: str = "") -> DialogueAct:
    return DialogueAct(domain="restaurant", act=name, slot=slot)


def test_camrest_states_are_whole_and_spelled_as_the_schema() -> None:
    (dialogue,) = read_camrest(tiny("camrest676"), "train")
    assert dialogue.dialogue_id == "7"
    assert [turn.belief_state for turn in dialogue.turns] == [
        {"restaurant": {"food": "polish", "area": "centre", "pricerange": "dontcare"}},
        {"restaurant": {"food": "soup", "area": "centre", "pricerange": "dontcare"}},
        {"restaurant": {"food": "soup", "area": "centre", "pricerange": "dontcare"}},
    ]


def test_camrest_acts_are_those_of_the_reply_each_once() -> None:
    (dialogue,) = read_camrest(tiny("camrest676"), "train")
    assert [turn.dialogue_acts for turn in dialogue.turns] == [
        (act("nooffer"), act("request", "food")),
        (act("inform", "name"), act("inform", "phone")),
        None,
    ]
    assert dialogue.turns[1].system == "Ladle One is on 01223 000000."


def test_camrest_invents_neither_intents_nor_placeholders() -> None:
    (dialogue,) = read_camrest(tiny("camrest676"), "train")
    for turn in dialogue.turns:
        assert turn.intent is None
        assert turn.delexicalised_response is None
        assert turn.placeholders == ()
        assert turn.database_matches is None


def test_camrest_counts_what_it_leaves_out_by_dialogue_and_turn() -> None:
    report = ReadReport()
    list(read_camrest(tiny("camrest676"), "train", report=report))
    assert {reason: (note.count, note.examples) for reason, note in report.notes.items()} == {
        "value: spelled as the schema does": (1, ["7 turn 0 restaurant area 'center'"]),
        "user's request: a turn has no place for it": (1, ["7 turn 1"]),
        "slot: not one that a restaurant is searched by": (1, ["7 turn 1 'slot'"]),
        "acts: system turn without acts": (1, ["7 turn 2"]),
        "dialogue: no turns": (1, ["8"]),
    }


def test_camrest_dev_is_the_publishers_val() -> None:
    (dialogue,) = read_camrest(tiny("camrest676"), "dev")
    assert (dialogue.dialogue_id, dialogue.split) == ("9", "dev")
    # Nothing said is the empty state, which is annotated, not None.
    assert dialogue.turns[0].belief_state == {}


def test_woz20_replies_and_their_acts_come_from_the_turn_after() -> None:
    (dialogue,) = read_woz20(tiny("woz20"), "train")
    assert [turn.system for turn in dialogue.turns] == [
        "Which part of town, and for whom? Moderate, yes?",
        "Wok Two, 2 Low Road.",
        None,
    ]
    assert [turn.dialogue_acts for turn in dialogue.turns] == [
        (act("request", "area"), act("confirm", "pricerange"), act("request", "phonenumber")),
        None,
        None,
    ]


def test_woz20_values_the_schema_lacks_are_kept_as_said_and_counted() -> None:
    report = ReadReport()
    (dialogue,) = read_woz20(tiny("woz20"), "train", report=report)
    assert dialogue.turns[-1].belief_state == {
        "restaurant": {"food": "noodles", "pricerange": "moderate", "area": "old side"}
    }
    assert {reason: note.count for reason, note in report.notes.items()} == {
        # One of three: the last turn's reply is nowhere, which is no fault of its acts.
        "acts: system turn without acts": 1,
        "user's request: a turn has no place for it": 1,
        "value: not in the schema, kept as said": 2,
    }


def test_both_have_one_service_whose_slots_multiwoz_has_too() -> None:
    (camrest,) = camrest_services(tiny("camrest676"))
    (woz,) = woz20_services(tiny("woz20"))
    for service, foods in ((camrest, ("polish", "soup")), (woz, ("noodles",))):
        assert service.name == "restaurant"
        assert service.intents == ()
        slots = {slot.name: slot for slot in service.slots}
        assert set(slots) == {"area", "food", "pricerange"} <= set(STATE_SLOTS["restaurant"])
        assert slots["food"].values == foods
        assert not slots["food"].categorical
        assert slots["pricerange"].categorical
        assert slots["area"].values == ("centre", "east", "north", "south", "west")


@pytest.mark.parametrize(
    ("name", "path", "content", "message"),
    [
        ("camrest676", "train.json", "[", r"train\.json is not JSON"),
        ("camrest676", "train.json", "{}", r"holds a JSON dict; expected the publisher's list"),
        ("camrest676", "train.json", '[{"dial": []}]', r"train\.json: KeyError 'dialogue_id'"),
        ("camrest676", "train.json", "[7]", r"train\.json: TypeError"),
        (
            "woz20",
            "woz_train_en.json",
            json.dumps([{"dialogue_idx": 1, "dialogue": [{}]}]),
            r"woz_train_en\.json: KeyError 'belief_state'",
        ),
    ],
)
def test_other_files_are_rejected_by_name(
    tmp_path: Path, name: str, path: str, content: str, message: str
) -> None:
    (tmp_path / path).write_text(content, "utf-8")
    read = read_camrest if name == "camrest676" else read_woz20
    with pytest.raises(CorpusError, match=message):
        list(read(find(name, tmp_path), "train"))
