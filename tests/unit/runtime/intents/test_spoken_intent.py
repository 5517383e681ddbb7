"""The words alone may say an intent that the network did not."""

import pytest

from tests.support.venues import SCHEMA
from todserve.runtime.intents.spoken_intent import spoken_intent


@pytest.mark.parametrize(
    ("said", "intent", "meant"),
    [
        ("find me an attraction", "find_restaurant", "find_attraction"),
        ("a restaurant please", "find_restaurant", None),
        ("a hotel and a restaurant", "find_hotel", None),
        ("somewhere nice", "find_hotel", None),
        ("thanks for the hotel", "general", None),
        ("my hotel burns, call someone", "out_of_scope", None),
    ],
)
def test_a_service_that_is_named_is_meant(said: str, intent: str, meant: str | None) -> None:
    assert spoken_intent(said, intent, SCHEMA) == meant


def test_a_slot_speaks_for_the_network_s_service() -> None:
    said = "near the hotel"
    assert spoken_intent(said, "find_restaurant", SCHEMA, written=["restaurant"]) is None


def test_a_value_that_is_said_for_certain_tells_the_service() -> None:
    sure = {"hospital": {"department": "cardiology"}}
    assert spoken_intent("chest pains", "out_of_scope", SCHEMA, sure=sure) == "find_hospital"
    assert spoken_intent("chest pains", "find_hospital", SCHEMA, sure=sure) is None


def test_a_question_about_the_venue_at_hand_is_of_its_service() -> None:
    asked = "what's the address"
    found = spoken_intent(asked, "find_restaurant", SCHEMA, at_hand="hotel")
    assert found == "find_hotel"
    assert spoken_intent(asked, "general", SCHEMA, at_hand="hotel") is None
    assert spoken_intent("the taxi's number", "book_taxi", SCHEMA, at_hand="hotel") is None
