"""The last day of a stay whose first is known is read as the number of its nights."""

from pathlib import Path

import pytest

from tests.support.venues import SCHEMA
from todserve.runtime.language.dialogue import BeliefState
from todserve.runtime.spelling.last_days import LastDays
from todserve.runtime.spelling.paraphrases import replaced
from todserve.runtime.tracking.ways_of_saying import WaysOfSaying

SHIPPED = Path(__file__).resolve().parents[4] / "checkpoints" / "multiwoz"
ROOM: BeliefState = {"hotel": {"day": "thursday", "stay": "3"}}


@pytest.fixture(scope="module")
def last_days() -> LastDays:
    return LastDays(WaysOfSaying.of(SHIPPED), SCHEMA)


def read(last_days: LastDays, said: str, state: BeliefState, at_hand: str) -> str:
    return replaced(said, last_days.found(said, state, at_hand)).text


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("stay till monday instead", "for 4 nights instead"),
        ("can we check out on the tuesday", "can we for 5 nights"),
        ("until sun please", "for 3 nights please"),
        ("work begins on monday, so check out sunday", "work begins on monday, so for 3 nights"),
        ("we are leaving again on saturday", "we are for 2 nights"),
        ("make it until wednesday", "for 6 nights"),
        ("we fly home on friday", "we for 1 nights"),
        ("extend it to monday", "for 4 nights"),
        ("check-out will be sunday", "for 3 nights"),
        ("we're departing monday morning", "we're for 4 nights morning"),
        # the first day again, a number beside it, several days, another service
        ("until thursday", "until thursday"),
        ("till monday, so 4 nights", "till monday, so 4 nights"),
        ("not till monday, till sunday", "not till monday, till sunday"),
        ("a train leaving on monday", "a train leaving on monday"),
        ("i will leave it to monday's team", "i will leave it to monday's team"),
    ],
)
def test_a_stay_lasts_until_the_day_that_is_said(
    last_days: LastDays, said: str, meant: str
) -> None:
    assert read(last_days, said, ROOM, "hotel") == meant


@pytest.mark.parametrize(
    ("state", "at_hand"),
    [
        ({"hotel": {"stay": "3"}}, "hotel"),
        ({"train": {"day": "thursday"}}, "train"),
        ({**ROOM, "train": {"day": "monday"}}, "train"),
    ],
)
def test_without_a_first_day_or_of_another_service_nothing_is_counted(
    last_days: LastDays, state: BeliefState, at_hand: str
) -> None:
    assert read(last_days, "leaving on monday", state, at_hand) == "leaving on monday"
