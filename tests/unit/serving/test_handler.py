import inspect
import json
import logging
import warnings
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from handlers import tod_handler
from handlers.tod_handler import TodHandler
from todserve.runtime.engines.counted_engine import TokenCount
from todserve.runtime.errors import RequestError
from todserve.runtime.pipeline import Listener
from todserve.runtime.wire.request import TurnRequest
from todserve.runtime.wire.response import ModelIdentity, TurnResponse
from todserve.runtime.wire.turn_events import understood_of
from todserve.runtime.wire.turn_explanation import TurnExplanation
from todserve.runtime.worker import turn_worker
from todserve.runtime.worker.turn_worker import TurnWorker

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TorchServe leaves version.txt open
    from ts.context import Context, RequestProcessor
    from ts.metrics.metric_cache_yaml_impl import MetricsCacheYamlImpl

METRICS = Path(__file__).parents[3] / "archive" / "metrics.yaml"
GOOD: dict[str, object] = {"body": {"user": "a train to ely"}}
SECRET = "my card is 4929"  # noqa: S105
Answer = Callable[[TurnRequest], TurnResponse | RequestError]


class EchoPipeline:
    """Stands in for Pipeline: remembers its batches, fails on demand."""

    def __init__(self, answer: Answer) -> None:
        self.batches: list[int] = []
        self.tokens = TokenCount()
        self._answer = answer

    def answer(
        self, requests: Sequence[TurnRequest], *, understood: Listener | None = None
    ) -> list[TurnResponse | RequestError]:
        self.batches.append(len(requests))
        self.tokens.read += 7 * len(requests)
        self.tokens.written += 3 * len(requests)
        return [self._answer(request) for request in requests]

    def explain(self, requests: Sequence[TurnRequest]) -> list[TurnExplanation | RequestError]:
        raise NotImplementedError


def response(request: TurnRequest) -> TurnResponse:
    return TurnResponse(model=ModelIdentity(name=request.user, version="1.0", checkpoint="c"))


def make(answer: Answer = response) -> tuple[TodHandler, EchoPipeline]:
    handler = TodHandler()
    pipeline = EchoPipeline(answer)
    handler._worker = TurnWorker(pipeline)
    return handler, pipeline


@cache
def load_metrics() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # TorchServe leaves the file open
        metrics = MetricsCacheYamlImpl(str(METRICS))
        metrics.initialize_cache()
    metrics.model_name = "tod"
    return metrics


def make_context(size: int, content_type: str = "application/json") -> Any:
    metrics = load_metrics()
    metrics.request_ids = {index: f"id-{index}" for index in range(size)}
    context = Context("tod", "/nowhere", {}, size, None, "0.12.0", metrics=metrics)
    header = {"body": {"content-type": content_type}}
    context.request_processor = [RequestProcessor(dict(header)) for _ in range(size)]
    return context


def run(
    handler: TodHandler, batch: list[dict[str, object]], content_type: str = "application/json"
) -> list[tuple[int, Any]]:
    context = make_context(len(batch), content_type)
    bodies = handler.handle(batch, context)
    assert len(bodies) == len(batch)
    types = {context.get_response_content_type(index) for index in range(len(batch))}
    assert types == {"application/json"}
    return [
        (context.get_response_status(index)[0], json.loads(body))
        for index, body in enumerate(bodies)
    ]


def test_module_defines_one_class() -> None:
    members = inspect.getmembers(tod_handler, inspect.isclass)
    assert [name for name, one in members if one.__module__ == tod_handler.__name__] == [
        "TodHandler"
    ]


def test_module_has_no_function_that_torchserve_would_take_for_the_entry() -> None:
    assert not hasattr(tod_handler, "handle")


def test_good_requests_are_answered_together_in_order() -> None:
    handler, pipeline = make()
    batch: list[dict[str, object]] = [{"body": {"user": user}} for user in "abc"]
    answers = run(handler, batch)
    assert [(status, body["model"]["name"]) for status, body in answers] == [
        (200, "a"),
        (200, "b"),
        (200, "c"),
    ]
    assert pipeline.batches == [3]


