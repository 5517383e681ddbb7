"""What the words alone ask of the state is done, whatever the network wrote."""

from pathlib import Path

import pytest

from tests.support.venues import SCHEMA, open_venues
from todserve.runtime.language.dialogue import BeliefState, apply_update
from todserve.runtime.tracking.orders.order_sheet import Written
from todserve.runtime.tracking.orders.plain_orders import PlainOrders
from todserve.runtime.tracking.ways_of_saying import WaysOfSaying

SHIPPED = Path(__file__).resolve().parents[5] / "checkpoints" / "multiwoz"
TRAIN: BeliefState = {"train": {"destination": "ely", "day": "monday", "leave": "09:00"}}
TWO: BeliefState = {"hotel": {"area": "north"}, "restaurant": {"area": "south"}}
DAYS: BeliefState = {
    "hotel": {"name": "acorn guest house", "day": "monday"},
    "restaurant": {"name": "the nirala", "day": "tuesday"},
}


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> PlainOrders:
    knowledge = open_venues(tmp_path_factory.mktemp("orders"))
    return PlainOrders(schema=SCHEMA, ways=WaysOfSaying.of(SHIPPED), knowledge=knowledge)


def after(
    orders: PlainOrders, said: str, state: BeliefState, domain: str, written: Written | None = None
) -> BeliefState:
    wrote = written or {}
    return apply_update(
        state, orders.of(said, state=state, domain=domain, written=wrote).over(wrote)
    )


@pytest.mark.parametrize(
    ("said", "written", "left"),
    [
        ("drop the time, keep the day", {"day": "none"}, {"day": "monday"}),
        ("forget the day", {}, {"leave": "09:00"}),
        ("forget the day, the rest is fine", {"leave": "none"}, {"leave": "09:00"}),
        ("i'm not sure about the time, leave it out", {}, {"day": "monday"}),
        # with a new value it is none that is taken back, and what is not named stays
        ("forget the day i said, tuesday", {"day": "tuesday"}, {"day": "tuesday"}),
        ("thanks, what is the time now", {}, {"day": "monday", "leave": "09:00"}),
    ],
)
def test_one_slot_is_taken_back_and_the_rest_stays(
    orders: PlainOrders, said: str, written: dict[str, str], left: dict[str, str]
) -> None:
    found = after(orders, said, TRAIN, "train", {"train": written} if written else None)
    kept = {slot: value for slot, value in found["train"].items() if slot != "destination"}
    expected = {"leave": "09:00", **left} if "tuesday" in said else left
    assert kept == expected


@pytest.mark.parametrize(
    ("said", "slots"),
    [
        ("price and area don't matter", {"pricerange": "dontcare", "area": "dontcare"}),
        ("no preference on the price", {"pricerange": "dontcare"}),
        ("the price doesn't matter, somewhere in the north", {"pricerange": "dontcare"}),
        ("i don't mind a cheap price", {}),
        ("what is the price?", {}),
        ("the price doesn't matter as long as it has parking", {"pricerange": "dontcare"}),
    ],
)
def test_every_slot_that_does_not_matter_is_said_to(
    orders: PlainOrders, said: str, slots: dict[str, str]
) -> None:
    found = orders.of(said, state={"hotel": {"stars": "4"}}, domain="hotel", written={})
    assert found.update.get("hotel", {}) == slots


def test_what_does_not_matter_overrules_a_value_that_nobody_said(orders: PlainOrders) -> None:
    wrote = {"restaurant": {"food": "italian"}}
    found = after(orders, "i don't care about the food", {}, "restaurant", wrote)
    assert found == {"restaurant": {"food": "dontcare"}}


