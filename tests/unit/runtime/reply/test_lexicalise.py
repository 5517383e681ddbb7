import re
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from todserve.runtime.knowledge.knowledge_base import DatabaseResult
from todserve.runtime.reply.booking_reference import booking_reference
from todserve.runtime.reply.lexicalisation import Lexicalisation, lexicalise
from todserve.runtime.reply.reply_style import ReplyStyle

ENGLISH = ReplyStyle.of_language("english").wording

BELFRY = {
    "name": "the cambridge belfry",
    "type": "hotel",
    "area": "west",
    "pricerange": "moderate",
    "stars": "4",
    "address": "back lane, cambourne",
    "postcode": "cb236bw",
    "phone": "01954714600",
}
ACORN = {
    "name": "acorn guest house",
    "type": "guesthouse",
    "area": "north",
    "pricerange": "moderate",
    "phone": "01223353888",
}
TRAINS = tuple(
    {
        "id": f"tr000{hour}",
        "departure": "ely",
        "destination": "london kings cross",
        "day": "monday",
        "leave": f"0{hour}:35",
        "arrive": f"0{hour}:52",
        "time": "17 minutes",
        "price": "4.40 pounds",
    }
    for hour in (5, 7, 9)
)
NOTHING: Mapping[str, Mapping[str, str]] = {}


def said(
    text: str,
    *results: Mapping[str, str],
    domain: str = "hotel",
    state: Mapping[str, Mapping[str, str]] = NOTHING,
    matches: int | None = None,
) -> Lexicalisation:
    count = len(results) if matches is None else matches
    result = DatabaseResult(domain=domain, matches=count, results=results)
    return lexicalise(text, domain=domain, state=state, result=result)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("[value_name] is at [value_address].", "The Cambridge Belfry is at Back Lane, Cambourne."),
        ("i like the [value_name]", "I like the Cambridge Belfry"),
        ("postcode [value_postcode], phone [value_phone]", "Postcode CB23 6BW, phone 01954714600"),
        ("it is in the [value_area] .", "It is in the west."),
        ("it is in [value_area].", "It is in the west."),
        ("it is [value_pricerange]! i'm sure.", "It is moderately priced! I'm sure."),
        ("a [value_pricerange] price range", "A moderate price range"),
        ("a [value_pricerange] priced place", "A moderately priced place"),
        ("a [value_stars] star [value_type]", "A 4 star hotel"),
        ("on saturday near cambridge. ok?", "On Saturday near Cambridge. Ok?"),
        ("would you like this 1?", "Would you like this one?"),
    ],
)
def test_a_reply_reads_well(template: str, text: str) -> None:
    assert said(template, BELFRY).text == text


def test_filled_slots_carry_the_database_values() -> None:
    assert said("[value_name]: [value_postcode]", BELFRY).filled == (
        ("name", "the cambridge belfry"),
        ("postcode", "cb236bw"),
    )


def test_several_names_take_successive_results() -> None:
    found = said(
        "[value_name] ([value_phone]) in the [value_area] or [value_name] ([value_phone]) in the "
        "[value_area]?",
        ACORN,
        BELFRY,
    )
    assert found.text == (
        "Acorn Guest House (01223353888) in the north or the Cambridge Belfry (01954714600) in "
        "the west?"
    )


def test_a_name_beyond_the_results_is_the_last_again() -> None:
    assert (
        said("[value_name]. book [value_name]?", ACORN).text
        == "Acorn Guest House. Book Acorn Guest House?"
    )


def test_repeated_slots_list_different_results() -> None:
    assert said("[value_area] or [value_area]?", ACORN, BELFRY).text == "North or west?"
    found = said(
        "the first leaves at [value_leave], the next at [value_leave] arriving at [value_arrive].",
        *TRAINS,
        domain="train",
    )
    assert found.text == "The first leaves at 05:35, the next at 07:35 arriving at 07:52."


