"""Drift: how far what is said now is from training's shares."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from todserve.runtime.language.label_shares import changed_slots, divergence, shares_of

NAMES = st.sampled_from(["find_train", "book_train", "find_hotel", "general"])


@given(st.lists(NAMES, min_size=1))
def test_what_comes_as_often_as_it_did_has_not_drifted(names: list[str]) -> None:
    counted = Counter(names)
    found = divergence(shares_of(counted), counted)
    assert found is not None
    assert found < 0.001


@given(st.lists(NAMES, min_size=1), st.lists(NAMES, min_size=1))
def test_a_divergence_is_never_negative_and_always_a_number(
    usual: list[str], now: list[str]
) -> None:
    found = divergence(shares_of(Counter(usual)), Counter(now))
    assert found is not None
    assert 0 <= found < 100


def test_the_farther_the_more_and_what_is_new_counts() -> None:
    usual = {"find_train": 0.5, "find_hotel": 0.5}

    def drift(**counted: int) -> float:
        return divergence(usual, Counter(counted)) or 0.0

    assert drift(find_train=50, find_hotel=50) < 0.001
    assert 0.05 < drift(find_train=70, find_hotel=30) < drift(find_train=95, find_hotel=5)
    assert drift(find_train=50, find_hotel=50, refund=100) > drift(find_train=95, find_hotel=5)


def test_nothing_is_said_where_nothing_is_known() -> None:
    assert divergence({}, Counter(find_train=3)) is None
    assert divergence({"find_train": 1.0}, Counter()) is None


def test_a_slot_that_was_set_changed_or_withdrawn_is_changed() -> None:
    before = {"train": {"day": "friday", "people": "2"}, "hotel": {"area": "north"}}
    after = {"train": {"day": "monday", "people": "2", "leave": "10:00"}}
    assert changed_slots(before, after) == ["train-day", "train-leave", "hotel-area"]
