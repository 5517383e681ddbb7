"""What a client sees: one TorchServe, every kind of body."""

import json
import os
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
import requests

from tests.support.shared_batch import answered_together
from todserve.runtime.wire.response import decode
from todserve.runtime.wire.turn_events import Piece, Understood, Whole
from todserve.serving.client.client import Client
from todserve.serving.server.torchserve_server import RunningServer

pytestmark = pytest.mark.e2e
PATIENCE = 60  # seconds for one answer; a test must fail, not hang
JSON = {"Content-Type": "application/json"}
SECRET = "my name is rumpelstiltskin"  # noqa: S105


def post(
    server: RunningServer, body: bytes | str, content_type: str | None = "application/json"
) -> requests.Response:
    headers = {"Content-Type": content_type} if content_type else {}
    with requests.Session() as session:
        session.trust_env = False
        url = f"{server.inference_url}/predictions/{server.probe.name}"
        return session.post(url, data=body, headers=headers, timeout=PATIENCE)


def counter(server: RunningServer, name: str) -> int:
    with requests.Session() as session:
        session.trust_env = False
        text = session.get(f"{server.metrics_url}/metrics", timeout=PATIENCE).text
    match = re.search(rf"^{name}\{{.*\}} (\S+)$", text, re.MULTILINE)
    return int(float(match[1])) if match else 0


def wait_for(server: RunningServer, name: str, value: int) -> None:
    """Wait for a counter; the worker's metrics reach the frontend a moment after the answer."""
    deadline = time.monotonic() + PATIENCE
    while counter(server, name) < value:
        assert time.monotonic() < deadline, f"{name} stayed below {value}"
        time.sleep(0.1)


def test_ready_means_every_worker_is_ready(server: RunningServer) -> None:
    workers = server.workers()
    assert workers
    assert all(worker.ready and worker.memory > 0 for worker in workers)


def test_turn_is_answered_with_every_part(server: RunningServer) -> None:
    reply = post(server, json.dumps({"user": "a cheap restaurant in the centre"}))
    assert reply.status_code == 200
    assert reply.headers["Content-Type"] == "application/json"
    turn = decode(reply.content)
    assert (turn.model.name, turn.model.version) == ("tod", "1.0")
    assert turn.belief_state is not None
    assert turn.domain is not None
    assert turn.database is not None
    assert turn.response is not None
    assert turn.timing_ms["total"] > 0


def test_turn_of_a_dialogue_with_history_and_state(server: RunningServer) -> None:
    request = {
        "user": "the cheap one please",
        "history": [{"user": "a restaurant", "system": "which price range?"}],
        "state": {"restaurant": {"area": "centre"}},
        "domain": "restaurant",
        "tasks": ["intent", "belief_state"],
        "top_k": 1,
    }
    reply = post(server, json.dumps(request))
    assert reply.status_code == 200, reply.text
    turn = decode(reply.content)
    assert turn.belief_state is not None
    assert turn.belief_state["restaurant"]["area"].value == "centre"
    assert turn.response is None


