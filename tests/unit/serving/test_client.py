"""The clients against a real HTTP server."""

import asyncio
import gzip
import re
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.local_server import Answer, LocalServer
from tests.support.pipeline_server import PipelineServer
from tests.unit.evaluation.multiwoz.test_end_to_end import Scripted
from todserve.runtime.errors import (
    BusyServerError,
    ConfigError,
    NoConnectionError,
    RequestError,
    ServerError,
    TokenRefusedError,
    UnknownModelError,
)
from todserve.runtime.language.prompts import Exchange, PromptFormat
from todserve.runtime.language.tasks import TaskName
from todserve.runtime.wire.limits import RequestLimits
from todserve.runtime.wire.request import TurnRequest
from todserve.runtime.wire.response import SlotPrediction, TurnResponse
from todserve.serving.client.answer_limit import MOST_BYTES
from todserve.serving.client.client import AsyncClient, Client, connect
from todserve.serving.client.endpoint import asked_pause


def asked(client: Client | AsyncClient) -> TurnResponse:
    if isinstance(client, AsyncClient):
        return asyncio.run(client.turn("hi"))
    with client:
        return client.turn("hi")


def client_of(server: LocalServer, retries: int = 2) -> Client:
    return Client(server.url, retries=retries, backoff=0.001)


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
            "state": {"train": {"day": "friday", "people": "2"}},
            "domain": "train",
            "tasks": ["intent"],
            "top_k": 1,
        }
    ]


def test_turn_sends_name_and_token() -> None:
    with LocalServer() as server, Client(server.url + "/", name="ko", token="key") as client:
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
        (Answer(405, b"<html>nope</html>"), ServerError, "HTTP 405 .Method Not Allowed"),
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
        Client(f"http://127.0.0.1:{closed_port}", retries=1, backoff=0.001) as client,
        pytest.raises(ServerError, match="connection refused; is the server up.*tod start"),
    ):
        client.turn("hi")