def test_the_ends_of_a_way_and_the_days_of_two_services_change_places(orders: PlainOrders) -> None:
    way: BeliefState = {"train": {"departure": "ely", "destination": "cambridge"}}
    turned = {"train": {"departure": "cambridge", "destination": "ely"}}
    assert after(orders, "the other way round please", way, "train") == turned
    swapped = after(orders, "i mixed up the two days, switch them", DAYS, "restaurant")
    assert (swapped["hotel"]["day"], swapped["restaurant"]["day"]) == ("tuesday", "monday")
    assert after(orders, "is there another way?", way, "train") == way
    assert after(orders, "i mixed them up, the day is friday", DAYS, "hotel") == DAYS


@pytest.mark.parametrize(
    ("said", "hotel", "restaurant"),
    [
        ("other way round: hotel south, restaurant north", "south", "north"),
        ("the hotel should be west, the restaurant is fine", "west", "south"),
        ("the hotel is fine", "north", "south"),
        ("hotel should be west, restaurant's fine", "west", "south"),
        ("not a hotel in the west", "north", "south"),
        ("something in the west", "north", "south"),
    ],
)
def test_each_of_two_services_gets_its_own_value(
    orders: PlainOrders, said: str, hotel: str, restaurant: str
) -> None:
    found = after(orders, said, TWO, "restaurant")
    assert (found["hotel"]["area"], found["restaurant"]["area"]) == (hotel, restaurant)


def test_what_is_said_of_one_service_is_not_taken_for_another(orders: PlainOrders) -> None:
    wrote = {"hotel": {"area": "west"}, "restaurant": {"area": "west"}}
    found = after(orders, "hotel should be west, restaurant's fine", TWO, "restaurant", wrote)
    assert (found["hotel"]["area"], found["restaurant"]["area"]) == ("west", "south")
    more = {"restaurant": {"area": "east"}}
    found = after(orders, "the restaurant is fine, but in the east", TWO, "restaurant", more)
    assert found["restaurant"]["area"] == "east"


def test_the_room_and_the_table_speak_of_their_services(orders: PlainOrders) -> None:
    wrote = {"hotel": {"day": "sunday"}, "restaurant": {"name": "none"}}
    said = "the table's on sunday, the room stays as it is"
    found = after(orders, said, DAYS, "hotel", wrote)
    assert found["hotel"] == DAYS["hotel"]
    assert found["restaurant"] == {"name": "the nirala", "day": "sunday"}


def test_of_two_services_begun_at_once_no_value_is_lost(orders: PlainOrders) -> None:
    wrote = {"hotel": {"area": "east"}, "restaurant": {"food": "indian"}}
    found = after(
        orders, "a hotel in the east and an expensive indian restaurant", {}, "hotel", wrote
    )
    assert found["restaurant"] == {"food": "indian", "pricerange": "expensive"}


def test_a_number_is_of_the_slot_whose_unit_stands_behind_it(orders: PlainOrders) -> None:
    wrote = {"hotel": {"area": "north"}}
    found = after(orders, "4 nights in the north for two people", {}, "hotel", wrote)
    assert found["hotel"] == {"area": "north", "stay": "4", "people": "2"}
    assert after(orders, "2 people or 3 people", {}, "hotel", wrote) == wrote
    own = {"hotel": {"stay": "3"}}
    assert after(orders, "4 nights", {}, "hotel", own) == own


def test_a_number_is_of_the_only_service_that_counts_so(orders: PlainOrders) -> None:
    begun = {"attraction": {"name": "nusha"}, "restaurant": {"name": "the nirala"}}
    found = orders.of("nusha, then the nirala, two adults", state={}, domain=None, written=begun)
    assert found.update == {"restaurant": {"people": "2"}}


def test_a_wish_that_begins_says_of_both_only_what_stands_beside_it(orders: PlainOrders) -> None:
    begun = {"hotel": {"area": "north"}, "restaurant": {"name": "the nirala"}}
    said = "a room in the north and the nirala, 4 people for both"
    found = orders.of(said, state={}, domain=None, written=begun).update
    assert found == {"hotel": {"people": "4"}, "restaurant": {"people": "4"}}


