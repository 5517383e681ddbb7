"""Near a venue is in its part of town; a taxi goes to a place, whatever is near it."""

from pathlib import Path

import pytest

from tests.support.venues import SCHEMA, open_venues
from todserve.runtime.spelling.near_venues import NearVenues
from todserve.runtime.spelling.paraphrases import replaced
from todserve.runtime.tracking.ways_of_saying import WaysOfSaying

SHIPPED = Path(__file__).resolve().parents[4] / "checkpoints" / "multiwoz"


@pytest.fixture(scope="module")
def near(tmp_path_factory: pytest.TempPathFactory) -> NearVenues:
    knowledge = open_venues(tmp_path_factory.mktemp("near"))
    return NearVenues(WaysOfSaying.of(SHIPPED), SCHEMA, knowledge)


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("a cheap place to eat near the acorn guest house", "a cheap place to eat in the north"),
        ("A table close to the hotel Acorn Guest House?", "A table in the north?"),
        ("a taxi from near the acorn guest house", "a taxi from near the acorn guest house"),
        ("a hotel near the station", "a hotel near the station"),
        ("tell me about the acorn guest house", "tell me about the acorn guest house"),
    ],
)
def test_near_a_venue_is_in_its_part_of_town(near: NearVenues, said: str, read: str) -> None:
    assert replaced(said, near.found(said)).text == read
