"""Words that point at what was said before are read as what they point at, and nothing else is."""

from pathlib import Path

import pytest

from tests.support.venues import SCHEMA, open_venues
from todserve.runtime.language.dialogue import BeliefState
from todserve.runtime.spelling.back_references import BackReferences, Before
from todserve.runtime.spelling.paraphrases import WholeNames
from todserve.runtime.tracking.ways_of_saying import WaysOfSaying

SHIPPED = Path(__file__).resolve().parents[4] / "checkpoints" / "multiwoz"
HOTELS = "We have El Shaddai, Acorn Guest House and The Cambridge Belfry. Which one?"
TWO = "There is El Shaddai, which is cheap, and the Acorn Guest House, which is moderate."
ONE = "The Nirala is an Indian restaurant in the north. Shall I book it?"
NORTH: BeliefState = {"hotel": {"area": "north"}}
TRAIN: BeliefState = {"train": {"destination": "ely", "day": "friday", "people": "4"}}
TRIP: BeliefState = {
    "hotel": {"name": "acorn guest house"},
    "restaurant": {"name": "the nirala", "time": "19:00", "day": "monday"},
}


@pytest.fixture(scope="module")
def references(tmp_path_factory: pytest.TempPathFactory) -> BackReferences:
    knowledge = open_venues(tmp_path_factory.mktemp("pointing"))
    whole = WholeNames.of(SCHEMA, knowledge)
    return BackReferences(WaysOfSaying.of(SHIPPED), SCHEMA, knowledge, whole)


def read(references: BackReferences, said: str, before: Before) -> str:
    return references.read(said, before).text


def test_one_of_a_list_that_the_user_made_is_meant_as_well(references: BackReferences) -> None:
    before = Before(
        state=NORTH,
        domain="hotel",
        said=("The Acorn Guest House is in the north.",),
        asked=("el shaddai or the acorn guest house, which is nearer?",),
    )
    assert read(references, "the first of the two i said", before) == "el shaddai"


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("the second one please", "acorn guest house please"),
        ("tell me about the first", "tell me about el shaddai"),
        ("last one, for 2 people", "the cambridge belfry, for 2 people"),
        ("what's the postcode of the 3rd option?", "what's the postcode of the cambridge belfry?"),
        ("number two", "acorn guest house"),
        ("the one in the north", "acorn guest house"),
        ("the moderate one", "acorn guest house"),
        ("the shaddai one", "el shaddai"),
        ("the one up north, please", "acorn guest house, please"),
        ("the place over in the west sounds nice", "the cambridge belfry sounds nice"),
        ("the one down in the south", "the one down in the south"),
        # the list is not as long, is denied, has several such, or something else is counted
        ("the fourth one", "the fourth one"),
        ("not the first one", "not the first one"),
        ("the cheap one", "the cheap one"),
        ("the cheaper one", "the cheaper one"),
        ("the first of may", "the first of may"),
        ("for the second night", "for the second night"),
        ("first, tell me more", "first, tell me more"),
    ],
)
def test_one_of_a_list_is_the_venue_that_stands_there(
    references: BackReferences, said: str, meant: str
) -> None:
    before = Before(state=NORTH, domain="hotel", said=(HOTELS,))
    assert read(references, said, before) == meant


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("the cheaper one", "el shaddai"),
        ("the more expensive one please", "acorn guest house please"),
        ("the other one", "acorn guest house"),
    ],
)
def test_of_two_the_cheaper_and_the_other_are_known(
    references: BackReferences, said: str, meant: str
) -> None:
    before = Before(state={"hotel": {"name": "el shaddai"}}, domain="hotel", said=(TWO,))
    assert read(references, said, before) == meant


def test_a_reply_about_one_does_not_make_the_list_forgotten(references: BackReferences) -> None:
    said = (HOTELS, "El Shaddai is in the centre.")
    assert read(references, "and the last?", Before(state=NORTH, domain="hotel", said=said)) == (
        "and the cambridge belfry?"
    )


