"""Bodies of several turns in the handler: they share its batch and fail alone."""

import json
from typing import Any

import pytest

from tests.unit.serving.test_handler import make, make_context, response, run
from todserve.runtime.errors import RequestError
from todserve.runtime.wire.request import TurnRequest
from todserve.runtime.wire.response import TurnResponse, decode

Batch = list[dict[str, object]]


def v1(*users: str) -> dict[str, object]:
    return {"body": {"instances": [{"user": user} for user in users]}}


def v2(*users: str) -> dict[str, object]:
    texts = [json.dumps({"user": user}) for user in users]
    tensor = {"name": "turn", "datatype": "BYTES", "shape": [len(texts)], "data": texts}
    return {"body": {"inputs": [tensor]}}


def names(body: Any) -> list[str]:
    """Whom the echoing pipeline heard, whatever the form of the answer."""
    if "predictions" in body:
        return [one["model"]["name"] for one in body["predictions"]]
    if "outputs" in body:
        return [decode(text).model.name for text in body["outputs"][0]["data"]]
    return [body["model"]["name"]]


def refusing(request: TurnRequest) -> TurnResponse | RequestError:
    if request.user == "explode":
        raise KeyError(request.user)
    return RequestError("unknown domain") if request.user == "refuse" else response(request)


def test_turns_of_all_bodies_are_answered_in_one_batch_and_put_together_again() -> None:
    handler, pipeline = make()
    batch: Batch = [v1("a", "b"), {"body": {"user": "c"}}, v2("d", "e", "f"), v1("g")]
    answers = run(handler, batch)
    assert [(status, names(body)) for status, body in answers] == [
        (200, ["a", "b"]),
        (200, ["c"]),
        (200, ["d", "e", "f"]),
        (200, ["g"]),
    ]
    assert pipeline.batches == [7]


def test_v2_answer_without_an_id_carries_the_servers() -> None:
    handler, _ = make()
    context = make_context(2)
    context.request_ids = {0: "first", 1: "second"}
    bodies = handler.handle([{"body": {"user": "a"}}, v2("b")], context)
    assert json.loads(bodies[1])["id"] == "second"


def test_body_with_a_wrong_instance_is_refused_before_the_pipeline() -> None:
    handler, pipeline = make()
    answers = run(handler, [v1("a"), {"body": {"instances": [{"user": "b"}, {"usr": 1}]}}])
    assert [status for status, _ in answers] == [200, 400]
    assert answers[1][1]["message"].startswith("instances[1]: request: unknown key 'usr'")
    assert pipeline.batches == [1]


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (v1("a", "refuse"), 400, "instances[1]: unknown domain"),
        (v2("refuse", "a"), 400, "inputs[0].data[0]: unknown domain"),
        (v1("a", "b", "explode"), 500, "instances[2]: the turn failed: KeyError"),
        (v1("explode", "refuse"), 500, "instances[0]: the turn failed: KeyError"),
    ],
)
def test_instance_that_fails_later_fails_its_body_alone(
    body: dict[str, object], status: int, message: str
) -> None:
    handler, _ = make(refusing)
    answers = run(handler, [v1("x"), body, v2("y", "z")])
    assert [one for one, _ in answers] == [200, status, 200]
    assert answers[1][1]["message"].startswith(message)
    assert [names(answers[place][1]) for place in (0, 2)] == [["x"], ["y", "z"]]


def test_turns_are_counted_not_bodies(caplog: pytest.LogCaptureFixture) -> None:
    handler, _ = make(refusing)
    with caplog.at_level("INFO", logger="ts.metrics.caching_metric"):
        run(handler, [v1("a", "b", "refuse"), {"body": {"usr": 1}}, v2("explode")])
    lines = [entry.getMessage() for entry in caplog.records]
    counts = {
        line.removeprefix("[METRICS]").split(".")[0]: line.split(":")[1].split("|")[0]
        for line in lines
        if "_turns_total.Count" in line
    }
    assert counts == {
        "tod_turns_total": "5",
        "tod_refused_turns_total": "2",
        "tod_failed_turns_total": "1",
    }


def test_kserve_body_sent_as_plain_text_is_told_so() -> None:
    handler, _ = make()
    ((status, answer),) = run(handler, [{"body": '{"instances": []}'}], "text/plain")
    assert status == 400
    assert "got a JSON object as text/plain" in answer["message"]