def test_what_is_said_of_both_services_that_words_begin_with_is_of_each(
    orders: PlainOrders,
) -> None:
    wrote = {"hotel": {"type": "hotel"}, "restaurant": {"area": "north"}}
    found = after(orders, "a hotel and a restaurant, both in the north and cheap", {}, "", wrote)
    assert found == {
        "hotel": {"type": "hotel", "area": "north", "pricerange": "cheap"},
        "restaurant": {"area": "north", "pricerange": "cheap"},
    }


def test_a_service_that_the_network_overlooked_has_what_is_said_of_both(
    orders: PlainOrders,
) -> None:
    wrote = {"hotel": {"pricerange": "cheap"}}
    found = after(orders, "a hotel and a restaurant. both should be cheap", {}, "", wrote)
    assert found == {"hotel": {"pricerange": "cheap"}, "restaurant": {"pricerange": "cheap"}}


def test_what_another_service_is_goes_to_none_of_both(orders: PlainOrders) -> None:
    wrote = {"hotel": {"area": "north"}, "restaurant": {"area": "north"}}
    said = "a hotel and a restaurant, both in the north, and a cheap taxi"
    assert after(orders, said, {}, "", wrote) == wrote


def test_the_way_back_does_not_leave_at_the_time_of_the_way_there(orders: PlainOrders) -> None:
    there: BeliefState = {
        "train": {"departure": "ely", "destination": "cambridge", "leave": "09:00"}
    }
    back = {"train": {"departure": "cambridge", "destination": "ely"}}
    back_on_sunday = {"train": {**back["train"], "day": "sunday"}}
    assert after(orders, "and back on sunday", there, "train", back) == back_on_sunday
    late = {"train": {**back["train"], "leave": "17:00"}}
    assert after(orders, "and back after 17:00", there, "train", late) == late


def test_a_venue_is_of_the_service_that_has_it(orders: PlainOrders) -> None:
    wrote = {"attraction": {"name": "the nirala"}}
    assert after(orders, "any info on the nirala", {}, "", wrote) == {
        "restaurant": {"name": "the nirala"}
    }
    assert orders.homes_of(wrote) == ("restaurant",)
    own = {"restaurant": {"name": "the nirala"}}
    assert after(orders, "any info on the nirala", {}, "", own) == own
    unknown = {"attraction": {"name": "nowhere"}}
    assert after(orders, "any info on nowhere", {}, "", unknown) == unknown


def test_one_place_is_not_both_ends_of_a_way(orders: PlainOrders) -> None:
    both = {"taxi": {"departure": "nirala", "destination": "nirala"}}
    found = after(orders, "a taxi to the station from the nirala", {}, "taxi", both)
    assert found == {"taxi": {"departure": "nirala", "destination": "station"}}


@pytest.mark.parametrize(
    ("said", "department"),
    [
        ("my heart hurts, i have chest pains", "cardiology"),
        ("he had a seizure", "neurology"),
        ("in the heart of the city", None),
        ("the boat on the river", None),
        ("who handles eyes?", "cambridge eye unit"),
        ("my aunt can barely see", "cambridge eye unit"),
        ("i can hardly see why", None),
    ],
)
def test_a_department_is_said_by_what_it_treats(
    orders: PlainOrders, said: str, department: str | None
) -> None:
    assert orders.sure(said).get("hospital", {}).get("department") == department


@pytest.mark.parametrize(
    ("said", "written", "slots"),
    [
        ("make both saturday", {"hotel": {"day": "saturday"}}, {"day": "saturday"}),
        ("both for 3 people", {}, {"people": "3"}),
        ("3 people for both bookings", {}, {"people": "3"}),
        ("for both of us on saturday", {}, {}),
    ],
)
def test_what_is_said_of_both_is_of_both(
    orders: PlainOrders, said: str, written: Written, slots: dict[str, str]
) -> None:
    found = orders.of(said, state=DAYS, domain="hotel", written=written).update
    assert found.get("hotel", {}) == slots
    assert found.get("restaurant", {}) == slots


