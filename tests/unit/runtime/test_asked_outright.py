"""Who asks for a service outright is answered, though the network took the words for none's."""

from pathlib import Path

import pytest

from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.language.prompts import Exchange
from todserve.runtime.pipeline import Pipeline
from todserve.runtime.spelling.paraphrases import Paraphrases, WholeNames
from todserve.runtime.tracking.ways_of_saying import WaysOfSaying
from todserve.runtime.wire.request import TurnRequest, parse_request
from todserve.runtime.wire.response import TurnResponse

SHIPPED = Path(__file__).resolve().parents[3] / "checkpoints" / "multiwoz"


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline.load(SHIPPED, constrained=True)


@pytest.fixture(scope="module")
def ways() -> WaysOfSaying:
    return Checkpoint.open(SHIPPED).grounds.ways


@pytest.fixture(scope="module")
def paraphrases() -> Paraphrases:
    checkpoint = Checkpoint.open(SHIPPED)
    whole = WholeNames.of(checkpoint.schema, checkpoint.knowledge)
    found = Paraphrases.of(checkpoint.grounds.ways, checkpoint.knowledge, whole)
    assert found is not None
    return found


def _answer(pipeline: Pipeline, user: str) -> TurnResponse:
    answer = pipeline.answer([TurnRequest(user=user)])[0]
    assert isinstance(answer, TurnResponse)
    return answer


@pytest.mark.parametrize(
    ("user", "intent", "told"),
    [
        ("where is the hospital pls", "find_hospital", "Addenbrookes Hospital, Hills Rd"),
        ("someone's nicked my bike, I need the police!!", "police", "01223358966"),
        ("help me i'm being attacked", "police", "01223358966"),
        ("police please", "police", "Parkside Police Station"),
        ("the cops!", "police", "01223358966"),
        ("call an ambulance", "find_hospital", "Addenbrookes Hospital, Hills Rd"),
        ("im bored whats there to do round here", "find_attraction", "79 attractions"),
    ],
)
def test_the_service_is_told_of(pipeline: Pipeline, user: str, intent: str, told: str) -> None:
    answer = _answer(pipeline, user)
    assert answer.intent is not None
    assert answer.intent.name == intent
    assert answer.response is not None
    assert told in answer.response.text


@pytest.mark.parametrize(
    ("before", "user", "slot", "value"),
    [
        (
            "hotel in the east",
            "needs to be cheap, finance are watching us",
            "pricerange",
            "cheap",
        ),
        ("hotel in the north", "should be in the east really", "area", "east"),
    ],
)
def test_what_is_at_hand_is_as_the_words_say_it_should_be(
    pipeline: Pipeline, before: str, user: str, slot: str, value: str
) -> None:
    first = _answer(pipeline, before)
    assert first.belief_state is not None
    ((domain, slots),) = first.belief_state.items()
    answer = pipeline.answer(
        [
            TurnRequest(
                user=user,
                history=(Exchange(user=before, system="I have several."),),
                state={domain: {name: one.value for name, one in slots.items()}},
                domain=domain,
            )
        ]
    )[0]
    assert isinstance(answer, TurnResponse)
    assert answer.belief_state is not None
    assert answer.belief_state[domain][slot].value == value


@pytest.mark.parametrize("user", ["will it rain tomorrow", "tell me a joke about hotels"])
def test_what_lies_outside_stays_outside(pipeline: Pipeline, user: str) -> None:
    answer = _answer(pipeline, user)
    assert answer.intent is not None
    assert answer.intent.name == "out_of_scope"


@pytest.mark.parametrize(
    ("value", "text", "meant"),
    [
        ("08:30", "dinner at half past eight", "20:30"),
        ("05:30", "5.30 please", "17:30"),
        ("08:30", "at 08:30", "08:30"),  # written as a time of the whole day
        ("08:00", "breakfast at 8", "08:00"),
        ("09:15", "at quarter past nine", "09:15"),  # they open by then
        ("19:00", "at 7", "19:00"),
    ],
)
def test_nobody_dines_at_half_past_five_in_the_morning(
    ways: WaysOfSaying, value: str, text: str, meant: str
) -> None:
    assert ways.in_the_evening("restaurant", "time", value, text) == meant
    assert ways.in_the_evening("train", "leave", value, text) == value


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("a table for the missus, the twins and me", "a table for 4 people"),
        ("a train for a teacher and eleven pupils", "a train for 12 people"),
        ("it's six people, I forgot nan", "it's six people, I forgot nan"),
        ("a b&b, nothing too dear", "a b&b, cheap"),
    ],
)
def test_people_and_prices_are_read_as_they_are_said(
    paraphrases: Paraphrases, typed: str, read: str
) -> None:
    assert paraphrases.read(typed).text == read


def test_what_cannot_be_is_not_booked_as_what_was_wished_before(pipeline: Pipeline) -> None:
    state = {
        "train": {
            **{"departure": "cambridge", "destination": "ely"},
            **{"day": "tuesday", "leave": "09:00", "people": "2"},
        }
    }
    replies = {}
    for wish in ("a train to hogwarts please", "what does it cost?"):
        history = ({"user": wish, "system": "i see."},)
        body = {"user": "book it", "history": history, "state": state, "domain": "train"}
        answer = pipeline.answer([parse_request(body)])[0]
        assert isinstance(answer, TurnResponse)
        assert answer.response is not None
        replies[wish] = answer.response.text
    assert replies["a train to hogwarts please"].startswith("I have no trains to Hogwarts.")
    assert "Hogwarts" not in replies["what does it cost?"]
