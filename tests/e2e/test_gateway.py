"""``tod gateway`` as a process of its own, in front of a real TorchServe."""

import io
import json
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.served_endpoint import ROOT, free_ports, write_config
from todserve.serving.server.server_settings import ServerSettings
from todserve.serving.server.torchserve_server import RunningServer, start

pytestmark = pytest.mark.e2e
PATIENCE = 90  # seconds for one answer; a test must fail, not hang


@dataclass(kw_only=True)
class Stack:
    """A TorchServe that a test may stop and start, and the gateway in front of it."""

    settings: ServerSettings
    url: str
    http: requests.Session
    server: RunningServer

    def call(self, method: str, path: str, body: object = None, **headers: str) -> Any:
        return self.http.request(
            method,
            self.url + path,
            json=body,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
            timeout=PATIENCE,
        )

    def begin(self) -> str:
        """Begin a dialogue and return the address of its turns."""
        begun = self.call("POST", "/v1/dialogues", {})
        assert begun.status_code == 201, begun.text
        return f"/v1/dialogues/{begun.json()['dialogue_id']}/turns"

    def say(self, path: str, user: str, message_id: str, **headers: str) -> Any:
        return self.call("POST", path, {"user": user, "message_id": message_id}, **headers)

    def turns(self, path: str) -> Any:
        return self.call("GET", path.removesuffix("/turns")).json()["turns"]


