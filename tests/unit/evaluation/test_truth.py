"""The independent reader: it finds what nothing bears out, and leaves alone what something does."""

from collections.abc import Iterator

import pytest

from tests.support.source_tree import ROOT
from tests.support.venues import open_venues
from todserve.evaluation.suites.truth.truth_reader import SaidTurn, TruthReader, references_in

TICKETS = {"train": {"departure": "ely", "destination": "cambridge", "people": "3"}}
NORTH = {"hotel": {"area": "north"}}
BOOKED = {"hotel": {"area": "north", "day": "monday", "stay": "2", "people": "3"}}
TRAIN = {"train": {"departure": "ely", "destination": "cambridge", "day": "monday"}}


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TruthReader]:
    folder = tmp_path_factory.mktemp("truth")
    open_venues(folder).close()
    found = TruthReader(folder / "knowledge.sqlite")
    yield found
    found.close()


def kinds(
    reader: TruthReader, domain: str, state: dict[str, dict[str, str]], reply: str
) -> set[str]:
    turn = SaidTurn(user="hello", reply=reply, state=state, domain=domain)
    return {one.kind for one in reader.untruths(turn)}


@pytest.mark.parametrize(
    ("kind", "domain", "state", "reply"),
    [
        ("count", "hotel", {}, "There are 11 guesthouses."),
        ("count", "hotel", {}, "I have 3 places in the north."),
        ("count", "hotel", {"hotel": {"area": "west"}}, "There is 1 restaurant in the west."),
        ("none", "hotel", {}, "I am sorry, there are no cheap hotels."),
        ("none", "restaurant", {"restaurant": {"area": "north"}}, "There are no restaurants."),
        ("refusal", "hotel", BOOKED, "I am sorry, I was unable to book that."),
        ("booking", "hotel", NORTH, "I have booked it for you."),
        ("booking", "attraction", {}, "Your reference number is XZLHE344."),
        ("venue", "hotel", NORTH, "El Shaddai is very nice."),
        ("phone", "hotel", NORTH, "The phone number is 01223999999."),
        ("postcode", "hotel", NORTH, "The postcode is CB1 1EG."),
        ("train", "train", TRAIN, "TR9999 leaves soon."),
        ("time", "train", TRAIN, "It leaves at 04:04."),
        ("price", "train", TRAIN, "It is 99.10 pounds."),
        ("price", "train", TICKETS, "It is 13.20 pounds."),
        ("price", "train", TICKETS, "The total is 13.60 pounds."),
        ("row", "hotel", NORTH, "Acorn Guest House is a cheap guesthouse."),
        ("row", "hotel", NORTH, "Acorn Guest House is in the south."),
        ("row", "train", TRAIN, "TR0994 leaves at 09:35."),
    ],
)
def test_it_finds_what_nothing_bears_out(
    reader: TruthReader, kind: str, domain: str, state: dict[str, dict[str, str]], reply: str
) -> None:
    assert kind in kinds(reader, domain, state, reply)


@pytest.mark.parametrize(
    ("domain", "state", "reply"),
    [
        ("hotel", {}, "I have 3 places to stay. One of them is El Shaddai."),
        ("hotel", {"hotel": {"type": "guesthouse"}}, "There are 2 guesthouses."),
        ("hotel", {}, "There are no expensive hotels. Would you like a cheap one?"),
        (
            *("restaurant", {"restaurant": {"food": "thai", "area": "north"}}),
            "I am sorry, there are no Thai restaurants. Would you like another food?",
        ),
        ("hotel", BOOKED, "I have booked Acorn Guest House. The reference number is XZLHE344."),
        ("hotel", NORTH, "Acorn Guest House is a moderately priced guesthouse in the north."),
        ("hotel", NORTH, "The phone number is 01223353888 and the postcode is CB4 1DA."),
        ("train", TICKETS, "The total fee is 13.20 pounds."),
        (
            *("hotel", {"hotel": {"name": "acorn guest house", "area": "south"}}),
            "The phone number of Acorn Guest House is 01223353888.",
        ),
        ("train", TRAIN, "TR0994 leaves at 05:35 and arrives at 05:52. It is 4.40 pounds."),
    ],
)
def test_it_leaves_alone_what_the_database_says(
    reader: TruthReader, domain: str, state: dict[str, dict[str, str]], reply: str
) -> None:
    assert kinds(reader, domain, state, reply) == set()


@pytest.mark.parametrize(
    ("reply", "before", "found"),
    [
        ("The phone number of Acorn Guest House is 01223353888.", "Acorn Guest House?", set()),
        ("The phone number of Acorn Guest House is 01223353888.", "A hotel?", {"phone"}),
        ("The phone number of Acorn Guest House is 01223358966.", "Acorn Guest House?", {"phone"}),
        ("The phone number is 01223353888.", "Acorn Guest House?", {"phone"}),
    ],
)
def test_a_number_of_a_venue_spoken_of_before_is_its_own(
    reader: TruthReader, reply: str, before: str, found: set[str]
) -> None:
    state = {"restaurant": {"food": "italian"}}
    turn = SaidTurn(user="?", reply=reply, state=state, domain="restaurant", before=[before])
    assert {one.kind for one in reader.untruths(turn)} - {"venue"} == found


BESIDE = {"hotel": {"area": "north"}, "restaurant": {"food": "italian"}}


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        ("I have found 3 restaurants. One of them is Ask Restaurant.", set()),
        ("I have found 4 restaurants. One of them is Ask Restaurant.", {"count"}),
        ("I have found 3 restaurants. One of them is the Nirala.", {"venue"}),
    ],
)
def test_what_is_said_of_a_second_service_is_held_against_its_own_wishes(
    reader: TruthReader, reply: str, found: set[str]
) -> None:
    assert kinds(reader, "hotel", BESIDE, reply) == found


def test_a_reference_must_stay_the_same_unless_something_is_booked_anew(
    reader: TruthReader,
) -> None:
    told = {"hotel": "XZLHE344"}
    other = SaidTurn(
        user="my reference?",
        reply="Your reference number is FFN2U4R9.",
        state=BOOKED,
        domain="hotel",
        booked=told,
    )
    assert {one.kind for one in reader.untruths(other)} == {"reference"}
    assert references_in("Your reference number is XZLHE344.") == ("XZLHE344",)


def test_the_reader_shares_nothing_with_the_stage_it_reads() -> None:
    source = ROOT / "todserve" / "evaluation" / "suites" / "truth" / "truth_reader.py"
    assert "todserve" not in source.read_text(encoding="utf-8").split('"""', 2)[2]
