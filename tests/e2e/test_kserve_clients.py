"""KServe's and Triton's own clients against a real TorchServe, bare and behind the gateway."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import requests

from tests.e2e.test_requests import PATIENCE
from tests.support.gateway_server import GatewayServer
from tests.support.kserve_clients import calls, needs_kserve
from tests.support.torchserve_operations import field
from todserve.gateway.gateway_settings import GatewaySettings
from todserve.runtime.wire.model_description import ModelDescription
from todserve.runtime.wire.response import decode
from todserve.runtime.wire.turn_explanation import TurnExplanation
from todserve.serving.server.config_properties import Frontend
from todserve.serving.server.torchserve_server import RunningServer

pytestmark = pytest.mark.e2e
SAID = "a cheap restaurant in the centre"
_STREAM = "/org.pytorch.serve.grpc.inference.InferenceAPIsService/StreamPredictions"


@pytest.fixture(scope="module")
def gateway(server: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("kserve")
    settings = GatewaySettings(
        database=f"sqlite:///{folder}/dialogues.sqlite", model_url=server.inference_url
    )
    with GatewayServer(settings) as running:
        yield running.url


def are_answers(texts: list[dict[str, Any]]) -> bool:
    return [decode(one).model.name for one in texts] == ["tod", "tod"]


@needs_kserve
def test_tritonclient_infers_at_torchserve_itself_packed_and_binary(server: RunningServer) -> None:
    found = calls("tritonclient", server.inference_url)
    inferred = [one for name, one in found.items() if name.startswith("infer")]
    assert len(inferred) == 6
    assert all(map(are_answers, inferred))


@needs_kserve
def test_kserve_infers_and_explains_at_torchserve_itself(server: RunningServer) -> None:
    found = calls("kserve", server.inference_url)
    assert are_answers(found["v1 infer"]["predictions"])
    assert are_answers(found["v2 infer binary=True"])
    assert are_answers(found["v2 infer binary=False"])
    explained = [TurnExplanation.model_validate(one) for one in found["v1 explain"]["explanations"]]
    assert [one.model.name for one in explained] == ["tod", "tod"]


@needs_kserve
def test_tritonclient_finds_all_it_asks_for_at_the_gateway(gateway: str) -> None:
    found = calls("tritonclient", gateway)
    assert (found["live"], found["ready"], found["model_ready"]) == (True, True, True)
    assert (found["version_ready"], found["absent_ready"]) == (True, False)
    assert found["server"]["name"] == "todserve"
    assert found["model"]["versions"] == ["1.0"]
    assert [one["name"] for one in found["model"]["inputs"]] == ["turn"]
    inferred = [one for name, one in found.items() if name.startswith("infer")]
    assert len(inferred) == 6
    assert all(map(are_answers, inferred))
    assert found["wrong"].startswith("refused: [400] inputs[0].data[0]: request: unknown key 'usr'")


@needs_kserve
def test_kserve_finds_all_it_asks_for_at_the_gateway(gateway: str) -> None:
    found = calls("kserve", gateway)
    assert found["v1 model ready"] is True
    assert (found["v2 live"], found["v2 ready"], found["v2 model ready"]) == (True, True, True)
    assert are_answers(found["v1 infer"]["predictions"])
    assert len(found["v1 explain"]["explanations"]) == 2
    assert are_answers(found["v2 infer binary=True"])
    assert are_answers(found["v2 infer binary=False"])


def test_explain_and_predict_share_a_batch_and_each_gets_its_own(
    server: RunningServer, http: requests.Session
) -> None:
    body = {"instances": [{"user": SAID}]}
    url = f"{server.inference_url}/v1/models/tod"
    assert "predictions" in http.post(f"{url}:predict", json=body, timeout=PATIENCE).json()
    assert "explanations" in http.post(f"{url}:explain", json=body, timeout=PATIENCE).json()
    wrong = http.post(f"{url}:explain", json={"instances": [{"usr": 1}]}, timeout=PATIENCE)
    assert wrong.status_code == 400


def test_management_describes_the_model_where_it_is_asked_for_more(
    server: RunningServer, http: requests.Session
) -> None:
    url = f"{server.management_url}/models/tod?customized=true"
    (told,) = http.get(url, timeout=PATIENCE).json()
    # TorchServe leaves every null out.
    described = ModelDescription.model_validate({"acts": None, **told["customizedMetadata"]})
    assert described.name == "tod"
    assert described.intents


def test_a_stream_of_one_answer_ends_and_leaves_the_worker_alive(
    server: RunningServer, http: requests.Session
) -> None:
    frontend = Frontend.read(Path(server.record.temp_dir) / "config.properties")
    address = next(one for one in frontend.grpc if one.setting == "grpc_inference_port")
    turn = json.dumps({"user": "hi", "tasks": ["intent"]})
    asked = field(1, "tod") + b"\x1a" + _sized(field(1, "body") + field(2, turn))
    with grpc.insecure_channel(f"{address.host}:{address.port}") as channel:
        for _ in range(2):
            answers = list(channel.unary_stream(_STREAM)(asked, timeout=PATIENCE))
            assert len(answers) == 1
    url = f"{server.management_url}/models/tod"
    (model,) = http.get(url, timeout=PATIENCE).json()
    assert [one["status"] for one in model["workers"]] == ["READY"]


def _sized(content: bytes) -> bytes:
    assert len(content) < 128
    return bytes([len(content)]) + content


def test_a_packed_body_is_read_and_what_cannot_be_is_named(
    server: RunningServer, http: requests.Session
) -> None:
    url = f"{server.inference_url}/predictions/tod"
    body = json.dumps({"user": "hi", "tasks": ["intent"]}).encode()

    def send(content: bytes, **headers: str) -> requests.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return http.post(url, data=content, headers=named, timeout=PATIENCE)

    assert send(gzip.compress(body), Content_Encoding="gzip").status_code == 200
    refused = {
        "Content-Encoding: got 'br'": send(body, Content_Encoding="br"),
        "it looks like gzip": send(gzip.compress(body)),
        "got charset 'utf-16'": send(
            body.decode().encode("utf-16"), Content_Type="application/json; charset=utf-16"
        ),
        "as text/plain": send(body, Content_Type="text/plain"),
        "'user' is there twice": send(b'{"user": "hi", "user": "ho"}'),
        "is a NUL": send(b'{"user": "h\\u0000i"}'),
        "expected an object": send(b"[]"),
    }
    for reason, answer in refused.items():
        assert answer.status_code == 400
        assert reason in answer.json()["message"]
