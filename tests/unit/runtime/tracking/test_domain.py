from collections.abc import Mapping

import pytest

from tests.support.venues import SCHEMA
from todserve.runtime.tracking.active_domain import decide

Update = Mapping[str, Mapping[str, str]]


def active(
    previous: str | None, update: Update, intent: str | None, utterance: str
) -> tuple[str | None, bool]:
    decision = decide(previous, update, intent, utterance, SCHEMA)
    assert decision.reason
    assert decision.switched == (decision.active != previous)
    return decision.active, decision.switched


@pytest.mark.parametrize("intent", [None, "general", "book_hotel", "unheard"])
def test_a_domain_is_held_when_nothing_names_another(intent: str | None) -> None:
    assert active("hotel", {}, intent, "yes please, thanks") == ("hotel", False)


def test_a_new_slot_of_another_domain_switches() -> None:
    update = {"train": {"day": "monday"}}
    assert active("hotel", update, None, "and a train on monday") == ("train", True)


def test_the_first_slot_starts_a_domain() -> None:
    assert active(None, {"hotel": {"area": "north"}}, None, "in the north") == ("hotel", True)


def test_nothing_is_active_until_something_is_named() -> None:
    assert active(None, {}, "general", "hello") == (None, False)


@pytest.mark.parametrize(
    "update",
    [
        {"train": {"day": "none"}},
        {"train": {"day": "someday"}},
        {"train": {"colour": "red"}},
        {"spaceport": {"gate": "7"}},
        {"train": {}},
    ],
)
def test_withdrawn_invalid_and_unknown_slots_speak_for_nothing(update: Update) -> None:
    assert active("hotel", update, "general", "monday") == ("hotel", False)


def test_the_intent_names_a_domain_without_slots() -> None:
    assert active("hotel", {}, "police", "i was robbed") == ("police", True)
    assert active(None, {}, "find_hotel", "i need a bed") == ("hotel", True)


def test_a_kind_of_another_service_that_the_intent_agrees_to_switches() -> None:
    for intent, active_then in (("find_attraction", "attraction"), ("general", "restaurant")):
        decision = decide("restaurant", {}, intent, "is the museum free", SCHEMA, kind="attraction")
        assert decision.active == active_then


def test_an_intent_of_the_same_domain_holds_it() -> None:
    assert active("train", {}, "book_train", "book it") == ("train", False)


def test_a_slot_the_user_did_not_say_does_not_overrule_the_intent() -> None:
    # A generation that invents an area must not end the restaurant.
    update = {"attraction": {"area": "centre"}}
    assert active("restaurant", update, "find_restaurant", "something cheap") == (
        "restaurant",
        False,
    )


def test_a_slot_the_user_said_overrules_the_intent() -> None:
    update = {"attraction": {"type": "museum"}}
    assert active("restaurant", update, "find_restaurant", "any museums?") == ("attraction", True)


def test_of_several_new_domains_the_one_in_the_users_words_is_taken() -> None:
    update = {"hotel": {"area": "north"}, "taxi": {"leave": "17:15"}}
    assert active("restaurant", update, None, "be there at 17:15") == ("taxi", True)


def test_of_several_said_domains_the_intent_decides() -> None:
    update = {"hotel": {"day": "monday"}, "train": {"day": "monday"}}
    assert active("taxi", update, "find_train", "on monday") == ("train", True)


def test_when_both_go_on_the_previous_domain_is_held() -> None:
    update = {"hotel": {"day": "monday"}, "train": {"day": "monday"}}
    assert active("hotel", update, None, "on monday") == ("hotel", False)
    assert active("hotel", update, "find_train", "on monday") == ("train", True)
    assert active("hotel", update, "book_hotel", "on monday") == ("hotel", False)


def test_a_flag_is_said_by_its_slot() -> None:
    update = {"hotel": {"internet": "yes"}}
    assert active("train", update, "find_train", "with wifi") == ("hotel", True)


def test_without_an_intent_a_named_domain_begins() -> None:
    assert active("hotel", {}, None, "i also need a taxi") == ("taxi", True)
    assert active("hotel", {}, "general", "no taxi, thanks") == ("hotel", False)
    assert active("train", {}, None, "is the hotel near the restaurant?") == ("train", False)


def test_an_intent_alone_does_not_end_a_domain() -> None:
    # Asked for without a slot, the phone is that of the venue at hand, whatever the intent says.
    assert active("attraction", {}, "find_restaurant", "can i have the phone?") == (
        "attraction",
        False,
    )
    assert active("attraction", {}, "find_restaurant", "i need a restaurant") == (
        "restaurant",
        True,
    )


def test_a_slot_that_nothing_bears_out_does_not_end_a_domain() -> None:
    update = {"attraction": {"area": "centre"}}
    assert active("restaurant", update, None, "something cheap") == ("restaurant", False)
    assert active("restaurant", update, "find_attraction", "something cheap") == (
        "attraction",
        True,
    )
    assert active("restaurant", update, None, "an attraction for kids") == ("attraction", True)


@pytest.mark.parametrize(
    ("update", "intent", "reason"),
    [
        ({}, None, "nothing names another domain"),
        ({}, "find_train", "the intent is find_train, but nothing said bears it out"),
        ({"train": {"day": "monday"}}, None, "nothing said names train"),
        (
            {"train": {"day": "monday"}},
            "find_hotel",
            "nothing said names train, and the intent is find_hotel",
        ),
        ({"hotel": {"stay": "2"}}, "find_train", "new hotel stay 2"),
    ],
)
def test_the_reason_says_why_a_domain_is_held(
    update: Update, intent: str | None, reason: str
) -> None:
    assert decide("hotel", update, intent, "all right", SCHEMA).reason == reason


def test_the_reason_names_what_was_new() -> None:
    decision = decide("hotel", {"train": {"day": "monday"}}, None, "on monday", SCHEMA)
    assert decision.reason == "new train day monday"


def test_a_service_that_the_user_names_first_overrules_an_intent_that_nothing_bears_out() -> None:
    said = "the phone number of the hospital"
    assert active(None, {}, "find_restaurant", said) == ("hospital", True)
    assert active(None, {"hotel": {"area": "north"}}, "find_hotel", said) == ("hotel", True)
    assert active(None, {}, "find_hotel", "a hotel near the hospital") == ("hotel", True)


def test_of_two_domains_that_go_on_the_users_own_word_says_which() -> None:
    update = {"attraction": {"name": "camboats"}, "restaurant": {"day": "friday", "people": "2"}}
    said = "book the restaurant for 2 on friday"
    assert active("attraction", update, "find_attraction", said) == ("restaurant", True)