def test_a_train_id_moves_to_its_own_times() -> None:
    found = said(
        "[value_id] leaves at [value_leave], [value_id] at [value_leave].", *TRAINS, domain="train"
    )
    assert found.text == "TR0005 leaves at 05:35, TR0007 at 07:35."


@pytest.mark.parametrize(
    ("matches", "template", "text"),
    [
        (29, "there are [value_choice] [value_type].", "There are 29 guesthouses."),
        (1, "there are [value_choice] [value_type].", "There is 1 guesthouse."),
        (1, "i have [value_choice] places to stay.", "I have 1 place to stay."),
        (5, "i have [value_choice] cheap places.", "I have 5 cheap places."),
    ],
)
def test_counts_agree_with_their_nouns(matches: int, template: str, text: str) -> None:
    assert said(template, ACORN, matches=matches).text == text


def test_a_second_count_is_not_made_up() -> None:
    found = said("i have [value_choice], [value_choice] in the north", ACORN, matches=7)
    assert found.text == "I have 7, some in the north"
    assert found.unfilled == ("choice",)


def test_the_state_fills_what_the_result_lacks() -> None:
    state = {"hotel": {"people": "1", "stay": "1", "day": "friday", "name": "chez zoe"}}
    found = said(
        "[value_name]: [value_people] people, [value_stay] nights from [value_day]", state=state
    )
    assert found.text == "Chez Zoe: 1 person, 1 night from Friday"


def test_the_result_comes_before_the_state() -> None:
    state = {"hotel": {"area": "dontcare", "name": "belfry"}}
    assert said("[value_name], [value_area]", BELFRY, state=state).text == (
        "The Cambridge Belfry, west"
    )


def test_a_limit_the_user_set_stays_the_users() -> None:
    state = {"train": {"leave": "05:00", "arrive": "10:00"}}
    found = said(
        "after [value_leave] there are [value_choice] arriving by [value_arrive].",
        *TRAINS,
        domain="train",
        state=state,
    )
    assert found.text == "After 05:00 there are 3 arriving by 10:00."


def test_another_domain_lends_a_day_but_no_type() -> None:
    state = {"train": {"day": "monday"}, "attraction": {"type": "college"}}
    assert said("on [value_day]", state=state).text == "On Monday"
    assert said("a [value_type]", state=state).unfilled == ("type",)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("the phone number is [value_phone].", "The phone number is not listed."),
        ("their postcode: [value_postcode]", "Their postcode: not listed"),
        ("i booked [value_name] for you.", "I booked this place for you."),
        ("i booked the [value_name] for you.", "I booked the place for you."),
        ("call [value_phone].", "Call the phone."),
        ("[value_unheard]?", "The unheard?"),
    ],
)
def test_placeholders_without_a_value_read_gracefully(template: str, text: str) -> None:
    found = said(template)
    assert found.text == text
    assert found.filled == ()
    assert len(found.unfilled) == 1


@pytest.mark.parametrize(
    ("people", "template", "text"),
    [
        ("3", "the total is [value_price].", "The total is 13.20 pounds."),
        ("3", "it is [value_price] per ticket.", "It is 4.40 pounds per ticket."),
        ("1", "the total is [value_price].", "The total is 4.40 pounds."),
    ],
)
def test_a_price_for_one_is_said_to_be_for_one(people: str, template: str, text: str) -> None:
    state = {"train": {"people": people}}
    assert said(template, *TRAINS, domain="train", state=state).text == text


def test_a_taxi_is_what_the_database_arranged() -> None:
    found = said(
        "a [value_car] comes, call [value_phone].",
        {"car": "black bmw", "phone": "07123456789"},
        domain="taxi",
    )
    assert found.text == "A black BMW comes, call 07123456789."


def test_articles_agree() -> None:
    italian = {"food": "italian"}
    assert said("a [value_food] place", italian, domain="restaurant").text == "An Italian place"
    assert (
        said("an [value_food] place", {"food": "seafood"}, domain="restaurant").text
        == "A seafood place"
    )