@pytest.mark.parametrize(
    ("said", "written", "left"),
    [
        ("anywhere except the south", {"area": "south"}, {"area": "north"}),
        ("somewhere, but not in the north", {"area": "north"}, {}),
        ("not the south, the east", {"area": "east"}, {"area": "east"}),
        ("just not the acorn", {"name": "acorn guest house"}, {"area": "north"}),
        ("anything but el shaddai", {"area": "dontcare"}, {"area": "north"}),
        ("i do not care about the area", {"area": "dontcare"}, {"area": "dontcare"}),
        ("no, something else", {"area": "none"}, {"area": "north"}),
        ("double it", {"area": "none"}, {"area": "north"}),
        ("forget it all", {"area": "none"}, {}),
        ("a new area please", {"area": "none"}, {}),
    ],
)
def test_what_is_not_wished_does_not_come_in_and_what_is_stays(
    orders: PlainOrders, said: str, written: dict[str, str], left: dict[str, str]
) -> None:
    state = {"hotel": {"area": "north"}}
    found = after(orders, said, state, "hotel", {"hotel": written})
    assert found.get("hotel", {}) == left


def test_another_venue_is_asked_for_with_the_same_wishes(orders: PlainOrders) -> None:
    state = {"hotel": {"area": "north", "name": "acorn guest house"}}
    assert after(orders, "not that one, somewhere else", state, "hotel") == {
        "hotel": {"area": "north"}
    }


def test_a_name_that_no_venue_has_does_not_replace_one_that_has_it(orders: PlainOrders) -> None:
    wrote = {"restaurant": {"name": "dave", "day": "friday"}}
    found = after(orders, "friday, dave is ill", DAYS, "restaurant", wrote)
    assert found["restaurant"] == {"name": "the nirala", "day": "friday"}
    assert after(orders, "dave's", {}, "restaurant", wrote)["restaurant"]["name"] == "dave"


@pytest.mark.parametrize(
    ("said", "area"),
    [
        ("any guesthouses in the east", "east"),
        ("guesthouses, but not in the east", None),
        ("in the east or in the west", None),
        ("is the east nice", None),
    ],
)
def test_a_place_that_the_network_did_not_hear_is_heard(
    orders: PlainOrders, said: str, area: str | None
) -> None:
    wrote = {"hotel": {"type": "guesthouse"}}
    assert after(orders, said, {}, "hotel", wrote)["hotel"].get("area") == area


@pytest.mark.parametrize("departure", ["lunch", "the nirala"])
def test_from_there_is_the_venue_of_the_same_breath(orders: PlainOrders, departure: str) -> None:
    wrote = {
        "restaurant": {"name": "the nirala"},
        "taxi": {"departure": departure, "destination": "nusha"},
    }
    said = "a table at the nirala and after lunch a cab from there to nusha"
    found = orders.of(said, state={}, domain=None, written=wrote).over(wrote)
    assert found["taxi"] == {"departure": "the nirala", "destination": "nusha"}


def test_the_name_of_a_venue_is_no_wish_beside_it(orders: PlainOrders) -> None:
    wrote = {"restaurant": {"name": "the nirala", "food": "the nirala", "area": "north"}}
    found = orders.of("the nirala in the north", state={}, domain=None, written=wrote).over(wrote)
    assert found["restaurant"] == {"name": "the nirala", "area": "north"}
    gone = {"restaurant": {"name": "none", "area": "none"}}
    said = "forget the area"
    assert orders.of(said, state=TWO, domain="restaurant", written=gone).over(gone) == gone


def test_an_end_of_a_way_is_the_venue_that_was_said_and_no_more(orders: PlainOrders) -> None:
    wrote = {"taxi": {"departure": "el shaddai", "destination": "the nirala museum"}}
    found = after(orders, "a taxi from el shaddai to the nirala please", {}, "taxi", wrote)
    assert found["taxi"]["destination"] == "nirala"


