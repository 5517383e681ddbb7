"""Rows: utterances and dialogues answered in full batches, a wrong one without harm to others."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from todserve.fleet.bulk.row_labels import RowLabeller
from todserve.runtime.engines.counted_engine import TokenCount
from todserve.runtime.errors import RequestError
from todserve.runtime.language.tasks import TaskName
from todserve.runtime.pipeline import Listener
from todserve.runtime.wire.request import TurnRequest
from todserve.runtime.wire.response import (
    ActiveDomain,
    ModelIdentity,
    ResponsePrediction,
    SlotPrediction,
    TurnResponse,
)
from todserve.runtime.wire.turn_explanation import TurnExplanation
from todserve.runtime.worker.turn_worker import TurnWorker

MODEL = ModelIdentity(name="tod", version="1.0", checkpoint="c")


class Counting:
    """Answers with how many turns it was told of; remembers its batches and requests."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.requests: list[TurnRequest] = []
        self.tokens = TokenCount()

    def answer(
        self, requests: Sequence[TurnRequest], *, understood: Listener | None = None
    ) -> list[TurnResponse | RequestError]:
        self.batches.append(len(requests))
        self.requests += requests
        if any(request.user == "explode" for request in requests):
            raise KeyError("explode")
        return [self._one(request) for request in requests]

    def explain(self, requests: Sequence[TurnRequest]) -> list[TurnExplanation | RequestError]:
        raise NotImplementedError

    def _one(self, request: TurnRequest) -> TurnResponse | RequestError:
        if request.user == "refuse":
            return RequestError("user: no")
        said = f"{len(request.history)} before"
        value = SlotPrediction(value=request.user, confidence=0.5)
        return TurnResponse(
            model=MODEL,
            belief_state={"hotel": {"name": value}},
            domain=ActiveDomain(active="hotel", switched=False, reason=""),
            response=ResponsePrediction(text=said, delexicalised=said),
        )


def labeller(batch: int = 4, **more: Any) -> tuple[RowLabeller, Counting]:
    pipeline = Counting()
    return RowLabeller(TurnWorker(pipeline), batch=batch, **more), pipeline


def test_an_utterance_gets_the_endpoints_answer() -> None:
    rows, _ = labeller()
    (label,) = rows.label([{"id": 7, "user": "a hotel"}])
    assert (label.key, label.reason, label.turns) == ("answer", "", 1)
    assert label.answer["belief_state"]["hotel"]["name"]["value"] == "a hotel"
    assert label.answer["unparsed"] == {}


def test_keys_of_a_request_are_read_and_others_are_not() -> None:
    rows, pipeline = labeller()
    row = {"user": "b", "state": {"hotel": {"name": "a"}}, "top_k": 2, "id": 7, "note": [1]}
    assert rows.label([row])[0].reason == ""
    assert pipeline.requests[0].state == {"hotel": {"name": "a"}}
    assert pipeline.requests[0].top_k == 2


def test_a_dialogues_turns_see_what_was_said_and_understood_before() -> None:
    rows, pipeline = labeller()
    turns = [{"user": "a", "system": "said so"}, {"user": "b"}, {"user": "c"}]
    (label,) = rows.label([{"turns": turns}])
    assert (label.key, label.turns) == ("answers", 3)
    assert [one["response"]["text"] for one in label.answer] == ["0 before", "1 before", "2 before"]
    last = pipeline.requests[-1]
    assert [(one.user, one.system) for one in last.history] == [("a", "said so"), ("b", "1 before")]
    assert last.state == {"hotel": {"name": "b"}}
    assert last.domain == "hotel"


def test_batches_are_full_as_long_as_rows_are_left() -> None:
    rows, pipeline = labeller(batch=3)
    long = {"turns": [{"user": "a"}] * 4}
    rows.label([long, *({"user": "b"} for _ in range(8))])
    assert pipeline.batches == [3, 3, 3, 3]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"usr": "a"}, "no key user or turns"),
        ({"user": 5}, "user: got a number"),
        ({"user": b"\xff"}, "user: got"),
        ({"user": " "}, "user: the text is empty"),
        ({"user": "a\0b"}, "is a NUL"),
        ({"user": "a", "state": "CA"}, "state: got a text"),
        ({"user": "refuse"}, "user: no"),
        ({"user": "explode"}, "the turn failed: KeyError"),
        ({"turns": []}, "turns: expected an array"),
        ({"turns": "a"}, "turns: expected an array"),
        ({"turns": [{"usr": "a"}]}, "turns: expected an array"),
        ({"turns": [{"user": "a"}, {"user": "refuse"}, {"user": "b"}]}, "turns[1]: user: no"),
        ({"turns": [{"user": "a", "system": 5}, {"user": "b"}]}, "history[0].system: got a number"),
        ({"user": "a", "answer": "mine"}, "got a key answer already"),
    ],
)
def test_a_wrong_row_is_told_why_and_harms_no_neighbour(row: dict[str, Any], reason: str) -> None:
    rows, _ = labeller(batch=2)
    labels = rows.label([{"user": "before"}, row, {"turns": [{"user": "x"}, {"user": "y"}]}])
    assert reason in labels[1].reason
    assert labels[1].key == ""
    assert [labels[0].reason, labels[2].reason] == ["", ""]
    assert [labels[0].turns, labels[2].turns] == [1, 2]


def test_a_column_of_ones_own_leaves_all_others_alone() -> None:
    rows, pipeline = labeller(text="body")
    row = {"body": "a hotel", "user": 5, "state": "CA", "turns": None}
    (label, other) = rows.label([row, {"user": "a"}])
    assert label.reason == ""
    assert pipeline.requests[0].user == "a hotel"
    assert other.reason == "no key body, which --text names"


def test_tasks_are_asked_for_and_a_dialogue_keeps_its_state() -> None:
    rows, pipeline = labeller(tasks=["intent"])
    rows.label([{"user": "a"}, {"user": "b", "tasks": ["response"]}, {"turns": [{"user": "c"}]}])
    assert [one.tasks for one in pipeline.requests] == [
        (TaskName.INTENT,),
        (TaskName.RESPONSE,),
        (TaskName.INTENT, TaskName.BELIEF_STATE),
    ]


def test_what_a_row_is_given_is_json() -> None:
    rows, _ = labeller()
    assert json.loads(json.dumps(rows.label([{"user": "grüß gott"}])[0].answer))
