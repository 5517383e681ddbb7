import shutil
from pathlib import Path

import pytest

from tests.support.corpora_fixtures import TINY, tiny
from todserve.corpora.files.dialogue_layouts import open_dialogues
from todserve.corpora.layout_conversion import run_convert
from todserve.corpora.read_report import ReadReport
from todserve.corpora.registry import CORPORA, load
from todserve.corpora.services import merged
from todserve.corpora.validation import run_validate
from todserve.runtime.language.dialogue import Dialogue, DialogueAct
from todserve.runtime.language.schema import Schema


@pytest.fixture
def dialogue() -> Dialogue:
    (found,) = load("multiwoz22", "train", TINY)
    return found


def test_the_slots_of_2_2_are_without_their_domains_and_named_as_in_2_1(dialogue: Dialogue) -> None:
    first = {"restaurant": {"area": "centre", "pricerange": "cheap"}}
    booked = {"name": "zizzi cambridge", "day": "friday", "time": "07:30"}
    restaurant = {**first["restaurant"], **booked}
    taxi = {"departure": "zizzi cambridge"}
    assert [turn.belief_state for turn in dialogue.turns] == [
        first,
        {"restaurant": restaurant},
        {"restaurant": restaurant, "taxi": taxi},
        {"restaurant": restaurant, "taxi": taxi},
    ]


def test_intents_and_domains_of_2_2_are_those_of_the_frame_that_moved(dialogue: Dialogue) -> None:
    assert [(turn.intent, turn.active_domain) for turn in dialogue.turns] == [
        ("find_restaurant", "restaurant"),
        ("book_restaurant", "restaurant"),
        ("book_taxi", "taxi"),
        ("general", "taxi"),
    ]


def test_acts_of_2_2_come_from_their_own_file_and_mark_the_values(dialogue: Dialogue) -> None:
    assert [
        [(act.domain, act.act, act.slot) for act in turn.dialogue_acts or ()]
        for turn in dialogue.turns
    ] == [
        [
            ("restaurant", "inform", "name"),
            ("restaurant", "inform", "pricerange"),
            ("restaurant", "offerbook", ""),
        ],
        [("restaurant", "book", "reference")],
        [("taxi", "request", "destination")],
        [("general", "bye", "")],
    ]
    first, second, *_ = dialogue.turns
    assert first.delexicalised_response == ("[value_name] is [value_pricerange]. Shall I book it?")
    assert second.delexicalised_response == "Booked. Your reference is [value_reference]."


def test_without_its_file_of_acts_2_2_has_states_and_no_acts(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(TINY / "multiwoz22", folder)
    (folder / "dialog_acts.json").unlink()
    services, dialogues = open_dialogues(folder)
    assert [service.name for service in services] == ["restaurant", "taxi", "bus"]
    for one in dialogues:
        assert one.corpus == "mine"
        assert {turn.dialogue_acts for turn in one.turns} == {None}
        assert all(turn.belief_state for turn in one.turns)


def test_2_2_as_published_is_validated_and_converted_by_its_path(tmp_path: Path) -> None:
    assert run_validate(TINY / "multiwoz22") == []
    run_convert(TINY / "multiwoz22", "jsonl", tmp_path / "out")
    assert sorted(one.name for one in (tmp_path / "out").iterdir()) == [
        *("dev.jsonl", "schema.json", "train.jsonl"),
    ]
    assert run_validate(tmp_path / "out") == []
    written = [one for one in open_dialogues(tmp_path / "out")[1] if one.split == "train"]
    assert [one.turns for one in written] == [
        one.turns for one in load("multiwoz22", "train", TINY)
    ]


@pytest.mark.parametrize("beside", [True, False])
def test_a_split_of_2_2_is_read_with_its_schema_beside_or_above(
    tmp_path: Path, beside: bool
) -> None:
    folder = tmp_path / "split"
    shutil.copytree(TINY / "multiwoz22" / "train", folder)
    shutil.copy(TINY / "multiwoz22" / "schema.json", folder if beside else tmp_path)
    assert run_validate(folder) == []
    (dialogue,) = open_dialogues(folder)[1]
    assert dialogue.turns[0].belief_state == {
        "restaurant": {"area": "centre", "pricerange": "cheap"}
    }
    assert {turn.dialogue_acts for turn in dialogue.turns} == {None}


def test_2_4_has_the_splits_of_its_lists_and_the_state_of_its_metadata() -> None:
    ids = {
        split: [one.dialogue_id for one in load("multiwoz24", split, TINY)]
        for split in ("train", "dev", "test")
    }
    assert ids == {"train": ["SNG9101"], "dev": ["SNG9102"], "test": ["SNG9103"]}
    report = ReadReport()
    (train,) = load("multiwoz24", "train", TINY, report=report)
    first, second = train.turns
    assert first.belief_state == {"restaurant": {"pricerange": "cheap", "day": "friday"}}
    assert second.belief_state == {
        "restaurant": {"pricerange": "cheap", "day": "friday", "people": "2"},
        "train": {"destination": "ely", "leave": "09:15"},
    }
    assert (first.active_domain, second.active_domain) == ("restaurant", "train")
    assert first.dialogue_acts == (DialogueAct(domain="restaurant", act="request", slot="people"),)
    assert (second.dialogue_acts, second.intent) == (None, None)
    assert second.user == "Two. And a train to Ely after 9:15."
    assert report.count("value: first of several kept") == 2


def test_2_4_reads_acts_and_intents_where_the_log_has_them() -> None:
    (dev,) = load("multiwoz24", "dev", TINY)
    (turn,) = dev.turns
    assert turn.intent == "find_restaurant"
    assert turn.belief_state == {"restaurant": {"food": "dontcare"}}
    assert turn.dialogue_acts == (DialogueAct(domain="restaurant", act="recommend", slot="name"),)


def test_2_4_is_opened_by_its_path_and_its_ontology_gives_known_values(tmp_path: Path) -> None:
    services, dialogues = open_dialogues(TINY / "multiwoz24")
    schema = Schema(services=services)
    assert schema.values("restaurant", "pricerange") == ("cheap", "moderate")
    assert schema.values("restaurant", "day") == ("friday",)
    assert {one.split for one in dialogues} == {"train", "dev", "test"}
    assert run_validate(TINY / "multiwoz24") == []


def test_the_versions_of_multiwoz_share_their_names_of_slots() -> None:
    old = {one.name: one for one in CORPORA["multiwoz22"].services(tiny("multiwoz22"))}
    joined = merged([*old.values(), *CORPORA["multiwoz24"].services(tiny("multiwoz24"))])
    (restaurant,) = [one for one in joined if one.name == "restaurant"]
    assert len({slot.name for slot in restaurant.slots}) == len(restaurant.slots) == 7
