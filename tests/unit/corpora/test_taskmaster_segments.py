import pytest

from tests.support.corpora_fixtures import TINY, tiny
from todserve.corpora.files.dialogue_layouts import open_dialogues
from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.taskmaster.taskmaster1_reader import taskmaster1_services
from todserve.corpora.registry import load
from todserve.corpora.validation import run_validate


def test_what_the_user_says_fills_the_state_and_what_is_rejected_does_not() -> None:
    report = ReadReport()
    written, spoken = load("taskmaster1", "train", TINY, report=report)
    ordered = {"num_pizza": "two", "size_pizza": "large", "name_store": "bella roma"}
    assert [turn.belief_state for turn in written.turns] == [
        {"pizza_ordering": ordered},
        {"pizza_ordering": {**ordered, "type_topping": "mushrooms"}},
    ]
    assert [turn.system for turn in written.turns] == ["Olives or ham?", "Done."]
    assert spoken.turns[0].belief_state == {"coffee_ordering": {"name_drink": "latte"}}
    assert report.count("label: rejected") == 1
    assert report.count("turn: system turn without a user turn before it") == 1


def test_the_written_dialogues_have_the_publishers_splits_and_the_spoken_are_train() -> None:
    ids = {
        split: [one.dialogue_id for one in load("taskmaster1", split, TINY)]
        for split in ("train", "dev", "test")
    }
    assert ids == {"train": ["dlg-1a", "dlg-1w"], "dev": ["dlg-1b"], "test": ["dlg-1c"]}


def test_of_two_marks_of_one_slot_in_a_sentence_the_first_stands() -> None:
    report = ReadReport()
    (dialogue,) = load("taskmaster1", "dev", TINY, report=report)
    assert dialogue.turns[0].belief_state == {"uber_lyft": {"location_to": "hill street"}}
    assert report.count("value: first of several kept") == 1


def test_the_tasks_are_services_with_the_slots_that_are_filled() -> None:
    services = {one.name: one for one in taskmaster1_services(tiny("taskmaster1"))}
    assert list(services) == ["coffee_ordering", "pizza_ordering", "uber_lyft"]
    assert [slot.name for slot in services["pizza_ordering"].slots] == [
        *("name_store", "num_pizza", "size_pizza", "type_topping"),
    ]


def test_every_file_of_taskmaster_2_is_a_domain() -> None:
    hotel, music = load("taskmaster2", "train", TINY)
    assert hotel.turns[0].belief_state == {
        "hotel_search": {"location_hotel": "rome", "date_checkin": "tonight"}
    }
    assert [turn.active_domain for turn in music.turns] == ["music_search", "music_search"]
    assert [turn.belief_state for turn in music.turns] == [{}, {}]


def test_taskmaster_3_is_cinema_tickets_whose_calls_are_no_acts() -> None:
    (dialogue,) = load("taskmaster3", "train", TINY)
    first, second = dialogue.turns
    assert first.belief_state == {
        "Movie_Tickets": {"num_tickets": "two", "name_movie": "up", "time_showing": "19:00"}
    }
    assert second.belief_state == first.belief_state
    assert (second.system, first.dialogue_acts, first.intent) == (None, None, None)


@pytest.mark.parametrize("name", ["taskmaster1", "taskmaster2", "taskmaster3", "dstc2", "frames"])
def test_a_published_folder_is_opened_and_checked_by_its_path(name: str) -> None:
    services, dialogues = open_dialogues(TINY / name)
    assert services
    assert {one.corpus for one in dialogues} == {name}
    assert run_validate(TINY / name) == []
