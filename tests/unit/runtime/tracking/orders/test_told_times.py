"""A time is that of the words before it, and on the half of the day that is meant."""

from pathlib import Path

import pytest

from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.language.dialogue import BeliefState
from todserve.runtime.tracking.orders.plain_orders import PlainOrders
from todserve.runtime.tracking.orders.told_times import ToldTimes

SHIPPED = Path(__file__).resolve().parents[5] / "checkpoints" / "multiwoz"
TRAIN: BeliefState = {"train": {"departure": "ely", "destination": "cambridge", "leave": "08:00"}}


@pytest.fixture(scope="module")
def orders() -> PlainOrders:
    return Checkpoint.open(SHIPPED).grounds.orders


@pytest.fixture(scope="module")
def told(orders: PlainOrders) -> ToldTimes:
    return orders.told_times


@pytest.mark.parametrize(
    ("said", "heard", "right"),
    [
        ("a meeting at 9:00, i must be there by half past eight", "09:00", "08:30"),
        ("lunch is at 12:30 so the train gets in by 11:45 please", "12:30", "11:45"),
        ("arriving in ely by quarter to ten", "10:00", "09:45"),
        # the same on the other half of the day, two times, none, or of other words
        ("arriving by quarter to ten tonight", "21:45", None),
        ("arriving by half past eight or arriving by half past nine", "08:30", None),
        ("i want to be there by 9", "09:00", None),
        ("the meeting is at half past eight", "09:00", None),
    ],
)
def test_a_time_stands_behind_the_words_of_its_slot(
    told: ToldTimes, said: str, heard: str, right: str | None
) -> None:
    found = list(told.of(said, {"train": {"arrive": heard}}, ()))
    assert found == ([] if right is None else [("train", "arrive", right)])


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("i must be there by ten", "10:00"),
        ("it has to get in by 5 pm", "17:00"),
        ("please arrive by 9, not later", "09:00"),
        ("i need to be there for quarter to eight", "07:45"),
        ("we should get there before noon", "12:00"),
        # half a time, a number of something else, no words of the slot
        ("it gets in by eleven fifteen", None),
        ("arriving by nine people carriers", None),
        ("by ten", None),
    ],
)
def test_a_time_that_the_network_did_not_hear_is_heard(
    told: ToldTimes, said: str, heard: str | None
) -> None:
    found = list(told.of(said, {"train": {"day": "friday"}}, (), "train"))
    assert found == ([] if heard is None else [("train", "arrive", heard)])


def test_a_time_of_one_service_is_not_anothers(told: ToldTimes) -> None:
    wrote = {"train": {"arrive": "11:00"}, "taxi": {"arrive": "none"}}
    assert not list(told.of("be there by 11am, then a taxi", wrote, ()))


def test_an_unheard_time_is_on_the_half_of_the_day_of_the_one_before(told: ToldTimes) -> None:
    said, state = "be there for quarter to eight", {"taxi": {"leave": "19:35"}}
    assert list(told.of(said, {}, (), "taxi", state)) == [("taxi", "arrive", "19:45")]


def test_the_only_time_that_is_told_takes_the_place_of_one_that_nobody_said(
    told: ToldTimes,
) -> None:
    unsaid = [("restaurant", "time")]
    said = "a table on friday at quarter to eight"
    assert list(told.of(said, {}, unsaid)) == [("restaurant", "time", "19:45")]
    assert not list(told.of("half past six or half past seven", {}, unsaid))
    assert not list(told.of("a table on friday", {}, unsaid))


@pytest.mark.parametrize(
    ("value", "known", "text", "meant"),
    [
        ("07:10", "18:45", "make it 7:10", "19:10"),
        ("11:30", "23:00", "half past 11", "23:30"),
        ("11:30", "12:45", "half past 11", "11:30"),
        ("07:10", "08:00", "make it 7:10", "07:10"),
        ("07:10", "18:45", "make it 07:10", "07:10"),
        ("07:10", "18:45", "7:10 in the morning", "07:10"),
        ("07:10", "", "make it 7:10", "07:10"),
        ("07:10", "18:45", "7:10am, and a table that evening", "07:10"),
        ("07:10", "", "7:10, and a table that evening", "07:10"),
    ],
)
def test_a_new_time_is_on_the_half_of_the_day_of_the_old_one(
    orders: PlainOrders, value: str, known: str, text: str, meant: str
) -> None:
    assert orders.ways.in_the_evening("taxi", "leave", value, text, known) == meant


def test_the_time_that_is_denied_gives_way_to_the_other(orders: PlainOrders) -> None:
    wrote = {"train": {"arrive": "09:00"}}
    said = "i have to arrive by 9, not leave then"
    found = orders.of(said, state=TRAIN, domain="train", written=wrote).over(wrote)
    assert found == {"train": {"arrive": "09:00", "leave": "none"}}
    other = "i have to arrive by 9"
    assert orders.of(other, state=TRAIN, domain="train", written=wrote).over(wrote) == wrote


def test_what_was_mixed_up_and_is_said_swaps_no_ends(orders: PlainOrders) -> None:
    said = "i mixed up two things, it's thursday"
    assert not orders.of(said, state=TRAIN, domain="train", written={}).update
    swapped = orders.of("i mixed them up", state=TRAIN, domain="train", written={}).update
    assert swapped["train"] == {"departure": "cambridge", "destination": "ely"}