def test_turn_does_not_wait_beyond_its_time_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with (
            Client(url, timeout=0.05) as client,
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
    with Client(f"http://127.0.0.1:{closed_port}") as client:
        assert not client.ready()


def test_a_model_without_intents_is_ready(tiny_checkpoint: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_checkpoint, tmp_path / "checkpoint"))
    told = PromptFormat.load(folder / "format.json")
    learnt = (TaskName.BELIEF_STATE, TaskName.RESPONSE)
    told.model_copy(update={"tasks": learnt}).save(folder / "format.json")
    with (
        PipelineServer(Scripted(folder).pipeline) as server,
        Client(server.url, retries=0) as client,
    ):
        assert client.ready()


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"url": "127.0.0.1:8080"}, "url: got '127.0.0.1:8080'; expected an address such as http"),
        ({"url": "http://"}, "url: got 'http://'"),
        ({"url": None}, "url: got None"),
        ({"name": ""}, "name: got ''; expected the model's name"),
        ({"timeout": 0}, "timeout: got 0; expected seconds, more than 0"),
        ({"retries": -1}, "retries, backoff: got -1"),
        ({"at_once": 0}, "at_once: got 0; expected 1 or more"),
    ],
)
def test_settings_that_cannot_be_are_refused(
    kind: Any, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        kind(**settings)


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize(
    ("answer", "got"),
    [
        (Answer(200, b" " * (MOST_BYTES + 1)), "a longer answer"),
        (Answer(500, b"x" * 2 * MOST_BYTES), "a longer answer"),
        (Answer(200, gzip.compress(b" " * 100_000_000), packed=True), "a packed answer"),
    ],
    ids=["long", "long refusal", "packed"],
)
def test_an_answer_is_read_no_further_than_it_may_be_long(
    kind: type[Client] | type[AsyncClient], answer: Answer, got: str
) -> None:
    with LocalServer(answer) as server:
        client = kind(server.url)
        with pytest.raises(ServerError, match=f"got {got}; expected at most {MOST_BYTES} bytes"):
            asked(client)
        assert len(server.requests) == 1
        assert server.headers[0]["Accept-Encoding"] == "identity"


def test_a_page_guards_refusal_is_not_taken_for_a_tokens() -> None:
    body = {"code": 403, "type": "ForeignPageException", "message": "write it after page_guard"}
    with (
        LocalServer(Answer(403, body)) as server,
        client_of(server) as client,
        pytest.raises(ServerError, match="write it after page_guard"),
    ):
        client.turn("hi")


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_is_named_as_one(status: int) -> None:
    with LocalServer(Answer(status, {"message": "Token Authorization failed"})) as server:
        with client_of(server) as client, pytest.raises(TokenRefusedError, match="got no token"):
            client.turn("hi")
        with (
            Client(server.url, token="secret-key") as client,
            pytest.raises(TokenRefusedError, match="a token that it does not know") as raised,
        ):
            client.turn("hi")
        assert "secret-key" not in f"{raised.value} {client!r} {client.endpoint!r}"
        assert len(server.requests) == 2


def test_too_many_requests_are_sent_again_and_other_refusals_are_not() -> None:
    with LocalServer(Answer(429, {}), Answer()) as server, client_of(server) as client:
        assert client.turn("hi").intent is not None
        assert len(server.requests) == 2


def test_retry_after_is_kept_instead_of_the_own_pause() -> None:
    busy = Answer(503, {}, retry_after="0")
    # The own pause would be longer than the test may take.
    with (
        LocalServer(busy, Answer()) as server,
        Client(server.url, retries=1, backoff=3600) as client,
    ):
        assert client.turn("hi").intent is not None


def test_a_server_that_asks_for_too_long_a_pause_is_given_up_at_once() -> None:
    busy = Answer(503, {"message": "maintenance"}, retry_after="3600")
    with (
        LocalServer(busy) as server,
        client_of(server) as client,
        pytest.raises(BusyServerError, match=r"after 1 attempt .*come again in 3600 s"),
    ):
        client.turn("hi")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("", None),
        ("7", 7.0),
        ("soon", None),
        ("-3", None),
        ("Fri, 01 Jan 1999 00:00:00 GMT", 0.0),
        ("Fri, 01 Jan 1999 00:00:00", 0.0),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(asked: str, seconds: float | None) -> None:
    assert asked_pause(httpx2.Response(503, headers={"Retry-After": asked})) == seconds


def test_no_error_repeats_what_was_said() -> None:
    said = "my number is 01223 456789"
    echoes = [
        Answer(400, {"message": f"cannot take {said}"}),
        Answer(500, {"message": f"failed on {said}"}),
        Answer(404, f"<html>{said}</html>".encode()),
        Answer(422, {"detail": [{"input": said}]}),
        Answer(200, {"intent": said}),
    ]
    past = [Exchange(user=said, system="and your name?")]
    for echo in echoes:
        with LocalServer(echo) as server, client_of(server, retries=0) as client:
            for user, history in ((said, []), ("bob", past)):
                with pytest.raises((RequestError, ServerError)) as raised:
                    client.turn(user, history=history)
                assert said not in str(raised.value)


def test_a_wrong_argument_is_refused_before_anything_is_sent() -> None:
    with LocalServer() as server, client_of(server) as client:
        wrong: list[dict[str, Any]] = [
            {"user": " "},
            {"user": "a", "tasks": "intent"},
            {"user": "a", "top_k": 0},
            {"user": "a", "history": "hello"},
            {"user": "a", "history": 5},
            {"user": "a", "state": ["train"]},
        ]
        for arguments in wrong:
            with pytest.raises(RequestError, match="expected|send"):
                client.turn(**arguments)
    assert server.requests == []


def test_a_server_of_larger_limits_is_sent_larger_requests() -> None:
    long = "a " * 3000
    with LocalServer() as server:
        with client_of(server) as client, pytest.raises(RequestError, match="6000 characters"):
            client.turn(long)
        with Client(server.url, limits=RequestLimits(max_characters=9000)) as client:
            client.turn(long)
    assert len(server.requests) == 1


def test_a_request_says_what_a_person_has_corrected() -> None:
    with LocalServer() as server, client_of(server) as client:
        client.turn("a train", corrected={"train": ("day", "people"), "hotel": ()})
        client.turn("a train")
        with pytest.raises(RequestError, match=r"corrected.train: .*an array of slots"):
            client.turn("a train", corrected={"train": "day"})
    assert [sent.get("corrected") for sent in server.requests] == [
        {"train": ["day", "people"]},
        None,
    ]


def test_batch_keeps_its_order_and_request_ids() -> None:
    refused = Answer(400, {"message": "user: too long"})
    with LocalServer(Answer(), refused, Answer()) as server:
        with Client(server.url, at_once=1) as client:
            answers = client.answer(
                [TurnRequest(user=user, request_id=f"id-{user}") for user in "abc"]
            )
        assert [headers["X-Request-ID"] for headers in server.headers] == ["id-a", "id-b", "id-c"]
    assert [type(one) for one in answers] == [TurnResponse, RequestError, TurnResponse]


def test_another_model_of_the_server_is_asked_by_its_name() -> None:
    with LocalServer() as server, client_of(server) as client:
        client.send({"user": "hi"}, model="korean/1.0")
        client.turn("hi")
    assert server.paths == ["/predictions/korean/1.0", "/predictions/tod"]


def test_connect_returns_a_client_of_a_server_that_answers(closed_port: int) -> None:
    old = Answer(400, {"message": "request: unknown key 'describe'"})
    with LocalServer(old, Answer()) as server, connect(server.url) as client:
        assert client.turn("hi").intent is not None
    with LocalServer(Answer(404, {})) as server, pytest.raises(UnknownModelError, match="'ko'"):
        connect(server.url, name="ko")


def test_async_client_answers_as_the_other_one() -> None:
    refused = Answer(400, {"message": "user: too long"})
    busy = Answer(503, {}, retry_after="0")

    async def ask(url: str) -> tuple[TurnResponse, list[TurnResponse | RequestError]]:
        async with AsyncClient(url, at_once=1) as client:
            first = await client.turn("a train", domain="train", request_id="trace-1")
            return first, await client.answer([TurnRequest(user=user) for user in "bc"])

    with LocalServer(busy, Answer(), refused, Answer()) as server:
        first, (second, third) = asyncio.run(ask(server.url))
        assert server.headers[1]["X-Request-ID"] == "trace-1"
    assert [one["user"] for one in server.requests] == ["a train", "a train", "b", "c"]
    with LocalServer() as server, client_of(server) as client:
        assert client.turn("a train") == first == third
    assert str(second) == "user: too long"


def test_async_client_fails_as_the_other_one(closed_port: int) -> None:
    async def ask(url: str) -> None:
        async with AsyncClient(url, retries=1, backoff=0.001) as client:
            assert not await client.ready()
            with pytest.raises(NoConnectionError, match="connection refused"):
                await client.describe()
            with pytest.raises(NoConnectionError, match="connection refused"):
                await client.answer([TurnRequest(user=user) for user in "abc"])

    asyncio.run(ask(f"http://127.0.0.1:{closed_port}"))


def test_async_client_sends_a_batch_together(tiny_checkpoint: Path) -> None:
    async def ask(url: str) -> list[TurnResponse | RequestError]:
        async with AsyncClient(url) as client:
            assert await client.ready()
            server.meet = threading.Barrier(4, timeout=30)  # each waits for three more
            return await client.answer([TurnRequest(user="a train")] * 4)

    with PipelineServer(Scripted(tiny_checkpoint).pipeline) as server:
        answers = asyncio.run(ask(server.url))
    assert [type(one) for one in answers] == [TurnResponse] * 4
