"""A place that somebody names in full enters the state, though the model wrote nothing of it."""

import shutil
from pathlib import Path

import pytest

from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.language.dialogue import BeliefState
from todserve.runtime.tracking.named_venues import NamedVenue, NamedVenues

SHIPPED = Path(__file__).resolve().parents[4] / "checkpoints" / "multiwoz"
NO_STATE: BeliefState = {}


@pytest.fixture(scope="module")
def venues() -> NamedVenues:
    return Checkpoint.open(SHIPPED).grounds.venues


def _heard(found: NamedVenue | None) -> tuple[str, str, str] | None:
    return None if found is None else (found.domain, found.slot, found.name)


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("do you have information on la raza?", ("restaurant", "name", "la raza")),
        ("What is the address of Acorn Guest House?", ("hotel", "name", "acorn guest house")),
        ("the adc theatre's phone number please", ("attraction", "name", "adc theatre")),
        ("i would like the hotel du vin", None),  # not its whole name
    ],
)
def test_a_name_in_full_is_heard(
    venues: NamedVenues, user: str, expected: tuple[str, str, str] | None
) -> None:
    assert _heard(venues.overlooked(user, "", NO_STATE, {})) == expected


def test_a_name_of_one_word_counts_where_the_last_reply_said_it(venues: NamedVenues) -> None:
    user = "cocum sounds interesting"
    assert venues.overlooked(user, "", NO_STATE, {}) is None
    heard = venues.overlooked(user, "There are cocum and the rice boat.", NO_STATE, {})
    assert _heard(heard) == ("restaurant", "name", "cocum")


@pytest.mark.parametrize(
    ("user", "wrote", "expected"),
    [
        ("limehouse sounds good", "acorn guest house", ("hotel", "name", "limehouse")),
        ("limehouse, or no, the acorn", "acorn guest house", None),
        ("limehouse sounds good", "worth house", None),  # in no list
    ],
)
def test_of_a_list_the_one_is_meant_that_is_said(
    venues: NamedVenues, user: str, wrote: str, expected: tuple[str, str, str] | None
) -> None:
    reply = "There are Acorn Guest House, Limehouse and Home from Home."
    written = {"hotel": {"name": wrote}}
    assert _heard(venues.overlooked(user, reply, NO_STATE, written)) == expected


@pytest.mark.parametrize(
    "user",
    [
        "the place should have parking",  # a name, and everybody's word
        "not la raza please",
        "somewhere other than the la raza",
        "something near adc theatre",
        "la raza or golden wok?",  # two
        "a cheap hotel",
    ],
)
def test_what_nobody_wishes_is_not_heard(venues: NamedVenues, user: str) -> None:
    assert venues.overlooked(user, "How about the place?", NO_STATE, {}) is None


def test_what_a_slot_already_holds_is_not_heard_again(venues: NamedVenues) -> None:
    user = "is la raza cheap?"
    assert venues.overlooked(user, "", {"restaurant": {"name": "la raza"}}, {}) is None
    assert venues.overlooked(user, "", {"taxi": {"departure": "la raza"}}, {}) is None


def test_the_models_own_word_stands(venues: NamedVenues) -> None:
    user = "a taxi to la raza"
    assert venues.overlooked(user, "", NO_STATE, {"taxi": {"leave": "10:00"}}) is None
    assert venues.overlooked(user, "", NO_STATE, {"restaurant": {"name": "golden wok"}}) is None
    beside = venues.overlooked("la raza at 7", "", NO_STATE, {"restaurant": {"time": "19:00"}})
    assert _heard(beside) == ("restaurant", "name", "la raza")


def test_a_checkpoint_whose_values_are_not_held_against_the_words_hears_none(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "unchecked"
    shutil.copytree(SHIPPED, folder)
    (folder / "ways_of_saying.json").unlink()
    venues = Checkpoint.open(folder).grounds.venues
    assert venues.overlooked("information on la raza?", "", NO_STATE, {}) is None


@pytest.mark.parametrize(
    ("user", "name"),
    [
        ("what do i pay to get into trinity", "trinity college"),
        ("how do i get into st johns", "saint john's college"),
        ("tell me about emmanuel", "emmanuel college"),
        ("the phone number of the fitzwilliam", "the fitzwilliam museum"),
        ("book the gonville", "gonville hotel"),
        ("table at efes for 4", "efes restaurant"),
        ("great st mary's, my late husband told me of it", "great saint mary's church"),
        ("emmanuel?", "emmanuel college"),
        ("call my friend emmanuel", None),
        ("not the gonville", None),
        ("is there a college", None),
    ],
)
def test_a_name_without_its_common_end_counts_where_a_place_is_spoken_of(
    venues: NamedVenues, user: str, name: str | None
) -> None:
    heard = venues.named(user, "")
    assert (heard and heard.name) == name


def test_a_value_that_is_short_for_one_name_is_brought_to_it(venues: NamedVenues) -> None:
    assert venues.whole("attraction", "name", "trinity") == "trinity college"
    assert venues.whole("attraction", "name", "trinity college") == "trinity college"
    assert venues.whole("restaurant", "name", "trinity") == "trinity"
    assert venues.whole("restaurant", "name", "ask") == "ask"
