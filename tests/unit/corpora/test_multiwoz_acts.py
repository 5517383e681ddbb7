import pytest

from todserve.corpora.readers.multiwoz.multiwoz_acts import Annotation, system_acts, user_meaning
from todserve.corpora.readers.multiwoz.multiwoz_names import act_slot, state_slot, state_value
from todserve.corpora.readers.multiwoz.multiwoz_spans import delexicalise_spans
from todserve.runtime.language.dialogue import DialogueAct

ASKED = [["Phone", "?"]]


@pytest.mark.parametrize(
    ("annotation", "previous", "intent", "domain"),
    [
        ({"Hotel-Inform": [["Area", "north"]]}, None, "find_hotel", "hotel"),
        ({"Hotel-Inform": [["Stay", "2"]]}, "hotel", "book_hotel", "hotel"),
        ({"Hotel-Request": [["Ref", "?"]]}, "hotel", "book_hotel", "hotel"),
        ({"Restaurant-Inform": [["Time", "12:00"]]}, None, "book_restaurant", "restaurant"),
        ({"Train-Inform": [["Day", "friday"]]}, None, "find_train", "train"),
        ({"Train-Request": [["Time", "?"]]}, None, "find_train", "train"),
        ({"Train-Inform": [["People", "2"]]}, None, "book_train", "train"),
        ({"Taxi-Inform": [["Leave", "12:00"]]}, None, "book_taxi", "taxi"),
        ({"Attraction-Request": ASKED}, None, "find_attraction", "attraction"),
        ({"Hospital-Inform": [["none", "none"]]}, None, "find_hospital", "hospital"),
        ({"Police-Request": ASKED}, None, "police", "police"),
        ({"general-thank": [["none", "none"]]}, "hotel", "general", None),
        ({}, "hotel", None, None),
        ({"Hotel-Inform": [["Stay", "2"]], "Train-Request": ASKED}, "hotel", "find_train", "train"),
        ({"Hotel-Inform": [["Stay", "2"]], "Train-Request": ASKED}, "train", "book_hotel", "hotel"),
        ({"general-thank": [["none", "none"]], "Taxi-Request": ASKED}, None, "book_taxi", "taxi"),
    ],
)
def test_user_acts_give_intent_and_domain(
    annotation: Annotation, previous: str | None, intent: str | None, domain: str | None
) -> None:
    meaning = user_meaning(annotation, previous)
    assert (meaning.intent, meaning.domain) == (intent, domain)


@pytest.mark.parametrize(
    ("annotation", "venue", "domain", "act"),
    [
        ({"Booking-Inform": [["none", "none"]]}, "restaurant", "restaurant", "offerbook"),
        ({"Booking-Book": [["Ref", "1"]]}, "hotel", "hotel", "book"),
        ({"Booking-NoBook": [["Day", "friday"]]}, None, "booking", "nobook"),
        ({"Booking-Request": [["Stay", "?"]]}, "restaurant", "hotel", "request"),
        ({"Booking-Request": [["Time", "?"]]}, None, "restaurant", "request"),
        ({"Train-OfferBooked": [["Ticket", "4 pounds"]]}, "hotel", "train", "offerbooked"),
        ({"general-reqmore": [["none", "none"]]}, "hotel", "general", "reqmore"),
    ],
)
def test_booking_acts_take_the_venue_talked_about(
    annotation: Annotation, venue: str | None, domain: str, act: str
) -> None:
    (found,) = system_acts(annotation, venue)
    assert (found.domain, found.act) == (domain, act)


def test_system_acts_are_listed_once_in_annotation_order() -> None:
    annotation = {"Hotel-Inform": [["Name", "a"], ["Name", "b"], ["Addr", "c"], ["Name", "d"]]}
    assert system_acts(annotation, None) == (
        DialogueAct(domain="hotel", act="inform", slot="name"),
        DialogueAct(domain="hotel", act="inform", slot="address"),
    )


@pytest.mark.parametrize(
    ("slot", "raw", "value", "changed"),
    [
        ("area", "do not care", "dontcare", False),
        ("parking", "true", "yes", False),
        ("internet", "false", "no", False),
        ("internet", "free", "yes", False),
        ("type", "true", "hotel", False),
        ("type", "false", "guesthouse", False),
        ("type", "night club", "nightclub", False),
        ("type", "hotel|guest house", "hotel", True),
        ("leave", "9:15", "09:15", False),
        ("pricerange", "cheapmoderate", "cheap", True),
        ("name", "not mentioned", None, False),
        ("name", "Cafe  Uno", "cafe uno", False),
    ],
)
def test_state_values_are_canonical(slot: str, raw: str, value: str | None, changed: bool) -> None:
    found, change = state_value(slot, raw)
    assert (found, bool(change)) == (value, changed)


def test_slots_have_one_name() -> None:
    assert [state_slot(name) for name in ("leaveAt", "book day", "bookpeople", "area")] == [
        "leave",
        "day",
        "people",
        "area",
    ]
    assert [act_slot(name) for name in ("Addr", "Ref", "none", "Ticket", "Dest", "Stars")] == [
        "address",
        "reference",
        "",
        "price",
        "destination",
        "stars",
    ]


def test_spans_outside_the_text_are_counted_and_left_out() -> None:
    text, placeholders, unusable = delexicalise_spans(
        "Leaves at 9:00 .", [["Train-Inform", "Leave", "9:00", 2, 2], ["T-I", "Id", "TR1", 7, 9]]
    )
    assert (text, placeholders, unusable) == ("Leaves at [value_leave].", (("leave", "9:00"),), 1)