@pytest.fixture(scope="module")
def stack(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("gateway")
    settings = ServerSettings(
        store=store,
        config=write_config(folder),
        log_config=ROOT / "archive" / "log4j2.xml",
        log_dir=folder / "logs",
        ready_timeout=240,
    )
    (port,) = free_ports(1)
    with start(settings) as server, requests.Session() as http:
        http.trust_env = False
        command = [sys.executable, "-m", "todserve", "gateway", "--port", str(port)]
        command += ["--database", f"sqlite:///{folder}/dialogues.sqlite"]
        command += ["--url", server.inference_url, "--retain-days", "30"]
        with (folder / "gateway.log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        found = Stack(settings=settings, url=f"http://127.0.0.1:{port}", http=http, server=server)
        try:
            wait_until_alive(found, process)
            yield found
        finally:
            process.terminate()
            status = process.wait(timeout=60)
            found.server.stop()
    assert status in {0, -15}
    logged = (folder / "gateway.log").read_text()
    assert "Traceback" not in logged
    assert "restaurant" not in logged


def wait_until_alive(stack: Stack, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        assert process.poll() is None, "the gateway ended"
        assert time.monotonic() < deadline, "the gateway did not start"
        try:
            stack.call("GET", "/health")
        except requests.ConnectionError:
            time.sleep(0.1)
        else:
            return


def test_a_message_is_answered_remembered_and_answered_once(stack: Stack) -> None:
    assert stack.call("GET", "/ready").json() == {"status": "ready", "store": True, "model": True}
    path = stack.begin()
    first = stack.say(path, "a cheap restaurant in the centre", "m1")
    assert first.status_code == 200, first.text
    again = stack.say(path, "a cheap restaurant in the centre", "m1")
    assert (again.headers["Idempotent-Replay"], again.json()) == ("true", first.json())
    assert stack.say(path, "something else", "m1").status_code == 409
    assert stack.turns(path) == [first.json()]
    assert first.json()["model"]["name"] == "tod"


def test_a_correction_runs_the_later_turns_again_and_undo_takes_it_back(stack: Stack) -> None:
    path = stack.begin()
    for number, text in enumerate(("a cheap restaurant", "and a train to ely")):
        assert stack.say(path, text, str(number)).status_code == 200
    before = stack.turns(path)
    correction = f"{path}/0/correction"
    wrong = stack.call("POST", correction, {"intent": "find_trian"})
    assert (wrong.status_code, wrong.json()["type"]) == (422, "unknown_label")
    assert "did you mean 'find_train'" in wrong.json()["message"]
    body = {"belief_state": {"train": {"day": "friday"}}, "rerun": True}
    answer = stack.call("POST", correction, body)
    assert answer.status_code == 200, answer.text
    second = answer.json()["turns"][1]
    again = second["correction"]["answer"]
    # The model starts from the corrected state: what it left alone is still there.
    assert again["belief_state"] != before[1]["answer"]["belief_state"]
    assert second["answer"] == before[1]["answer"]
    assert stack.call("DELETE", f"{path}/last/correction").status_code == 204
    assert stack.turns(path) == before


def test_the_model_tells_its_labels_through_the_gateway(
    stack: Stack, tiny_checkpoint: Path
) -> None:
    told = stack.call("GET", "/v1/model").json()
    schema = json.loads((tiny_checkpoint / "schema.json").read_text())
    assert set(told["domains"]) == {one["service_name"] for one in schema}
    assert told["checkpoint"]
    example = {"text": "a table for two", "intent": "book_restaurant"}
    stored = stack.call("POST", "/v1/examples", example)
    assert stored.status_code == 201
    removed = stack.call("DELETE", f"/v1/examples/{stored.json()['example_id']}")
    assert removed.status_code == 204


def test_a_dialogue_is_the_same_when_the_same_model_is_compared(stack: Stack) -> None:
    path = stack.begin()
    for number, text in enumerate(("a cheap restaurant", "and a train to ely")):
        assert stack.say(path, text, str(number)).status_code == 200
    address = path.replace("/turns", "/compare")
    compared = stack.call("POST", address, {"model": "tod/1.0"}).json()["turns"]
    assert [one["differences"] for one in compared] == [[], []]


def test_programs_written_for_rasa_are_answered(stack: Stack) -> None:
    body = {"sender": "anna", "message": "a cheap restaurant", "metadata": {"message_id": "1"}}
    answers = [stack.call("POST", "/webhooks/rest/webhook", body) for _ in range(2)]
    assert [one.status_code for one in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert all(set(one) == {"recipient_id", "text"} for one in answers[0].json())


def test_a_request_id_reaches_the_log_of_torchserve_and_no_utterance_does(stack: Stack) -> None:
    said = stack.say(stack.begin(), "a restaurant for rumpelstiltskin", "1", X_Request_ID="trace-7")
    assert said.headers["X-Request-ID"] == "trace-7"
    log = stack.settings.log_dir / "worker.log"
    deadline = time.monotonic() + PATIENCE
    while "request trace-7 200" not in log.read_text():
        assert time.monotonic() < deadline, "the request id is not in TorchServe's log"
        time.sleep(0.1)
    assert "rumpelstiltskin" not in log.read_text()


def test_what_people_stand_for_is_a_test_that_the_same_server_passes_until_corrected(
    stack: Stack, tmp_path: Path
) -> None:
    path = stack.begin()
    for number, text in enumerate(("a cheap restaurant", "and a train to ely")):
        stack.say(path, text, str(number))
        judged = stack.call("POST", f"{path}/{number}/correction", {"verdict": "right"})
        assert judged.status_code == 200
    assert replay(stack, tmp_path / "right").returncode == 0
    state = {"train": {"day": "friday"}, "taxi": {"leave": "09:00"}}
    stack.call("POST", f"{path}/1/correction", {"belief_state": state})
    shown = replay(stack, tmp_path / "corrected")
    assert shown.returncode == 1, shown.stderr
    assert "- taxi leave 09:00" in shown.stdout
    assert "turn 2: still wrong\n" in shown.stdout
    assert "turn 1\n" not in shown.stdout


def replay(stack: Stack, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Export what people stand for, and ask the server again with the command."""
    exported = stack.call("GET", "/v1/export?format=zip&corrected=true")
    assert exported.status_code == 200
    with zipfile.ZipFile(io.BytesIO(exported.content)) as packed:
        packed.extractall(folder)
    command = [sys.executable, "-m", "todserve", "replay", str(folder)]
    command += ["--against", stack.server.inference_url, "--only", "state,acts,reply"]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def test_without_torchserve_nothing_is_lost_and_readiness_says_so(stack: Stack) -> None:
    path = stack.begin()
    first = stack.say(path, "a cheap restaurant", "m1").json()
    stack.server.stop()
    ready = stack.call("GET", "/ready")
    assert (ready.status_code, ready.json()["model"], ready.json()["store"]) == (503, False, True)
    assert stack.call("GET", "/health").status_code == 200
    refused = stack.say(path, "in the centre", "m2")
    assert (refused.status_code, refused.json()["type"]) == (503, "model_unavailable")
    assert refused.headers["Retry-After"]
    assert stack.turns(path) == [first]
    stack.server = start(stack.settings)
    assert stack.call("GET", "/ready").status_code == 200
    assert stack.say(path, "in the centre", "m2").status_code == 200
    assert len(stack.turns(path)) == 2