def test_bad_request_fails_alone() -> None:
    handler, pipeline = make()
    answers = run(handler, [GOOD, {"body": {"usr": "x"}}, GOOD])
    assert [status for status, _ in answers] == [200, 400, 200]
    assert answers[1][1]["code"] == 400
    assert "usr" in answers[1][1]["message"]
    assert pipeline.batches == [2]


def test_request_that_the_pipeline_refuses_fails_alone() -> None:
    def answer(request: TurnRequest) -> TurnResponse | RequestError:
        return RequestError("unknown domain") if request.user == "bad" else response(request)

    handler, _ = make(answer)
    answers = run(handler, [GOOD, {"body": {"user": "bad"}}])
    assert [status for status, _ in answers] == [200, 400]
    assert answers[1][1]["message"] == "unknown domain"


def test_batch_of_bad_requests_asks_the_pipeline_nothing() -> None:
    handler, pipeline = make()
    assert [status for status, _ in run(handler, [{"body": None}, {}])] == [400, 400]
    assert pipeline.batches == []


def explode(request: TurnRequest) -> TurnResponse:
    if request.user == SECRET:
        raise KeyError(request.user)
    return response(request)


def test_culprit_of_an_unexpected_error_fails_alone() -> None:
    handler, pipeline = make(explode)
    answers = run(handler, [GOOD, {"body": {"user": SECRET}}, GOOD])
    assert [status for status, _ in answers] == [200, 500, 200]
    assert "KeyError" in answers[1][1]["message"]
    assert pipeline.batches == [3, 1, 1, 1]


def test_no_utterance_is_answered_back_or_logged_above_debug(
    caplog: pytest.LogCaptureFixture,
) -> None:
    handler, _ = make(explode)
    with caplog.at_level(logging.DEBUG):
        answers = run(handler, [{"body": {"user": SECRET}}])
    assert SECRET not in json.dumps(answers)
    ours = [entry for entry in caplog.records if entry.name == turn_worker.__name__]
    assert any("KeyError" in entry.getMessage() for entry in ours)
    loud = [entry for entry in caplog.records if entry.levelno > logging.DEBUG]
    assert loud
    assert all(SECRET not in entry.getMessage() for entry in loud)


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("CUDA out of memory")])
def test_memory_that_runs_out_is_507(error: Exception) -> None:
    def answer(request: TurnRequest) -> TurnResponse:
        raise error

    handler, _ = make(answer)
    assert run(handler, [GOOD])[0][0] == 507


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", {"user": "grüß gott"}),
        ("application/json", bytearray('{"user": "grüß gott"}'.encode())),
        ("application/json; charset=utf-8", bytearray('{"user": "grüß gott"}'.encode())),
        ("", bytearray('{"user": "grüß gott"}'.encode())),
        ("text/plain", "grüß gott"),
        ("text/plain; charset=utf-8", bytearray("grüß gott".encode())),
        ("Text/Plain", bytearray("grüß gott".encode())),
    ],
)
def test_body_arrives_in_every_form_that_torchserve_has(content_type: str, body: object) -> None:
    handler, _ = make()
    ((status, answer),) = run(handler, [{"body": body}], content_type)
    assert (status, answer["model"]["name"]) == (200, "grüß gott")


def test_json_sent_as_plain_text_is_told_so() -> None:
    handler, _ = make()
    ((status, answer),) = run(handler, [{"body": '{"user": "hi"}'}], "text/plain")
    assert status == 400
    assert "got a JSON object as text/plain" in answer["message"]


def test_form_field_called_data_is_read() -> None:
    handler, _ = make()
    assert run(handler, [{"data": bytearray(b'{"user": "hi"}')}])[0][0] == 200


def test_form_without_a_body_is_told_the_header() -> None:
    handler, _ = make()
    ((status, answer),) = run(handler, [{"x": bytearray(b"1")}])
    assert status == 400
    assert "Content-Type: application/json" in answer["message"]