def test_fees_are_said_whole() -> None:
    free = {"fee": "free"}
    paid = {"fee": "5 pounds"}
    assert said("it has [value_fee].", free, domain="attraction").text == "It has free admission."
    assert (
        said("it has [value_fee].", paid, domain="attraction").text
        == "It has an entrance fee of 5 pounds."
    )
    assert said("entrance is [value_fee].", paid).text == "Entrance is 5 pounds."


def test_a_reference_stands_for_one_booking() -> None:
    state = {"hotel": {"name": "acorn guest house", "stay": "2"}}
    one = booking_reference("hotel", state)
    assert re.fullmatch(r"[a-z2-7]{7}\d", one)
    assert one == booking_reference("hotel", dict(state))
    assert one != booking_reference("hotel", {"hotel": {"stay": "3"}})
    assert one == booking_reference("hotel", {**state, "train": {"day": "monday"}})
    assert said("[value_reference]", state=state).text == one.upper()


SLOTS = ("name", "address", "phone", "leave", "choice", "area", "type", "price", "reference", "odd")


@given(
    st.lists(st.sampled_from([f"[value_{slot}]" for slot in SLOTS] + ["and", "i", "1", "."])),
    st.booleans(),
)
def test_no_placeholder_survives_and_every_value_has_a_source(
    words: list[str], found: bool
) -> None:
    results = (BELFRY, ACORN) if found else ()
    state = {"hotel": {"area": "south"}}
    reply = said(" ".join(words), *results, state=state)
    assert "[value" not in reply.text
    assert len(reply.filled) + len(reply.unfilled) == sum(word.startswith("[") for word in words)
    known = {value for row in results for value in row.values()}
    known |= {"south", str(len(results)), booking_reference("hotel", state)}
    assert {value for _, value in reply.filled} <= known


@pytest.mark.parametrize(
    ("slot", "value", "text"),
    [
        ("name", "christ's college", "Christ's College"),
        ("name", "alpha-milton guest house", "Alpha-Milton Guest House"),
        ("name", "museum of archaelogy and anthropology", "Museum of Archaelogy and Anthropology"),
        ("address", "517a coldham lane", "517a Coldham Lane"),
        ("postcode", "cb1 2dp", "CB1 2DP"),
        ("postcode", "pe296fl", "PE29 6FL"),
        ("food", "modern european", "modern European"),
        ("type", "swimmingpool", "swimming pool"),
        ("car", "grey volkswagen", "grey Volkswagen"),
        ("leave", "05:35", "05:35"),
    ],
)
def test_spoken(slot: str, value: str, text: str) -> None:
    assert ENGLISH.spoken(slot, value) == text


def test_plural() -> None:
    assert [ENGLISH.plural(one) for one in ("college", "church", "multiple sports")] == [
        "colleges",
        "churches",
        "multiple sports",
    ]


def test_a_limit_of_the_user_is_not_the_first_train_s_time() -> None:
    found = DatabaseResult(domain="train", matches=3, results=TRAINS)
    reply = "[value_choice] trains leave after [value_leave]. the first 1 leaves at [value_leave]."
    spoken = lexicalise(reply, domain="train", state={"train": {"leave": "05:00"}}, result=found)
    assert spoken.text == "3 trains leave after 05:00. The first one leaves at 05:35."


@pytest.mark.parametrize(
    ("filled_in", "told"),
    [
        (
            "would you like italian, indian, or indian food?",
            "Would you like italian or indian food?",
        ),
        ("would you like indian or indian food?", "Would you like indian food?"),
        ("north, south, or east?", "North, south, or east?"),
        (
            "i have more and more of them, and again and again.",
            "I have more and more of them, and again and again.",
        ),
    ],
)
def test_a_choice_is_not_named_twice(filled_in: str, told: str) -> None:
    assert ENGLISH.finished(filled_in).lower() == told.lower()
