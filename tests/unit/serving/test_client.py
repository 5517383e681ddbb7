"""The client against a real HTTP server."""

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.local_server import OK, Answer, LocalServer
from tests.support.pipeline_server import PipelineServer
from tests.unit.evaluation.multiwoz.test_end_to_end import Scripted
from todserve.runtime.errors import RequestError, ServerError
from todserve.runtime.language.prompts import Exchange, PromptFormat
from todserve.runtime.language.tasks import TaskName
from todserve.runtime.wire.response import SlotPrediction
from todserve.serving.client.tod_client import Conversation, TodClient


def client_of(server: LocalServer, retries: int = 2) -> TodClient:
    return TodClient(server.url, retries=retries, backoff=0.001)


@pytest.fixture
def closed_port() -> Iterator[int]:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def test_turn_sends_one_request_and_returns_typed_parts() -> None:
    with LocalServer() as server, client_of(server) as client:
        answer = client.turn(
            "a train",
            history=[Exchange(user="hi", system="hello")],
            state={"train": {"day": SlotPrediction(value="friday"), "people": "2"}},
            domain="train",
            tasks=["intent"],
            top_k=1,
        )
    assert answer.belief_state is not None
    assert answer.belief_state["train"]["day"].value == "friday"
    assert server.paths == ["/predictions/tod"]
    assert server.headers[0]["Content-Type"] == "application/json"
    assert server.requests == [
        {
            "user": "a train",
            "history": [{"user": "hi", "system": "hello"}],
            "state": {"train": {"day": {"value": "friday", "confidence": None}, "people": "2"}},
            "domain": "train",
            "tasks": ["intent"],
            "top_k": 1,
        }
    ]


def test_turn_sends_name_and_token() -> None:
    with LocalServer() as server, TodClient(server.url + "/", name="ko", token="key") as client:
        client.turn("hi")
    assert server.paths == ["/predictions/ko"]
    assert server.headers[0]["Authorization"] == "Bearer key"


@pytest.mark.parametrize("status", [500, 503, 507])
def test_turn_retries_what_a_recovering_server_answers(status: int) -> None:
    failing = Answer(status, {"code": status, "message": "Worker died."})
    with LocalServer(failing, failing, Answer()) as server, client_of(server) as client:
        assert client.turn("hi").intent is not None
    assert len(server.requests) == 3


def test_turn_retries_a_broken_connection() -> None:
    with LocalServer(Answer(drop=True), Answer()) as server, client_of(server) as client:
        assert client.turn("hi").intent is not None
    assert len(server.requests) == 2


def test_turn_gives_up_after_its_retries_and_says_so() -> None:
    failing = Answer(503, {"code": 503, "message": "no worker"})
    with (
        LocalServer(failing) as server,
        client_of(server) as client,
        pytest.raises(ServerError, match=r"HTTP 503 after 3 attempts \(no worker\)"),
    ):
        client.turn("hi")
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        (Answer(400, {"code": 400, "message": "user: got null"}), RequestError, "user: got null"),
        (Answer(413, b""), RequestError, "larger than the server accepts"),
        (Answer(404, {"message": "Model not found"}), ServerError, "no model named 'tod'"),
        (Answer(405, b"<html>nope</html>"), ServerError, "HTTP 405 .<html>nope"),
        (Answer(200, {"hello": 1}), ServerError, "no turn response"),
        (Answer(200, b"not json"), ServerError, "no turn response"),
    ],
)
def test_turn_reports_a_refusal_at_once(
    answer: Answer, kind: type[Exception], message: str
) -> None:
    with (
        LocalServer(answer) as server,
        client_of(server) as client,
        pytest.raises(kind, match=message),
    ):
        client.turn("hi")
    assert len(server.requests) == 1


def test_turn_asks_whether_the_server_is_up(closed_port: int) -> None:
    with (
        TodClient(f"http://127.0.0.1:{closed_port}", retries=1, backoff=0.001) as client,
        pytest.raises(ServerError, match="connection refused; is the server up.*tod start"),
    ):
        client.turn("hi")


def test_turn_does_not_wait_beyond_its_time_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with (
            TodClient(url, timeout=0.05) as client,
            pytest.raises(ServerError, match="no answer within 0.05 s"),
        ):
            client.turn("hi")


def test_turn_ignores_the_environments_proxy_on_loopback(
    monkeypatch: pytest.MonkeyPatch, closed_port: int
) -> None:
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with LocalServer() as server, client_of(server, retries=0) as client:
        assert client.turn("hi").intent is not None


def test_ready_is_true_only_when_a_turn_succeeds(closed_port: int) -> None:
    with LocalServer(Answer(503, {}), Answer()) as server, client_of(server) as client:
        assert not client.ready()
        assert client.ready()
    with TodClient(f"http://127.0.0.1:{closed_port}") as client:
        assert not client.ready()


def test_a_model_without_intents_is_ready(tiny_checkpoint: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_checkpoint, tmp_path / "checkpoint"))
    told = PromptFormat.load(folder / "format.json")
    learnt = (TaskName.BELIEF_STATE, TaskName.RESPONSE)
    told.model_copy(update={"tasks": learnt}).save(folder / "format.json")
    with (
        PipelineServer(Scripted(folder).pipeline) as server,
        TodClient(server.url, retries=0) as client,
    ):
        assert client.ready()


def test_conversation_sends_back_what_it_was_given() -> None:
    with LocalServer() as server, client_of(server) as client:
        conversation = Conversation(client)
        conversation.say("a train")
        conversation.say("on friday")
    assert server.requests[0] == {"user": "a train", "history": [], "state": {}}
    assert server.requests[1] == {
        "user": "on friday",
        "history": [{"user": "a train", "system": OK["response"]["text"]}],
        "state": OK["belief_state"],
        "domain": "train",
    }


def test_conversation_keeps_its_state_when_a_task_was_not_answered() -> None:
    partial = Answer(200, {**OK, "belief_state": None, "domain": None, "response": None})
    with LocalServer(Answer(), partial) as server, client_of(server) as client:
        conversation = Conversation(client)
        conversation.say("a train")
        conversation.say("on friday")
    assert conversation.state["train"]["day"].value == "friday"
    assert conversation.domain == "train"
    assert conversation.history[-1] == Exchange(user="on friday", system="")


def test_conversation_is_unchanged_by_a_failed_turn() -> None:
    refused = Answer(400, {"message": "no"})
    with LocalServer(Answer(), refused) as server, client_of(server) as client:
        conversation = Conversation(client)
        conversation.say("a train")
        history = conversation.history
        with pytest.raises(RequestError):
            conversation.say("x")
    assert conversation.history == history


def test_conversation_sends_only_the_newest_turns() -> None:
    with LocalServer() as server, client_of(server) as client:
        conversation = Conversation(client, max_turns=2)
        for number in range(4):
            conversation.say(f"turn {number}")
    assert [turn["user"] for turn in server.requests[3]["history"]] == ["turn 1", "turn 2"]


def test_conversation_starts_over_after_reset() -> None:
    with LocalServer() as server, client_of(server) as client:
        conversation = Conversation(client)
        conversation.say("a train")
        conversation.reset()
        conversation.say("a hotel")
    assert server.requests[1] == {"user": "a hotel", "history": [], "state": {}}