def test_good_and_bad_requests_share_a_batch(server: RunningServer) -> None:
    good = json.dumps({"user": "hello", "tasks": ["intent"]})
    turns = counter(server, "tod_turns_total")
    read = counter(server, "tod_read_tokens_total")
    batches = counter(server, "tod_batch_seconds_count")
    bodies = [good, '{"user": 5}', good]
    replies = answered_together(server, [partial(post, server, body) for body in bodies])
    assert [reply.status_code for reply in replies] == [200, 400, 200]
    wait_for(server, "tod_turns_total", turns + 1 + 3)
    wait_for(server, "tod_read_tokens_total", read + 1)
    assert counter(server, "tod_batch_seconds_count") == batches + 1 + 1
    # The pipeline times a batch as a whole.
    first, refused, last = (reply.json() for reply in replies)
    assert first["timing_ms"] == last["timing_ms"]
    assert "user: got a number; expected a text" in refused["message"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"user": ', "malformed JSON at line 1 column"),
        (b"", "the body is empty"),
        (b"null", "got null; expected an object"),
        (b'"hello"', "got a text; expected an object"),
        (b"[]", "got an array; expected an object"),
        (b'{"user": "caf\xe9"}', "byte 13 (0xe9) is not UTF-8"),
        (b"{}", 'key "user" is missing'),
        (b'{"user": ""}', "the text is empty"),
        (b'{"user": null}', "user: got null; expected a text"),
        (b'{"user": "\\ud800"}', "half of a surrogate pair"),
        (b'{"usr": "hi"}', "did you mean 'user'"),
        (b'{"user": "hi", "history": "x"}', "history: got a text; expected an array"),
        (b'{"user": "hi", "tasks": ["belief"]}', "unknown task 'belief'"),
        (b'{"user": "hi", "top_k": 0}', "expected a whole number from 1 to"),
        (b'{"user": "hi", "state": {"trian": {"day": "friday"}}}', "unknown domain 'trian'"),
        (b"[" * 100_000, "nested too deeply"),
        (json.dumps({"user": "x" * 4_001}).encode(), "got 4001 characters; expected at most 4000"),
    ],
)
def test_wrong_body_is_refused_with_the_reason(
    server: RunningServer, body: bytes, message: str
) -> None:
    reply = post(server, body)
    assert reply.status_code == 400
    assert reply.headers["Content-Type"] == "application/json"
    refusal = reply.json()
    assert refusal["code"] == 400
    assert message in refusal["message"]


@pytest.mark.parametrize("content_type", ["text/plain", "text/plain; charset=utf-8"])
def test_plain_text_is_an_utterance(server: RunningServer, content_type: str) -> None:
    reply = post(server, "a train to ely, bitte schön".encode(), content_type)
    assert reply.status_code == 200
    assert decode(reply.content).response is not None


def test_plain_text_that_is_not_utf8_is_refused(server: RunningServer) -> None:
    reply = post(server, b"caf\xe9", "text/plain")
    assert reply.status_code == 400
    assert "byte 3 (0xe9) is not UTF-8" in reply.json()["message"]


def test_json_without_a_content_type_is_read(server: RunningServer) -> None:
    assert post(server, b'{"user": "hi", "tasks": ["intent"]}', None).status_code == 200


def test_form_is_refused_with_the_header_to_send(server: RunningServer) -> None:
    reply = post(server, b'{"user": "hi"}', "application/x-www-form-urlencoded")
    assert reply.status_code == 400
    assert "Content-Type: application/json" in reply.json()["message"]


def test_a_form_with_an_utterance_is_a_turn_as_mlflows_client_sends_it(
    server: RunningServer,
) -> None:
    with requests.Session() as session:
        session.trust_env = False
        url = f"{server.inference_url}/predictions/{server.probe.name}"
        reply = session.post(url, {"user": "a café in the centre"}, timeout=PATIENCE)
    assert reply.status_code == 200, reply.text
    assert decode(reply.json()).belief_state is not None


def test_body_above_max_request_size_is_413(server: RunningServer) -> None:
    assert post(server, b"x" * 1_100_000).status_code == 413


def test_models_are_described_without_a_token(
    server: RunningServer, http: requests.Session
) -> None:
    reply = http.get(f"{server.management_url}/models", timeout=PATIENCE)
    assert reply.json() == {"models": [{"modelName": "tod", "modelUrl": "tod.mar"}]}


def test_models_cannot_be_registered_over_http(
    server: RunningServer, http: requests.Session
) -> None:
    reply = http.post(f"{server.management_url}/models?url=tod.mar", timeout=PATIENCE)
    assert reply.status_code == 405


def test_no_utterance_reaches_the_logs(server: RunningServer) -> None:
    assert post(server, json.dumps({"user": SECRET, "tasks": ["intent"]})).status_code == 200
    assert post(server, f'{{"user": "{SECRET}"').status_code == 400
    assert post(server, json.dumps({"user": SECRET, "state": {"x": {}}})).status_code in {200, 400}
    logs = list(server.log_dir.glob("*.log"))
    assert {"console.log", "worker.log"} <= {path.name for path in logs}
    assert all(SECRET not in path.read_text() for path in logs)


