"""KServe's two protocols against a real TorchServe: its routes, its batches, its errors."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import requests

from tests.e2e.test_requests import PATIENCE, counter, wait_for
from tests.support.shared_batch import answered_together
from todserve.runtime.wire.response import decode
from todserve.serving.server.torchserve_server import RunningServer

pytestmark = pytest.mark.e2e
TURN: dict[str, Any] = {"user": "hello", "tasks": ["intent"]}
Send = Callable[[str, object], requests.Response]


@pytest.fixture
def send(server: RunningServer) -> Send:
    """Post JSON to a path of the inference address; may be called from several threads."""

    def post(path: str, body: object) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            return session.post(f"{server.inference_url}{path}", json=body, timeout=PATIENCE)

    return post


def v2(*turns: object, **more: object) -> dict[str, Any]:
    texts = [json.dumps(turn) for turn in turns]
    tensor = {"name": "turn", "datatype": "BYTES", "shape": [len(texts)], "data": texts}
    return {"inputs": [tensor], **more}


def test_v1_instances_are_answered_in_order(send: Send) -> None:
    wanted = {"user": "a cheap restaurant in the centre", "tasks": ["belief_state", "response"]}
    reply = send("/v1/models/tod:predict", {"instances": [TURN, wanted]})
    assert reply.status_code == 200, reply.text
    assert reply.headers["Content-Type"] == "application/json"
    first, second = map(decode, reply.json()["predictions"])
    assert first.response is None
    assert second.response is not None
    assert (first.model.name, first.model.version) == ("tod", "1.0")


def test_v2_tensor_is_answered_with_a_tensor(send: Send) -> None:
    reply = send("/v2/models/tod/infer", v2(TURN, TURN, id="mine"))
    assert reply.status_code == 200, reply.text
    answer = reply.json()
    (tensor,) = answer.pop("outputs")
    assert answer == {"model_name": "tod", "model_version": "1.0", "id": "mine"}
    assert (tensor["name"], tensor["datatype"], tensor["shape"]) == ("answer", "BYTES", [2])
    assert [decode(text).response for text in tensor["data"]] == [None, None]


def test_v2_answer_without_an_id_carries_the_servers(send: Send) -> None:
    reply = send("/v2/models/tod/infer", v2(TURN))
    assert reply.json()["id"] == reply.headers["x-request-id"]


def test_bodies_of_every_form_share_a_batch_and_fail_alone(
    server: RunningServer, send: Send
) -> None:
    bodies: list[tuple[str, object]] = [
        ("/v1/models/tod:predict", {"instances": [TURN, TURN, TURN]}),
        ("/v1/models/tod:predict", {"instances": [TURN, {"user": 5}]}),
        ("/v2/models/tod/infer", v2(TURN, TURN)),
        ("/predictions/tod", TURN),
    ]
    turns = counter(server, "tod_turns_total")
    batches = counter(server, "tod_batch_seconds_count")
    replies = answered_together(server, [partial(send, *one) for one in bodies])
    assert [reply.status_code for reply in replies] == [200, 400, 200, 200]
    assert replies[1].json()["message"].startswith("instances[1]: user: got a number")
    wait_for(server, "tod_turns_total", turns + 1 + 7)  # the refused body counts once
    assert counter(server, "tod_batch_seconds_count") == batches + 1 + 1
    # The pipeline times a batch as a whole: all six turns were worked on together.
    answers = [*replies[0].json()["predictions"], replies[3].json()]
    answers += map(json.loads, replies[2].json()["outputs"][0]["data"])
    assert len({answer["timing_ms"]["total"] for answer in answers}) == 1


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/v1/models/tod:predict", {"instances": []}, "instances: got 0; expected at least 1"),
        ("/v2/models/tod/infer", v2(TURN, {}), 'inputs[0].data[1]: request: key "user" is missing'),
        (
            "/v1/models/tod:predict",
            {"instances": [{"user": "hi", "state": {"trian": {"day": "friday"}}}]},
            "instances[0]: state: unknown domain 'trian'",
        ),
    ],
)
def test_wrong_instance_is_refused_with_its_place(
    send: Send, path: str, body: object, message: str
) -> None:
    reply = send(path, body)
    assert reply.status_code == 400
    assert message in reply.json()["message"]


def test_another_models_name_is_404(send: Send) -> None:
    assert send("/v1/models/other:predict", {"instances": [TURN]}).status_code == 404
    assert send("/v2/models/other/infer", v2(TURN)).status_code == 404
