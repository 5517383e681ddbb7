"""What somebody wishes and the schema does not know is found, and nothing else is taken for it."""

from pathlib import Path

import pytest

from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.tracking.unknown_wishes import UnknownWishes

SHIPPED = Path(__file__).resolve().parents[4] / "checkpoints" / "multiwoz"


@pytest.fixture(scope="module")
def unknown() -> UnknownWishes:
    return Checkpoint.open(SHIPPED).grounds.unknown


def found(
    unknown: UnknownWishes,
    text: str,
    *,
    domain: str | None = None,
    written: dict[str, dict[str, str]] | None = None,
    unsaid: tuple[tuple[str, str], ...] = (),
) -> dict[str, str]:
    wishes = unknown.of(text, domain=domain, state={}, written=written or {}, unsaid=unsaid)
    return {one.slot: one.value for one in wishes}


@pytest.mark.parametrize(
    ("text", "domain", "slot", "value"),
    [
        ("a table for 25 people", "restaurant", "people", "25"),
        ("there are thirty of us", "restaurant", "people", "thirty"),
        ("a table for a hundred", "restaurant", "people", "a hundred"),
        ("for 40 nights", "hotel", "stay", "40"),
        ("for 0 nights", "hotel", "stay", "0"),
        ("for three months", "hotel", "stay", "three months"),
        ("a 7-star hotel", "hotel", "stars", "7"),
        ("a table tomorrow at 7", "restaurant", "day", "tomorrow"),
        ("a train from oxford on friday", None, "departure", "oxford"),
        ("trains to narnia please", None, "destination", "narnia"),
        ("a train that goes to brighton from cambridge", None, "destination", "brighton"),
        ("no, to hogwarts", "train", "destination", "hogwarts"),
    ],
)
def test_what_no_slot_knows_is_found(
    unknown: UnknownWishes, text: str, domain: str | None, slot: str, value: str
) -> None:
    assert found(unknown, text, domain=domain) == {slot: value}


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("a table for 20 people at 19:30", "restaurant"),
        ("a room for 2 people for 3 nights from monday", "hotel"),
        ("is it below 50 pounds a night?", "hotel"),
        ("for 30 minutes", "restaurant"),
        ("a train from ely to cambridge after 9:00", "train"),
        ("a train to get to norwich", "train"),
        ("i need a train to take me there", "train"),
        ("from there to here", "train"),
        ("move the train to saturday", "train"),
        ("a taxi from narnia to mordor", "taxi"),
        ("a taxi from the ugly duckling to ely train station", "taxi"),
        ("a train from leiceter to peterbourough", "train"),
        ("to book it", "train"),
    ],
)
def test_what_can_be_or_is_no_wish_is_left_alone(
    unknown: UnknownWishes, text: str, domain: str
) -> None:
    assert found(unknown, text, domain=domain) == {}


def test_a_place_is_looked_for_where_the_network_heard_one(unknown: UnknownWishes) -> None:
    text = "i need to get to york by 10"
    assert found(unknown, text) == {}
    assert found(unknown, text, unsaid=(("train", "destination"),)) == {"destination": "york"}