@pytest.mark.parametrize(
    ("said", "meant"),
    [("that one, at 18:30", "the nirala, at 18:30"), ("not that one", "not that one")],
)
def test_that_one_is_the_one_that_the_last_reply_named(
    references: BackReferences, said: str, meant: str
) -> None:
    before = Before(state={"restaurant": {"area": "north"}}, domain="restaurant", said=(ONE,))
    assert read(references, said, before) == meant


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("dinner that night for all of us", "dinner on friday for 4 people"),
        ("same day, same number of people", "on friday, for 4 people"),
        # said with another value, and what nobody has said yet
        ("that night, no, on saturday", "that night, no, on saturday"),
        ("in the same area", "in the same area"),
    ],
)
def test_what_is_the_same_is_the_value_that_the_state_has(
    references: BackReferences, said: str, meant: str
) -> None:
    assert read(references, said, Before(state=TRAIN, domain="train")) == meant


def test_round_there_is_where_the_venue_at_hand_is(references: BackReferences) -> None:
    before = Before(state={"hotel": {"name": "acorn guest house"}}, domain="hotel")
    assert read(references, "lunch round there", before) == "lunch in the north"
    two: BeliefState = {"train": {"day": "monday"}, "hotel": {"day": "friday"}}
    assert read(references, "that night", Before(state=two)) == "that night"


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("a taxi from the hotel to the restaurant", "a taxi from acorn guest house to the nirala"),
        (
            "a cab between the two, in time for the booking",
            "a cab from acorn guest house to the nirala, to arrive by 19:00",
        ),
        ("taxi from there to my guesthouse", "taxi from the nirala to acorn guest house"),
        # a booking is no place, a name is not torn apart, and what is named needs no pointing
        ("a taxi for the restaurant booking", "a taxi for the restaurant booking"),
        ("a taxi to the restaurant two two", "a taxi to the restaurant two two"),
        ("taxi to el shaddai, leave the hotel at 9", "taxi to el shaddai, leave the hotel at 9"),
        ("is the hotel expensive?", "is the hotel expensive?"),
    ],
)
def test_the_ends_of_a_way_are_the_venues_spoken_of(
    references: BackReferences, said: str, meant: str
) -> None:
    assert read(references, said, Before(state=TRIP, domain="restaurant")) == meant


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("its not cityroomz its the gonville", "to the gonville"),
        ("sorry, not from the nirala, from cotto", "sorry, from cotto"),
        ("it isn't cityroomz, i meant worth house", "to worth house"),
        ("not nirala but cotto", "from cotto"),
        ("cityroomz is fine, not too early", "cityroomz is fine, not too early"),
    ],
)
def test_an_end_that_is_denied_gives_way_to_the_one_that_is_meant(
    references: BackReferences, said: str, meant: str
) -> None:
    cab: BeliefState = {"taxi": {"departure": "the nirala", "destination": "cityroomz"}}
    assert read(references, said, Before(state=cab, domain="taxi")) == meant


def test_without_anything_before_it_nothing_points(references: BackReferences) -> None:
    assert read(references, "the second one that night", Before(state={})) == (
        "the second one that night"
    )


def test_a_long_story_is_read_as_it_stands(references: BackReferences) -> None:
    said = "so " * 70 + "the second one"
    assert read(references, said, Before(state=NORTH, domain="hotel", said=(HOTELS,))) == said


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("make the cab an hour later", "the cab leaving at 22:00"),
        ("push the table back an hour", "the table at 20:00"),
        ("an hour later please", "at 20:00 please"),
    ],
)
def test_the_time_of_the_service_that_is_named_is_moved(
    references: BackReferences, said: str, meant: str
) -> None:
    state: BeliefState = {"restaurant": {"time": "19:00"}, "taxi": {"leave": "21:00"}}
    assert read(references, said, Before(state=state, domain="restaurant", said=())) == meant
