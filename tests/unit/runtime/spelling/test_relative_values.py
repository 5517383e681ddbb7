"""What changes a known value by so much is read as the value that it comes to."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from todserve.runtime.language.word_forms import WordForms
from todserve.runtime.spelling.paraphrases import replaced
from todserve.runtime.spelling.relative_values import RelativeValues
from todserve.runtime.tracking.ways_of_saying import WaysOfSaying

SHIPPED = Path(__file__).resolve().parents[4] / "checkpoints" / "multiwoz"
TABLE = {"people": "4", "day": "sunday", "time": "19:00"}
ROOM = {"people": "2", "day": "monday", "stay": "3"}


@pytest.fixture(scope="module")
def values() -> RelativeValues:
    return RelativeValues(WaysOfSaying.of(SHIPPED), WordForms.of_language())


def read(values: RelativeValues, said: str, known: Mapping[str, str]) -> str:
    return replaced(said, values.found(said, known.get)).text


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("one fewer, jo is ill", "for 3 people, jo is ill"),
        ("make it two more", "for 6 people"),
        ("a couple more friends", "for 6 people"),
        ("add another 2", "for 6 people"),
        ("+1 please", "for 5 people please"),
        ("minus one", "for 3 people"),
        ("plus my mum and dad", "for 6 people"),
        ("my sister is coming as well", "for 5 people"),
        ("oh and gran's coming too", "oh and for 5 people"),
        ("and my three daughters as well", "for 7 people"),
        ("my parents too please", "for 6 people please"),
        ("with the twins also", "for 6 people"),
        ("plus our two kids, sorry", "for 6 people, sorry"),
        ("is there a bar too?", "is there a bar too?"),
        ("me too", "me too"),
        ("two of us can't make it", "for 2 people"),
        ("one of em's driving instead", "for 3 people"),
        ("my friend is staying at home", "for 3 people"),
        ("+ her mother in law", "for 5 people"),
        ("three people dropped out", "for 1 people"),
        ("double it", "for 8 people"),
        ("push it back half an hour", "at 19:30"),
        ("make the table an hour earlier", "the table at 18:00"),
        ("an hour and a half later please", "at 20:30 please"),
        ("20 mins earlier", "at 18:40"),
        ("bring the table forward an hour", "the table at 18:00"),
        ("a day later", "on monday"),
        ("the day before", "on saturday"),
        ("2 days earlier", "on friday"),
        # what is said outright needs no reckoning, and other things are counted too
        ("one more, so 5 people", "one more, so 5 people"),
        ("the day after, tuesday", "the day after, tuesday"),
        ("one more thing", "one more thing"),
        ("anything less expensive", "anything less expensive"),
        ("i am coming as well", "i am coming as well"),
        ("nobody at all, minus 9", "nobody at all, minus 9"),
        ("seven hours later", "seven hours later"),
    ],
)
def test_a_change_of_a_table_is_reckoned(values: RelativeValues, said: str, meant: str) -> None:
    assert read(values, said, TABLE) == meant


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("add a night on the end", "for 4 nights"),
        ("tack on an extra night", "for 4 nights"),
        ("one more night", "for 4 nights"),
        ("a night less", "for 2 nights"),
        ("stay two nights longer", "for 5 nights"),
        ("two more", "for 4 people"),
        ("half an hour later", "half an hour later"),
    ],
)
def test_nights_and_people_are_told_apart(values: RelativeValues, said: str, meant: str) -> None:
    assert read(values, said, ROOM) == meant


def test_nothing_that_is_not_known_is_changed(values: RelativeValues) -> None:
    assert read(values, "one fewer, an hour later, a day later", {}) == (
        "one fewer, an hour later, a day later"
    )
