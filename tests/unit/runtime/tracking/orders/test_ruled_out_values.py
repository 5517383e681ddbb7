"""What somebody does not wish for stays out of the state, in whatever words it is ruled out."""

from pathlib import Path

import pytest

from tests.support.venues import SCHEMA, open_venues
from todserve.runtime.language.dialogue import apply_update
from todserve.runtime.tracking.orders.plain_orders import PlainOrders
from todserve.runtime.tracking.ways_of_saying import WaysOfSaying

SHIPPED = Path(__file__).resolve().parents[5] / "checkpoints" / "multiwoz"


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> PlainOrders:
    knowledge = open_venues(tmp_path_factory.mktemp("ruled-out"))
    return PlainOrders(schema=SCHEMA, ways=WaysOfSaying.of(SHIPPED), knowledge=knowledge)


def left(
    orders: PlainOrders, said: str, domain: str, slot: str, written: str, known: str = ""
) -> str | None:
    """Return the value of a slot after an utterance of which the network wrote one."""
    state = {domain: {slot: known}} if known else {}
    wrote = {domain: {slot: written}} if written else {}
    sheet = orders.of(said, state=state, domain=domain, written=wrote)
    return apply_update(state, sheet.over(wrote)).get(domain, {}).get(slot)


@pytest.mark.parametrize(
    "said",
    [
        "something to see that isn't a museum",
        "anything, just not another museum please",
        "we are sick of museums",
        "no more museums",
        "no colleges or museums",
        "he can't stand galleries",
        "not one of those museums again",
        "something without a museum",
        "somewhere that doesn't do museums",
        "i have seen all the museums",
        "neither a museum nor a college",
        "let's forget the museum",
    ],
)
def test_a_kind_that_is_not_wished_does_not_come_in_and_goes_where_it_was(
    orders: PlainOrders, said: str
) -> None:
    assert left(orders, said, "attraction", "type", "museum") is None
    assert left(orders, said, "attraction", "type", "", known="museum") is None


@pytest.mark.parametrize(
    "said",
    [
        "why is there no museum? i want one, a museum",
        "a museum, not a college",
        "not far from the museum",
        "are there no museums here?",
        "not scott polar museum, another museum",
    ],
)
def test_a_kind_that_is_wished_somewhere_or_only_asked_after_stays(
    orders: PlainOrders, said: str
) -> None:
    assert left(orders, said, "attraction", "type", "museum") == "museum"
    assert left(orders, said, "attraction", "type", "", known="museum") == "museum"


def test_a_question_takes_nothing_back(orders: PlainOrders) -> None:
    said = "isn't the museum free?"
    assert left(orders, said, "attraction", "type", "", known="museum") == "museum"


@pytest.mark.parametrize(
    "said", ["no chips please", "without chips", "we never eat chips", "i'm allergic to chips"]
)
def test_a_food_that_the_schema_does_not_list_is_ruled_out_as_well(
    orders: PlainOrders, said: str
) -> None:
    assert left(orders, said, "restaurant", "food", "chips") is None


@pytest.mark.parametrize(
    ("said", "slot", "written", "known"),
    [
        ("no south", "area", "south", "north"),
        ("no south", "area", "south", ""),
        ("no italian", "food", "italian", "chinese"),
        ("no, italian", "food", "italian", ""),
    ],
)
def test_a_no_that_only_puts_right_rules_nothing_out(
    orders: PlainOrders, said: str, slot: str, written: str, known: str
) -> None:
    assert left(orders, said, "restaurant", slot, written, known) == written


def test_a_word_of_a_venue_that_is_ruled_out_is_no_kind_of_food(orders: PlainOrders) -> None:
    assert left(orders, "not the nirala", "restaurant", "food", "", known="indian") == "indian"
