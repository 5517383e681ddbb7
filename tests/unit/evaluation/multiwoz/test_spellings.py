"""Placeholders, values and names as the standardised MultiWOZ evaluation reads them."""

import pytest

from todserve.evaluation.suites.multiwoz.multiwoz_replies import counted_reply, unknown_placeholders
from todserve.evaluation.suites.multiwoz.multiwoz_values import (
    counted_slot,
    counted_state,
    counted_value,
    minutes_of,
)
from todserve.evaluation.suites.multiwoz.multiwoz_venues import likeness


@pytest.mark.parametrize(
    ("reply", "counted"),
    [
        ("[value_name] is nice .", "NAME is nice ."),
        ("[restaurant_name] is nice .", "NAME is nice ."),
        ("[Hotel_Name]s are [value_pricerange] -ly priced", "NAME are PRICE  priced"),
        ("[value_id] or [train_id] or [id]", "TRAINID or TRAINID or TRAINID"),
        ("[restaurant_id] is no train", "ID is no train"),
        ("[entrance fee] [value_count] [taxi_car]", "PRICE COUNT TYPE"),
        ("ref [hotel_reference], [ref], [value_reference]", "ref REFERENCE, REFERENCE, REFERENCE"),
        # outside the standard's spellings: gone, however clear
        ("ref [hotel_ref]", "ref "),
        ("My NAME is said", "my name is said"),
    ],
)
def test_placeholders_of_every_style_become_what_they_count_as(reply: str, counted: str) -> None:
    assert counted_reply(reply) == counted


def test_placeholders_outside_the_standard_are_named() -> None:
    assert unknown_placeholders("[hotel_ref] [value_name] [value_fee]") == (
        "hotel_ref",
        "value_fee",
    )


@pytest.mark.parametrize(
    ("slot", "value", "counted"),
    [
        ("leave", "9am", "09:00"),
        ("leave", "after 9:15 am", "09:15"),
        ("arrive", "by 1715", "17:15"),
        ("arrive", "5:30 pm", "17:30"),
        ("arrive", "5 p.m.", "17:00"),
        ("time", "around lunch time", "12:00"),
        ("time", "one o'clock p.m.", "13:00"),
        ("leave", "9:05.", "09:05"),
        ("leave", "17 : 15", "17:15"),
        ("leave", "", "00:00"),
        ("leave", "dontcare", "dontcare"),
        ("leave", "whenever pm", "whenever"),
        ("name", "Nando's", "nandos"),
        ("name", "b & b 'house", "b and b'house"),
        ("destination", "Cambridge ", "cambridge"),
        ("food", "Sea Food", "seafood"),
        ("type", "guest house", "guesthouse"),
        ("type", "mutliple sports", "multiple sports"),
        ("internet", "free", "yes"),
        ("area", "Centre", "Centre"),
    ],
)
def test_values_are_corrected_as_the_standard_does(slot: str, value: str, counted: str) -> None:
    assert counted_value(slot, value) == counted


@pytest.mark.parametrize(
    ("slot", "counted"),
    [("leaveAt", "leave"), ("arrive by", "arrive"), ("book day", "bookday"), ("Area", "area")],
)
def test_slots_are_renamed(slot: str, counted: str) -> None:
    assert counted_slot(slot) == counted


def test_state_is_renamed_and_corrected_at_once() -> None:
    state = {"train": {"leaveAt": "9am", "destination": "Ely"}, "taxi": {}}
    assert counted_state(state) == {"train": {"leave": "09:00", "destination": "ely"}, "taxi": {}}


@pytest.mark.parametrize(
    ("time", "minutes"), [("09:35", 575), ("24:10", 1450), ("9:35", 0), ("late", 0), ("", 0)]
)
def test_minutes_after_midnight_or_none(time: str, minutes: int) -> None:
    assert minutes_of(time) == minutes


@pytest.mark.parametrize(
    ("one", "other", "per_cent"),
    [
        ("nandos", "nandos city centre", 100),  # the whole of the shorter
        ("abc", "abc", 100),
        ("", "abc", 0),
        ("abc", "xyz", 0),
        # window "abd" for "abc": 2 of 3 and 3 characters shared: 4 / 6
        ("abc", "abd", 67),
        # fuzzywuzzy 0.18.0 with python-Levenshtein 0.12.2 gave these
        ("shiraz restaurant", "pipasha restaurant", 82),
        ("yu garden", "curry garden", 89),
        ("korean", "singaporean", 83),
        ("brazlidian", "indian", 83),
    ],
)
def test_likeness_is_the_published_figures_own(one: str, other: str, per_cent: int) -> None:
    assert likeness(one, other) == per_cent
    assert likeness(other, one) == per_cent
