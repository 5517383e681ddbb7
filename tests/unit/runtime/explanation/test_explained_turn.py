"""Why a turn is answered as it is: words, look-up and origins, from the shipped checkpoint."""

from collections.abc import Iterator

import pytest

from tests.support.source_tree import ROOT
from todserve.runtime.errors import RequestError
from todserve.runtime.explanation.explained_turn import shortest_words
from todserve.runtime.pipeline import Pipeline
from todserve.runtime.tracking.grounds import Ground, GroundSource
from todserve.runtime.wire.request import TurnRequest, parse_request
from todserve.runtime.wire.turn_explanation import TurnExplanation


@pytest.fixture(scope="module")
def shipped() -> Iterator[Pipeline]:
    with Pipeline.load(ROOT / "checkpoints" / "multiwoz") as pipeline:
        yield pipeline


def explained(pipeline: Pipeline, request: TurnRequest) -> TurnExplanation:
    (found,) = pipeline.explain([request])
    assert isinstance(found, TurnExplanation)
    return found


def test_each_slot_names_the_words_that_carried_it(shipped: Pipeline) -> None:
    found = explained(shipped, TurnRequest(user="somewhere posh in the centre, chinese food"))
    words = {one.slot: (one.value, one.source, one.words) for one in found.slots}
    assert words["area"] == ("centre", "utterance", "centre")
    assert words["food"] == ("chinese", "utterance", "chinese")


def test_a_slot_of_before_is_told_from_one_of_now(shipped: Pipeline) -> None:
    request = parse_request(
        {
            "user": "in the centre please",
            "history": [{"user": "a cheap place to eat", "system": "which area?"}],
            "state": {"restaurant": {"pricerange": "cheap"}},
            "domain": "restaurant",
        }
    )
    written = {one.slot: (one.written, one.source) for one in explained(shipped, request).slots}
    assert written == {"pricerange": ("before", None), "area": ("now", "utterance")}


def test_look_up_and_reply_tell_conditions_counts_and_origins(shipped: Pipeline) -> None:
    request = TurnRequest(user="i am looking for a cheap chinese restaurant in the centre of town.")
    found = explained(shipped, request)
    (answer,) = shipped.answer([request])
    assert not isinstance(answer, RequestError)
    assert answer.database is not None
    assert answer.response is not None
    assert found.response is not None
    asked = {(one.slot, one.comparison, one.value) for one in found.look_up.conditions}
    assert asked == {
        ("area", "equal", "centre"),
        ("food", "equal", "chinese"),
        ("pricerange", "equal", "cheap"),
    }
    assert found.look_up.matches == answer.database.matches == 3
    assert found.response.text == answer.response.text
    count = next(one for one in found.response.values if one.slot == "choice")
    assert (count.value, count.origin) == ("3", "count")
    named = next(one for one in found.response.values if one.slot == "name")
    assert (named.origin, named.entity) == ("result", 0)


def test_a_turn_of_which_little_is_asked_is_explained_as_far(shipped: Pipeline) -> None:
    found = explained(shipped, parse_request({"user": "hello", "tasks": ["intent"]}))
    assert found.intent is not None
    assert (found.slots, found.response, found.look_up.matches) == ((), None, None)


def test_the_fewest_words_that_bear_a_value_out_are_told() -> None:
    def says(text: str) -> bool:
        return "six" in text and "half" in text

    text = "six of us at half past six, please"
    ground = Ground(source=GroundSource.UTTERANCE, text=text, says=says)
    assert shortest_words(ground) == "half past six"
    assert shortest_words(Ground(source=GroundSource.STATE)) is None
