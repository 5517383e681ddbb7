"""A state that was answered is one that the model takes back, whatever the words made of it."""

from pathlib import Path

import pytest

from todserve.runtime.pipeline import Pipeline
from todserve.runtime.wire.request import parse_request
from todserve.runtime.wire.response import TurnResponse

SHIPPED = Path(__file__).resolve().parents[4] / "checkpoints" / "multiwoz"


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline.load(SHIPPED, constrained=True)


def test_an_end_that_no_train_has_does_not_enter_the_state(pipeline: Pipeline) -> None:
    said = (
        "train broxbourne to cambridge thurs arriving by 11.45, then lunch at the copper kettle "
        "at 1pm for 3, then a cab from there to kings college"
    )
    (first,) = pipeline.answer([parse_request({"user": said})])
    assert isinstance(first, TurnResponse)
    state = {
        domain: {slot: found.value for slot, found in slots.items()}
        for domain, slots in (first.belief_state or {}).items()
    }
    assert state["train"]["departure"] == "broxbourne"
    (second,) = pipeline.answer([parse_request({"user": "thank you", "state": state})])
    assert isinstance(second, TurnResponse)