@pytest.mark.parametrize(
    ("said", "written", "left"),
    [
        ("don't need it, driving instead", {"day": "none"}, {}),
        ("scrap it, we'll walk", {"day": "none", "destination": "monday"}, {}),
        ("don't need it on monday, tuesday", {"day": "tuesday"}, {"day": "tuesday"}),
        ("leave the day open", {}, {"day": None}),
    ],
)
def test_a_whole_service_is_taken_back_and_a_slot_alone(
    orders: PlainOrders, said: str, written: dict[str, str], left: dict[str, str | None]
) -> None:
    found = after(orders, said, TRAIN, "train", {"train": written}).get("train", {})
    kept = {slot: value for slot, value in {**TRAIN["train"], **left}.items() if value}
    assert found == (kept if left else {})


@pytest.mark.parametrize(
    ("said", "taken"),
    [
        ("skip the museum, the kids would be bored", True),
        ("we won't be needing the museum", True),
        ("no need for the attraction after all", True),
        ("drop the museum and keep the table", True),
        ("ditch the museum, is there something else?", False),
        ("forget the museum in the north", False),
    ],
)
def test_a_service_is_dropped_by_its_kind(orders: PlainOrders, said: str, taken: bool) -> None:
    state: BeliefState = {"attraction": {"type": "museum", "area": "north"}, **TWO}
    wrote = {"attraction": {"type": "none"}}
    left = after(orders, said, state, "restaurant", wrote).get("attraction", {})
    assert ("area" not in left) == taken


@pytest.mark.parametrize(
    ("said", "restaurant", "attraction"),
    [
        ("make the museums in the west and the indian an expensive one", "south", "west"),
        ("the museum should be west, and the indian is to be cheap", "south", "west"),
        ("the museum in the west, and the indian one too", "west", "west"),
        ("both in the west", "west", "west"),
    ],
)
def test_what_is_said_of_a_kind_moves_no_other_service(
    orders: PlainOrders, said: str, restaurant: str, attraction: str
) -> None:
    state: BeliefState = {
        "restaurant": {"food": "indian", "area": "south"},
        "attraction": {"type": "museum", "area": "east"},
    }
    wrote = {"restaurant": {"area": "west"}, "attraction": {"area": "west"}}
    found = after(orders, said, state, "restaurant", wrote)
    assert (found["restaurant"]["area"], found["attraction"]["area"]) == (restaurant, attraction)


@pytest.mark.parametrize(
    "said",
    [
        "a taxi to the acorn guest house and book us a room there",
        "to the acorn guest house by cab, and i want 2 beds there",
    ],
)
def test_a_room_there_is_at_the_place_just_named(orders: PlainOrders, said: str) -> None:
    wrote = {"taxi": {"destination": "acorn guest house"}, "hotel": {"people": "2"}}
    found = orders.of(said, state={}, domain=None, written=wrote).over(wrote)
    assert found["hotel"]["name"] == "acorn guest house"
    elsewhere = {"taxi": {"destination": "nusha"}, "hotel": {"people": "2"}}
    assert "name" not in orders.of(said, state={}, domain=None, written=elsewhere).update


@pytest.mark.parametrize(
    "said",
    ["it needn't be cheap after all", "that doesn't have to be cheap", "we don't need to be cheap"],
)
def test_what_need_not_be_is_wished_no_more(orders: PlainOrders, said: str) -> None:
    state: BeliefState = {"hotel": {"pricerange": "cheap", "area": "north"}}
    assert after(orders, said, state, "hotel") == {"hotel": {"area": "north"}}


@pytest.mark.parametrize(
    ("said", "people"), [("ok then 6", "6"), ("at 6", None), ("for 6 nights", None)]
)
def test_a_number_that_the_network_misheard_is_the_one_that_was_said(
    orders: PlainOrders, said: str, people: str | None
) -> None:
    found = orders.of(said, state={}, domain="hotel", written={}, unsaid=[("hotel", "people")])
    assert found.update.get("hotel", {}).get("people") == people


