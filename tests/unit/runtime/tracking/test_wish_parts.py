"""What is said of several services at once is parted; what is said of one stays whole."""

from pathlib import Path

import pytest

from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.pipeline import Pipeline
from todserve.runtime.tracking.wish_parts import WishParts
from todserve.runtime.wire.request import TurnRequest
from todserve.runtime.wire.response import TurnResponse

SHIPPED = Path(__file__).resolve().parents[4] / "checkpoints" / "multiwoz"


@pytest.fixture(scope="module")
def parts() -> WishParts:
    return Checkpoint.open(SHIPPED).grounds.parts


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline.load(SHIPPED, constrained=True)


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (
            "a table at cotto for 2 at 7 and a room from friday",
            [("restaurant", "a table at cotto for 2 at 7"), ("hotel", "a room from friday")],
        ),
        (
            "museum, west. chinese, south. hotel, 2 nights from mon",
            [
                ("attraction", "museum, west"),
                ("restaurant", "chinese, south"),
                ("hotel", "hotel, 2 nights from mon"),
            ],
        ),
        (
            "from leicester to cambridge on monday by 9:45, plus a table for two",
            [("", "from leicester to cambridge on monday by 9:45, "), ("restaurant", None)],
        ),
    ],
)
def test_each_wish_is_a_part(
    parts: WishParts, said: str, found: list[tuple[str, str | None]]
) -> None:
    told = parts.of(said)
    assert [part.domain for part in told] == [domain for domain, _ in found]
    for part, (_, text) in zip(told, found, strict=True):
        assert text is None or part.text == text


@pytest.mark.parametrize(
    "said",
    [
        "a cheap hotel in the north with parking and wifi, for 2 people",
        "a taxi between the hotel and restaurant",
        "a taxi from the hotel to the restaurant, to be there by 7",
        "a restaurant in the same area as the hotel",
        "a taxi to sheep's green and lammas land park fen causeway",
        "a museum and a hotel near the museum, and a museum again",
        "thanks, and a train",
        "hello",
    ],
)
def test_what_is_of_one_service_stays_whole(parts: WishParts, said: str) -> None:
    assert parts.of(said) == ()


def test_two_whole_bookings_in_one_sentence_are_both_understood(pipeline: Pipeline) -> None:
    said = "university arms hotel fri 1 night 1 person. table at graffiti fri 8pm 1 person"
    answer = pipeline.answer([TurnRequest(user=said)])[0]
    assert isinstance(answer, TurnResponse)
    assert answer.belief_state is not None
    found = {
        domain: {slot: one.value for slot, one in slots.items()}
        for domain, slots in answer.belief_state.items()
    }
    assert found == {
        "hotel": {
            "name": "university arms hotel",
            "day": "friday",
            "stay": "1",
            "people": "1",
        },
        "restaurant": {"name": "graffiti", "day": "friday", "time": "20:00", "people": "1"},
    }


def test_what_points_at_another_part_is_resolved(pipeline: Pipeline) -> None:
    said = "3 nights at worth house from monday for 2 people, and a table at cotto that night at 8"
    answer = pipeline.answer([TurnRequest(user=said)])[0]
    assert isinstance(answer, TurnResponse)
    assert answer.belief_state is not None
    assert answer.belief_state["restaurant"]["day"].value == "monday"
