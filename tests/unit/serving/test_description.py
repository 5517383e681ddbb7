"""Description: the endpoint tells its labels to whoever asks, and to nobody else."""

import json
from pathlib import Path
from typing import Any

import pytest

from handlers.tod_handler import TodHandler
from tests.support.local_server import Answer, LocalServer
from tests.support.source_tree import ROOT
from tests.unit.evaluation.multiwoz.test_end_to_end import Scripted
from tests.unit.serving.test_handler import make, make_context, run
from tests.unit.serving.test_openapi import is_valid
from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.checkpoint_description import describe
from todserve.runtime.errors import RequestError, ServerError
from todserve.runtime.wire.model_description import ModelDescription
from todserve.runtime.wire.response import ModelIdentity
from todserve.runtime.worker.turn_worker import TurnWorker
from todserve.serving.client.client import Client

ASKING: dict[str, object] = {"body": {"describe": True}}


def handler_of(folder: Path) -> TodHandler:
    handler = TodHandler()
    pipeline = Scripted(folder).pipeline
    told = describe(pipeline.checkpoint, pipeline.identity).model_dump(mode="json")
    handler._worker = TurnWorker(pipeline, description=told)
    return handler


def test_handler_tells_the_labels_beside_the_turns_of_a_batch(tiny_checkpoint: Path) -> None:
    turn: dict[str, object] = {"body": {"user": "a cheap place"}}
    answers = run(handler_of(tiny_checkpoint), [turn, ASKING, turn])
    assert [status for status, _ in answers] == [200, 200, 200]
    told = ModelDescription.model_validate(answers[1][1])
    assert (told.name, told.version) == ("tod", "1")
    assert told.domains["taxi"] == {"leave": None}
    assert told.domains["restaurant"]["pricerange"] == ("cheap", "moderate", "expensive")
    assert told.intents[:2] == ("find_restaurant", "book_restaurant")
    assert is_valid(answers[1][1], "ModelDescription")
    assert answers[0][1]["intent"]["name"] == answers[2][1]["intent"]["name"] == "find_restaurant"


def test_shipped_checkpoint_knows_its_acts() -> None:
    checkpoint = Checkpoint.open(ROOT / "checkpoints" / "multiwoz")
    identity = ModelIdentity(name="tod", version="1.0", checkpoint=checkpoint.checksum)
    told = describe(checkpoint, identity)
    checkpoint.knowledge.close()
    assert told.acts is not None
    assert {"inform", "request", "nooffer", "bye"} <= set(told.acts)
    assert "price" in told.act_slots["train"]
    assert told.act_slots["general"] == ()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"describe": False}, "describe: got a boolean; expected true"),
        ({"describe": 1}, "describe: got a number; expected true"),
        ({"describe": True, "user": "hello"}, "1 further keys beside describe"),
    ],
)
def test_body_that_asks_for_something_else_too_is_refused(
    body: dict[str, Any], message: str
) -> None:
    handler, pipeline = make()
    ((status, answer),) = run(handler, [{"body": body}])
    assert status == 400
    assert message in answer["message"]
    assert not is_valid(body, "DescribeRequest")
    assert pipeline.batches == []


@pytest.mark.parametrize("name", ["X-Request-ID", "x-request-id"])
def test_request_id_of_a_client_stands_in_the_log(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    handler, _ = make()
    context = make_context(2)
    for index, request_id in enumerate(("trace-7", "two words of a person")):
        context.request_processor[index].get_request_properties()[name] = request_id
    with caplog.at_level("INFO", logger="handlers.tod_handler"):
        handler.handle([{"body": {"user": "a"}}, {"body": {"user": "b"}}], context)
    lines = [one.getMessage() for one in caplog.records if one.name == "handlers.tod_handler"]
    assert lines == ["request trace-7 200"]


def test_client_reads_a_description_and_sends_its_request_id() -> None:
    told = ModelDescription(
        name="tod",
        version="1.0",
        checkpoint="c",
        intents=("general",),
        domains={"train": {"day": ("friday",), "destination": None}},
        domain_intents={"train": ()},
        acts=None,
        act_slots={"train": ("day",)},
    )
    with LocalServer(Answer(200, told.model_dump(mode="json"))) as server:
        with Client(server.url) as client:
            assert client.describe(request_id="trace-8") == told
        assert server.requests == [{"describe": True}]
        assert server.headers[0]["X-Request-ID"] == "trace-8"


def test_client_says_what_it_got_instead_of_a_description() -> None:
    old = Answer(400, {"code": 400, "message": "request: unknown key 'describe'"})
    with (
        LocalServer(old, Answer(200, {"name": "tod"})) as server,
        Client(server.url, retries=0) as client,
    ):
        with pytest.raises(RequestError, match="unknown key 'describe'"):
            client.describe()
        with pytest.raises(ServerError, match="the answer is no description"):
            client.describe()


def test_request_id_goes_with_its_own_turn_alone() -> None:
    with LocalServer() as server, Client(server.url) as client:
        client.send({"user": "hi"}, request_id="trace-9")
        client.send({"user": "hi"})
        assert server.headers[0]["X-Request-ID"] == "trace-9"
        assert "X-Request-ID" not in server.headers[1]


def test_description_is_json_that_comes_back_the_same(tiny_checkpoint: Path) -> None:
    pipeline = Scripted(tiny_checkpoint).pipeline
    told = describe(pipeline.checkpoint, pipeline.identity)
    assert ModelDescription.model_validate(json.loads(told.model_dump_json())) == told
