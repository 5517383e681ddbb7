"""What somebody insists on is a yes, though words of a no or of indifference stand beside it."""

from pathlib import Path

import pytest

from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.language.dialogue import BeliefState, apply_update
from todserve.runtime.tracking.orders.order_sheet import Written
from todserve.runtime.tracking.orders.plain_orders import PlainOrders

SHIPPED = Path(__file__).resolve().parents[5] / "checkpoints" / "multiwoz"
NORTH: BeliefState = {"hotel": {"area": "north"}}


@pytest.fixture(scope="module")
def orders() -> PlainOrders:
    return Checkpoint.open(SHIPPED).grounds.orders


def after(
    orders: PlainOrders, said: str, written: dict[str, str], reply: str = ""
) -> dict[str, str]:
    wrote: Written = {"hotel": written}
    found = orders.of(said, state=NORTH, domain="hotel", written=wrote, reply=reply)
    return dict(apply_update(NORTH, found.over(wrote)).get("hotel", {}))


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("it only has to have parking", {"parking": "dontcare"}),
        ("it must have parking", {"parking": "no"}),
        ("we can't manage without parking", {"parking": "no"}),
        ("the price is up to you, parking is a must", {"parking": "dontcare"}),
        ("breakfast doesn't interest me, parking does", {"parking": "dontcare"}),
        ("no stars needed but parking is essential", {"parking": "no"}),
    ],
)
def test_what_is_insisted_on_is_a_yes(
    orders: PlainOrders, said: str, written: dict[str, str]
) -> None:
    assert after(orders, said, written)["parking"] == "yes"


def test_two_things_are_insisted_on_in_one_breath(orders: PlainOrders) -> None:
    found = after(orders, "it has to have wifi and parking", {"parking": "no"})
    assert (found["internet"], found["parking"]) == ("yes", "yes")


@pytest.mark.parametrize(
    "said",
    [
        "it doesn't have to have parking",
        "parking isn't essential",
        "it must be cheap, and i don't need parking",
        "does it have parking?",
        "we can do without parking",
    ],
)
def test_what_nobody_insists_on_is_left_to_the_network(orders: PlainOrders, said: str) -> None:
    assert after(orders, said, {"parking": "no"})["parking"] == "no"


@pytest.mark.parametrize("left_open", ["none", "dontcare"])
def test_indifference_to_one_thing_leaves_another_as_it_was(
    orders: PlainOrders, left_open: str
) -> None:
    asked = "which price range would you like?"
    found = after(orders, "whatever, we like everything", {"area": left_open}, asked)
    assert found["area"] == "north"


def test_indifference_to_what_was_asked_takes_the_old_value(orders: PlainOrders) -> None:
    asked = "shall i try another area?"
    assert after(orders, "whatever you like", {"area": "dontcare"}, asked)["area"] == "dontcare"


@pytest.mark.parametrize(
    ("said", "turned"),
    [
        ("a hotel with parking, not in the centre", True),
        ("not in the centre, and with parking", True),
        ("a hotel without parking, in the north", False),
        ("no parking, and not in the centre", False),
        ("parking doesn't matter, not in the centre", False),
    ],
)
def test_a_no_that_is_said_of_something_else_denies_nothing(
    orders: PlainOrders, said: str, turned: bool
) -> None:
    found = [*orders.firm_wishes.undenied(said, {"hotel": {"parking": "no"}})]
    assert found == ([("hotel", "parking", "yes")] if turned else [])