def test_requests_add_nothing_to_the_logs(server: RunningServer) -> None:
    def size() -> int:
        return sum(path.stat().st_size for path in server.log_dir.glob("*.log"))

    before = size()
    for body in ('{"user": "hi", "tasks": ["intent"]}', '{"user": '):
        post(server, body)
    assert size() == before


def test_killed_worker_is_replaced(server: RunningServer) -> None:
    (worker,) = server.workers()
    body = json.dumps({"user": "hello"})
    with ThreadPoolExecutor(1) as pool:
        # A stopped worker takes the request and answers nothing: it dies mid-request for sure.
        os.kill(worker.pid, signal.SIGSTOP)
        pending = pool.submit(post, server, body)
        time.sleep(2)
        assert not pending.done()
        os.kill(worker.pid, signal.SIGKILL)
        assert pending.result(PATIENCE).status_code in {500, 507}
    deadline = time.monotonic() + 2 * PATIENCE
    while True:
        workers = server.workers()
        if workers and all(one.ready and one.pid != worker.pid for one in workers):
            break
        assert time.monotonic() < deadline, f"no new worker: {workers}"
        time.sleep(0.5)
    assert post(server, body).status_code == 200


def test_worker_runs_the_archive_not_the_checkout(server: RunningServer) -> None:
    models = Path(server.record.temp_dir) / "models"
    (unpacked,) = [path for path in models.iterdir() if path.is_dir()]
    assert (unpacked / "todserve" / "runtime" / "pipeline.py").is_file()


def test_what_was_understood_comes_first_to_whom_asked_and_to_nobody_else(
    server: RunningServer,
) -> None:
    texts = [f"a cheap restaurant in the centre, number {number}" for number in range(8)]

    def asked(place: int) -> list[bytes]:
        headers = JSON | ({"Accept": "application/x-ndjson"} if place % 2 else {})
        url = f"{server.inference_url}/predictions/{server.probe.name}"
        with requests.Session() as session:
            session.trust_env = False
            body = json.dumps({"user": texts[place]})
            answer = session.post(url, data=body, headers=headers, timeout=PATIENCE)
        assert answer.status_code == 200
        kind = "application/x-ndjson" if place % 2 else "application/json"
        assert answer.headers["Content-Type"] == kind
        return answer.content.splitlines()

    with ThreadPoolExecutor(len(texts)) as pool:
        found = [*pool.map(asked, range(len(texts)))]
    for place, lines in enumerate(found):
        assert len(lines) == 1 + place % 2
        whole = decode(lines[-1])
        assert whole.response is not None
        if place % 2:
            first = decode(lines[0])
            assert first.response is None
            assert first.dialogue_act is None
            assert (first.intent, first.belief_state) == (whole.intent, whole.belief_state)
            assert first.database == whole.database


def test_a_client_hears_the_turn_in_parts_in_one_call(server: RunningServer) -> None:
    before = counter(server, "tod_turns_total")
    with Client(server.inference_url) as client:
        first, *middle, last = client.stream("a cheap restaurant in the centre")
        plain = client.turn("a cheap restaurant in the centre")
    assert isinstance(first, Understood)
    assert isinstance(last, Whole)
    assert last.turn.response == plain.response
    assert plain.response is not None
    assert "".join(one.text for one in middle if isinstance(one, Piece)) == plain.response.text
    wait_for(server, "tod_turns_total", before + 2)
    assert counter(server, "tod_turns_total") == before + 2


def test_a_wrong_body_is_refused_in_one_piece_whatever_is_asked_for(server: RunningServer) -> None:
    url = f"{server.inference_url}/predictions/{server.probe.name}"
    headers = JSON | {"Accept": "application/x-ndjson"}
    with requests.Session() as session:
        session.trust_env = False
        for body in ('{"usr": "x"}', '{"user": "x", "domain": "nowhere"}'):
            answer = session.post(url, data=body, headers=headers, timeout=PATIENCE)
            assert answer.status_code == 400
            assert answer.headers["Content-Type"] == "application/json"
            assert answer.json()["code"] == 400
        assert server.workers()