def test_a_venue_that_is_named_again_stays(orders: PlainOrders) -> None:
    gone = {"hotel": {"name": "none"}}
    found = after(orders, "another room at the acorn guest house", DAYS, "hotel", gone)
    assert found["hotel"]["name"] == "acorn guest house"
    assert "name" not in after(orders, "not the acorn guest house", DAYS, "hotel", gone)["hotel"]


def test_what_is_turned_down_is_not_chosen(orders: PlainOrders) -> None:
    state: BeliefState = {"hotel": {"area": "north"}}
    wrote = {"hotel": {"name": "acorn guest house"}}
    assert after(orders, "not that one either", state, "hotel", wrote) == state
    chosen = after(orders, "not that one, the acorn then", state, "hotel", wrote)
    assert chosen["hotel"]["name"] == "acorn guest house"


@pytest.mark.parametrize(
    ("said", "area"),
    [
        ("it needs to be in the east", "east"),
        ("make it the south", "south"),
        ("it has to be, well, central and it must be in the west", "west"),
        ("it should not be in the east", "north"),
        ("it should be far from the east", "north"),
        ("is there one in the east", "north"),
    ],
)
def test_what_is_at_hand_is_as_it_should_be(orders: PlainOrders, said: str, area: str) -> None:
    state: BeliefState = {"hotel": {"area": "north"}}
    assert after(orders, said, state, "hotel") == {"hotel": {"area": area}}


@pytest.mark.parametrize(("food", "name"), [("the nirala", "the nirala"), ("indian", None)])
def test_a_wish_that_is_a_venues_name_is_the_name(
    orders: PlainOrders, food: str, name: str | None
) -> None:
    found = after(orders, food, {}, "restaurant", {"restaurant": {"food": food}})
    assert found["restaurant"].get("name") == name
    assert ("food" in found["restaurant"]) == (name is None)


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("cheap please", {"area": "north", "pricerange": "cheap"}),
        ("cheap", {"area": "north", "pricerange": "cheap"}),
        ("cheap?", {"area": "north"}),
        ("too expensive", {"area": "north"}),
    ],
)
def test_a_value_that_is_all_that_is_said_is_wished(
    orders: PlainOrders, said: str, left: dict[str, str]
) -> None:
    state: BeliefState = {"hotel": {"area": "north"}}
    assert after(orders, said, state, "hotel") == {"hotel": left}


JOURNEY = {"departure": "cambridge", "destination": "ely"}


@pytest.mark.parametrize(
    ("said", "turned"), [("cancel that", False), ("the other way round", True), ("and back", True)]
)
def test_the_ends_of_a_way_change_places_only_where_the_words_say_so(
    orders: PlainOrders, said: str, turned: bool
) -> None:
    wrote = {"taxi": {"departure": "ely", "destination": "cambridge"}}
    found = after(orders, said, {"taxi": JOURNEY}, "taxi", wrote)
    assert found == (wrote if turned else {"taxi": JOURNEY})


def test_a_way_that_the_network_made_of_one_place_keeps_the_end_that_is_said(
    orders: PlainOrders,
) -> None:
    wrote = {"taxi": {"departure": "the nirala", "destination": "the nirala"}}
    found = after(orders, "a taxi home from the nirala", {}, "taxi", wrote)
    assert found == {"taxi": {"departure": "nirala"}}


@pytest.mark.parametrize("said", ["before 10am", "make it before 10am", "leaving before 10am"])
def test_before_a_time_nothing_leaves_after_it(orders: PlainOrders, said: str) -> None:
    wrote = {"train": {"leave": "10:00"}}
    assert after(orders, said, {"train": JOURNEY}, "train", wrote) == {
        "train": {**JOURNEY, "arrive": "10:00"}
    }
