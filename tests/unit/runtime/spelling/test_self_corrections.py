"""What somebody takes back in the same breath is not read; what only looks like it is."""

from pathlib import Path

import pytest

from tests.support.venues import SCHEMA, open_venues
from todserve.runtime.spelling.paraphrases import replaced
from todserve.runtime.spelling.self_corrections import SelfCorrections
from todserve.runtime.tracking.ways_of_saying import WaysOfSaying

SHIPPED = Path(__file__).resolve().parents[4] / "checkpoints" / "multiwoz"


@pytest.fixture(scope="module")
def corrections(tmp_path_factory: pytest.TempPathFactory) -> SelfCorrections:
    knowledge = open_venues(tmp_path_factory.mktemp("corrections"))
    found = SelfCorrections.of(WaysOfSaying.of(SHIPPED), SCHEMA, knowledge)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("a swimming pool in the east, wait, north", "a swimming pool in the north"),
        ("a cheap, no, a moderate place", "a moderate place"),
        ("leaving friday, hang on, saturday, after 10:00", "leaving saturday, after 10:00"),
        ("in the north i mean the west with parking", "in the west with parking"),
        ("for 3, no 4, people", "for 4, people"),
        ("3 people, no, 4 people", "4 people"),
        ("at 18:00, no sorry, 19:00", "at 19:00"),
        ("italian, actually indian", "indian"),
        # of another slot, another thing, or no correction at all
        ("a cheap hotel, actually an expensive restaurant", None),
        ("cheap, no, in the north", None),
        ("monday, tuesday", None),
        ("yes, no problem, at 7", None),
    ],
)
def test_only_the_value_that_is_meant_is_left(
    corrections: SelfCorrections, said: str, read: str | None
) -> None:
    assert replaced(said, corrections.found(said)).text == (read or said)


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("last time we ate italian, now something indian please", "now something indian please"),
        (
            "We had booked a place in the east but it burnt down. Need one in the west",
            "it burnt down. Need one in the west",
        ),
        ("i used to love cheap places but we want an expensive one", "we want an expensive one"),
        # nothing of it is wished otherwise later, or nothing is in the past
        ("last time we ate italian, now a museum in the west", None),
        ("a table in the east but a hotel in the west", None),
        ("a place in the east, as we had booked last time in the west", None),
    ],
)
def test_what_was_so_before_gives_way_to_what_is_wished_now(
    corrections: SelfCorrections, said: str, read: str | None
) -> None:
    assert replaced(said, corrections.found(said)).text == (read or said)
