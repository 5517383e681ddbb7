"""Who says that any value will do is not asked the same again, though the model overlooked it."""

from pathlib import Path

import pytest

from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.language.dialogue import BeliefState
from todserve.runtime.tracking.orders.indifference import Indifference

SHIPPED = Path(__file__).resolve().parents[5] / "checkpoints" / "multiwoz"
NO_STATE: BeliefState = {}


@pytest.fixture(scope="module")
def indifference() -> Indifference:
    return Checkpoint.open(SHIPPED).grounds.orders.indifference


@pytest.mark.parametrize(
    ("domain", "reply", "user", "slots"),
    [
        ("hotel", "what area would you like?", "it doesn't matter", {"area"}),
        ("hotel", "what part of town?", "surprise me", {"area"}),
        ("hotel", "", "price and area don't matter", {"area", "pricerange"}),
        ("hotel", "any price range or area?", "i'm easy", {"area", "pricerange"}),
        ("restaurant", "a price range?", "i'm not fussy about the food", {"food"}),
        ("attraction", "what type do you like?", "whatever", {"type"}),
        ("hotel", "what area?", "north. the stars don't matter", {"stars"}),
    ],
)
def test_what_is_left_open_is_heard(
    indifference: Indifference, domain: str, reply: str, user: str, slots: set[str]
) -> None:
    assert set(indifference.of(user, reply, domain, NO_STATE, {})) == slots


@pytest.mark.parametrize(
    ("domain", "reply", "user"),
    [
        ("hotel", "what area would you like?", "no"),  # may answer anything
        ("hotel", "how many nights will you stay?", "it doesn't matter"),  # a booking needs it
        ("hotel", "do you need parking?", "i don't mind"),
        ("hotel", "would you like to book?", "the address, if you do not mind"),
        ("hotel", "", "i don't care"),  # of what?
        ("hotel", "what area?", "i don't mind as long as it is in the north"),
        ("train", "what day?", "any day is fine"),
    ],
)
def test_what_is_not_left_open_is_not(
    indifference: Indifference, domain: str, reply: str, user: str
) -> None:
    assert indifference.of(user, reply, domain, NO_STATE, {}) == ()


def test_a_known_slot_and_the_models_own_stay(indifference: Indifference) -> None:
    known = {"hotel": {"area": "north"}}
    assert indifference.of("i don't mind", "what area?", "hotel", known, {}) == ()
    assert indifference.of("i don't mind", "what area?", "hotel", NO_STATE, known) == ()