def test_reason_phrases_are_ascii() -> None:
    handler, _ = make(explode)
    context = make_context(2)
    handler.handle([{"body": {"user": "ü" * 10_000}}, {"body": {"user": SECRET}}], context)
    for index in range(2):
        status, phrase = context.get_response_status(index)
        assert status >= 400
        assert phrase.isascii()


def test_metrics_are_declared_and_in_seconds(caplog: pytest.LogCaptureFixture) -> None:
    handler, _ = make()
    with caplog.at_level(logging.INFO, logger="ts.metrics.caching_metric"):
        run(handler, [GOOD, {"body": None}])
    lines = [entry.getMessage() for entry in caplog.records if "[METRICS]" in entry.getMessage()]
    names = {line.removeprefix("[METRICS]").split(".")[0] for line in lines}
    assert names == {
        "tod_batch_seconds",
        "tod_turns_total",
        "tod_refused_turns_total",
        "tod_failed_turns_total",
        "tod_read_tokens_total",
        "tod_written_tokens_total",
    }
    declared = METRICS.read_text()
    assert all(f"name: {name}\n" in declared for name in names)
    assert any(line.startswith("[METRICS]tod_turns_total.Count:2|") for line in lines)
    # Of the one turn that was answered, and of this batch alone.
    assert any(line.startswith("[METRICS]tod_read_tokens_total.Count:7|") for line in lines)
    assert any(line.startswith("[METRICS]tod_written_tokens_total.Count:3|") for line in lines)
    (seconds,) = [line for line in lines if "tod_batch_seconds" in line]
    assert "#type:HISTOGRAM" in seconds
    assert 0 < float(seconds.split(":")[1].split("|")[0]) < 1  # milliseconds would be above


def test_what_was_understood_is_sent_first_to_whom_asked_alone() -> None:
    sent: list[dict[int, bytes]] = []

    class Telling(EchoPipeline):
        def answer(
            self, requests: Sequence[TurnRequest], *, understood: Listener | None = None
        ) -> list[TurnResponse | RequestError]:
            assert understood is not None
            for place, one in enumerate(requests):
                understood(place, understood_of(response(one)))
            return super().answer(requests)

    def send(ret: dict[int, bytes], ids: dict[int, str], *_: object) -> None:
        assert ids == {index: f"id-{index}" for index in ret}
        sent.append(ret)

    handler = TodHandler()
    handler._worker = TurnWorker(Telling(response))
    context = make_context(4)
    context.request_ids = {index: f"id-{index}" for index in range(4)}
    for index in (1, 3):
        context.request_processor[index]._request_header["accept"] = "application/x-ndjson"
    batch: list[dict[str, object]] = [{"body": {"user": user}} for user in "abc"]
    batch.append({"body": {"usr": "x"}})
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("ts.handler_utils.utils.send_intermediate_predict_response", send)
        bodies = handler.handle(batch, context)
    ((place, line),) = sent[0].items()
    assert (len(sent), place, line.endswith(b"\n")) == (1, 1, True)
    assert json.loads(line)["model"]["name"] == "b"
    assert [json.loads(body).get("code") for body in bodies] == [None, None, None, 400]
    kinds = [context.get_response_content_type(index) for index in range(4)]
    assert kinds == ["application/json", "application/x-ndjson", *["application/json"] * 2]


def test_a_form_whose_field_is_an_utterance_is_a_turn() -> None:
    # mlflow-torchserve sends what is JSON in its hands so, and curl -d "user=...".
    handler, _ = make()
    form: dict[str, object] = {"user": bytearray(b"a train to ely")}
    ((status, answer),) = run(handler, [form])
    assert (status, answer["model"]["name"]) == (200, "a train to ely")
    curl: dict[str, object] = {'{"user": "a train"}': bytearray(b"")}
    broken: dict[str, object] = {"user": bytearray(b"\xff")}
    for refused in (curl, broken):
        ((status, answer),) = run(handler, [refused])
        assert status == 400
        assert "no body" in answer["message"]
    ((status, answer),) = run(handler, [form | {"state": bytearray(b"train")}])
    assert status == 400
    assert "state" in answer["message"]
