"""One endpoint, three engines: the same requests get the same answers from each, field by field."""

import gzip
import json
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import grpc
import pytest
import requests

from tests.e2e.test_requests import PATIENCE
from tests.support.fleet_servers import FleetServer
from tests.support.kserve_clients import calls, needs_kserve
from todserve.runtime.wire.response import decode
from todserve.serving.server.torchserve_server import RunningServer

pytestmark = pytest.mark.e2e
SAID = "a cheap restaurant in the centre"
KOREAN = "시내에 있는 싼 식당을 찾아 주세요"
JSON = {"Content-Type": "application/json"}
TURN: dict[str, Any] = {"user": SAID}
LATER = {
    "user": "and in the north ?",
    "history": [{"user": SAID, "system": "what kind of food?"}],
    "state": {"restaurant": {"pricerange": {"value": "cheap", "confidence": 0.9}}},
    "domain": "restaurant",
    "tasks": ["belief_state", "intent", "response"],
    "top_k": 2,
}
STATELESS = {"user": "and in the north ?", "history": [{"user": SAID, "system": "what food?"}]}
CORRECTED = {**LATER, "corrected": {"restaurant": ["area"]}}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request, and what any engine must say of it."""

    path: str
    content: bytes
    status: int
    headers: dict[str, str]


def asked(path: str, body: object, status: int = 200, **headers: str) -> Asked:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    content = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return Asked(path=path, content=content, status=status, headers=JSON | named)


def v2(*texts: str, **more: object) -> dict[str, object]:
    tensor = {"name": "turn", "datatype": "BYTES", "shape": [len(texts)], "data": list(texts)}
    return {"id": "mine", "inputs": [tensor], **more}


PREDICT, EXPLAIN = "/predictions/tod", "/explanations/tod"
V1, V2 = "/v1/models/tod", "/v2/models/tod"
ONE = json.dumps(TURN)
CASES = {
    "a turn": asked(PREDICT, TURN),
    "a version's turn": asked(f"{PREDICT}/1.0", TURN),
    "Korean": asked(PREDICT, {"user": KOREAN}),
    "state and history": asked(PREDICT, LATER),
    "history alone": asked(PREDICT, STATELESS),
    "a corrected state": asked(PREDICT, CORRECTED),
    "plain text": asked(PREDICT, SAID.encode(), Content_Type="text/plain; charset=utf-8"),
    "Korean as plain text": asked(PREDICT, KOREAN.encode(), Content_Type="text/plain"),
    "packed": asked(PREDICT, gzip.compress(ONE.encode()), Content_Encoding="gzip"),
    "described": asked(PREDICT, {"describe": True}),
    "explained": asked(EXPLAIN, LATER),
    "v1": asked(f"{V1}:predict", {"instances": [TURN, LATER, {"user": KOREAN}]}),
    "v1 explained": asked(f"{V1}:explain", {"instances": [TURN, LATER]}),
    "v2": asked(f"{V2}/infer", v2(ONE, json.dumps(LATER))),
    "v2 explained": asked(f"{V2}/explain", v2(ONE)),
    "no body": asked(PREDICT, b"", 400),
    "no JSON": asked(PREDICT, b"{", 400),
    "an array": asked(PREDICT, [], 400),
    "no UTF-8": asked(PREDICT, b'{"user": "\xff"}', 400),
    "an unknown key": asked(PREDICT, {"usr": SAID}, 400),
    "a number": asked(PREDICT, {"user": 5}, 400),
    "no words": asked(PREDICT, {"user": " "}, 400),
    "a NUL": asked(PREDICT, b'{"user": "h\\u0000i"}', 400),
    "a key twice": asked(PREDICT, b'{"user": "hi", "user": "ho"}', 400),
    "an unknown domain": asked(PREDICT, {**TURN, "state": {"trian": {"day": "friday"}}}, 400),
    "an unknown task": asked(PREDICT, {**TURN, "tasks": ["intents"]}, 400),
    "too long": asked(PREDICT, {"user": "a" * 5000}, 400),
    "too long for the model": asked(PREDICT, {"user": "north " * 600}, 400),
    "too deep": asked(PREDICT, b'{"state": ' + b"[" * 50 + b"]" * 50 + b"}", 400),
    "another character set": asked(
        PREDICT, ONE.encode("utf-16"), 400, Content_Type="application/json; charset=utf-16"
    ),
    "packed in another way": asked(PREDICT, ONE.encode(), 400, Content_Encoding="br"),
    "packed and not said": asked(PREDICT, gzip.compress(ONE.encode()), 400),
    "JSON as plain text": asked(PREDICT, TURN, 400, Content_Type="text/plain"),
    "a description of something": asked(PREDICT, {"describe": True, "user": "hi"}, 400),
    "v1 without an instance": asked(f"{V1}:predict", {"instances": []}, 400),
    "v1 with too many": asked(f"{V1}:predict", {"instances": [TURN] * 65}, 400),
    "v1 with a wrong one": asked(f"{V1}:predict", {"instances": [TURN, {"user": 5}]}, 400),
    "v2 with a wrong one": asked(f"{V2}/infer", v2(ONE, "{}"), 400),
    "v2 of another shape": asked(f"{V2}/infer", {**v2(ONE), "outputs": 5}, 400),
    "v2 cut off": asked(f"{V2}/infer", v2(ONE), 400, Inference_Header_Content_Length="1000000"),
    "another model": asked("/predictions/other", TURN, 404),
    "another model in v1": asked("/v1/models/other:predict", {"instances": [TURN]}, 404),
    "another model in v2": asked("/v2/models/other/infer", v2(ONE), 404),
    "another version": asked(f"{PREDICT}/9.9", TURN, 404),
}


Fleet = Callable[[str], FleetServer]


@pytest.fixture(scope="module")
def fleet(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """The engines by name; both are started when the first is asked for."""
    folder = tmp_path_factory.mktemp("fleet")
    archive = store / "tod.mar"
    started = {"ray": FleetServer.ray(archive, folder / "ray.log")}
    if not needs_kserve.args[0]:
        started["kserve"] = FleetServer.kserve(archive, folder / "kserve.log")
    yield started.__getitem__
    assert {name: one.stop() for name, one in started.items()} == dict.fromkeys(started, 130)
    for one in started.values():
        assert "Traceback" not in one.said()


def ask(url: str, one: Asked) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.post(
            f"{url}{one.path}", data=one.content, headers=one.headers, timeout=PATIENCE
        )


@pytest.fixture(scope="module")
def answers() -> Callable[[str], dict[str, requests.Response]]:
    """Every case's answer of the engine at an address; all are asked at once, and only once."""

    @cache
    def of(url: str) -> dict[str, requests.Response]:
        with ThreadPoolExecutor(12) as pool:
            found = pool.map(lambda one: ask(url, one), CASES.values())
            return dict(zip(CASES, found, strict=True))

    return of


@pytest.fixture(params=["ray", pytest.param("kserve", marks=needs_kserve)])
def other(request: pytest.FixtureRequest, fleet: Fleet) -> FleetServer:
    """Each engine beside TorchServe."""
    return fleet(request.param)


def told(answer: requests.Response) -> Any:
    """Return an answer without what differs from one time to the next, and KServe's own key."""
    body = answer.json()
    if isinstance(body, dict):
        body.pop("error", None)
        for tensor in body.get("outputs", ()):
            tensor["data"] = [json.loads(text) for text in tensor["data"]]
    return timeless(body)


def timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: timeless(one) for key, one in value.items() if key != "timing_ms"}
    return [timeless(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", CASES)
def test_an_engine_answers_as_torchserve_does(
    name: str,
    server: RunningServer,
    other: FleetServer,
    answers: Callable[[str], dict[str, requests.Response]],
) -> None:
    ours, theirs = answers(server.inference_url)[name], answers(other.url)[name]
    assert (ours.status_code, theirs.status_code) == (CASES[name].status,) * 2
    assert told(theirs) == told(ours)
    assert theirs.headers["Content-Type"] == ours.headers["Content-Type"]


def test_a_binary_answer_stands_behind_the_same_json(
    server: RunningServer, other: FleetServer
) -> None:
    wanted = asked(f"{V2}/infer", v2(ONE, parameters={"binary_data_output": True}))
    heads, kinds, texts = [], [], []
    for url in (server.inference_url, other.url):
        answer = ask(url, wanted)
        length = int(answer.headers["Inference-Header-Content-Length"])
        head = json.loads(answer.content[:length])
        del head["outputs"][0]["parameters"]  # how many bytes: the times are in them
        heads.append(head)
        kinds.append(answer.headers["Content-Type"])
        texts.append(timeless(json.loads(answer.content[length + 4 :])))
    assert heads[0] == heads[1]
    assert kinds[0] == kinds[1]
    assert texts[0] == texts[1]


def test_a_turn_in_two_lines_is_told_as_torchserve_tells_it(
    server: RunningServer, other: FleetServer
) -> None:
    wanted = asked(PREDICT, LATER, Accept="application/x-ndjson")
    found = [ask(url, wanted) for url in (server.inference_url, other.url)]
    kinds = [one.headers["Content-Type"] for one in found]
    assert kinds == ["application/x-ndjson"] * 2
    ours, theirs = ([timeless(json.loads(line)) for line in one.iter_lines()] for one in found)
    assert len(ours) == 2
    assert theirs == ours
    wrong = asked(PREDICT, {"usr": SAID}, Accept="application/x-ndjson")
    refused = [ask(url, wrong) for url in (server.inference_url, other.url)]
    assert [one.status_code for one in refused] == [400, 400]
    assert told(refused[0]) == told(refused[1])


def test_an_answer_without_an_id_carries_the_requests(other: FleetServer) -> None:
    body = v2(ONE)
    del body["id"]
    answer = ask(other.url, asked(f"{V2}/infer", body))
    assert answer.json()["id"] == answer.headers["X-Request-ID"]
    named = ask(other.url, asked(f"{V2}/infer", body, X_Request_ID="my-own"))
    assert named.json()["id"] == "my-own"


def test_a_body_beyond_the_limit_is_413(server: RunningServer, other: FleetServer) -> None:
    large = asked(PREDICT, {"user": "a" * (1 << 20)})
    statuses = [ask(url, large).status_code for url in (server.inference_url, other.url)]
    assert statuses == [413, 413]


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "elsewhere.org"},
        {"Origin": "https://elsewhere.org"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_a_page_of_another_machine_is_refused_and_one_of_this_machine_is_not(
    headers: dict[str, str], server: RunningServer, other: FleetServer
) -> None:
    foreign = Asked(path=PREDICT, content=ONE.encode(), status=403, headers=JSON | headers)
    found = [ask(url, foreign) for url in (server.inference_url, other.url)]
    assert [one.status_code for one in found] == [403, 403]
    assert [one.json()["type"] for one in found] == ["ForeignPageException"] * 2
    assert ask(other.url, asked(PREDICT, TURN, Origin="http://localhost:8090")).status_code == 200


def test_health_is_told(server: RunningServer, other: FleetServer, http: requests.Session) -> None:
    for url in (server.inference_url, other.url):
        ping = http.get(f"{url}/ping", timeout=PATIENCE)
        assert ping.json() == {"status": "Healthy"}
    for path in ("/", "/v2", "/v2/health/live", "/v2/health/ready", V1, f"{V2}/ready", V2):
        assert http.get(f"{other.url}{path}", timeout=PATIENCE).status_code == 200, path
    versions = f"{V2}/versions"
    assert http.get(f"{other.url}{versions}/1.0/ready", timeout=PATIENCE).json()["ready"] is True
    assert http.get(f"{other.url}{versions}/9/ready", timeout=PATIENCE).status_code == 404
    assert http.get(f"{other.url}{V2}", timeout=PATIENCE).json()["versions"] == ["1.0"]
    assert http.get(f"{other.url}/v2/models/other", timeout=PATIENCE).status_code == 404


def test_nobody_loads_or_unloads_a_model_from_outside(
    other: FleetServer, http: requests.Session
) -> None:
    path = f"{other.url}/v2/repository/models/tod/unload"
    assert http.post(path, json={}, timeout=PATIENCE).status_code == 404
    assert http.get(f"{other.url}{V2}/ready", timeout=PATIENCE).json()["ready"] is True


@needs_kserve
def test_official_rest_clients_find_all_they_ask_for(fleet: Fleet) -> None:
    url = fleet("kserve").url
    found = calls("tritonclient", url)
    assert (found["live"], found["ready"], found["model_ready"]) == (True, True, True)
    assert (found["version_ready"], found["absent_ready"]) == (True, False)
    assert found["model"]["versions"] == ["1.0"]
    inferred = [one for name, one in found.items() if name.startswith("infer")]
    assert len(inferred) == 6
    assert all([decode(one).model.name for one in texts] == ["tod", "tod"] for texts in inferred)
    assert found["wrong"].startswith("refused: [400] inputs[0].data[0]: request: unknown key 'usr'")
    found = calls("kserve", url)
    assert (found["v1 live"], found["v1 model ready"]) == (True, True)
    assert (found["v2 live"], found["v2 ready"], found["v2 model ready"]) == (True, True, True)
    assert len(found["v1 infer"]["predictions"]) == len(found["v1 explain"]["explanations"]) == 2
    assert len(found["v2 infer binary=True"]) == len(found["v2 infer binary=False"]) == 2


@needs_kserve
@pytest.mark.parametrize("client", ["tritonclient_grpc", "kserve_grpc"])
def test_official_grpc_clients_get_torchserves_answers(
    client: str, server: RunningServer, fleet: Fleet
) -> None:
    korean, wrong = json.dumps({"user": KOREAN}), json.dumps({"usr": SAID})
    found = calls(client, fleet("kserve").grpc, korean, wrong)
    assert (found["live"], found["ready"], found["model_ready"]) == (True, True, True)
    ours = told(ask(server.inference_url, asked(f"{V2}/infer", v2(ONE, ONE))))
    assert timeless(found["infer"]) == ours["outputs"][0]["data"]
    ours = told(ask(server.inference_url, CASES["Korean"]))
    assert timeless(found[korean]) == [ours]
    assert "inputs[0].data[0]: request: unknown key 'usr'" in found[wrong]
    if client == "tritonclient_grpc":
        assert (found["version_ready"], found["other_version_ready"]) == (True, False)
        assert [one["name"] for one in found["model"]["inputs"]] == ["turn"]
        assert found["model"]["versions"] == ["1.0"]
        assert "NOT_FOUND" in found["absent_ready"]
        assert "NOT_FOUND" in found["absent"]
        assert "NOT_FOUND" in found["other version"]


def test_what_ray_listens_to_beyond_loopback_asks_for_a_token(fleet: Fleet) -> None:
    ray = fleet("ray")
    assert ray.url
    for port in ray.ports_beyond_loopback():
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            call = channel.unary_unary("/ray.serve.ASGIService/HandleRequest")
            with pytest.raises(grpc.RpcError) as refused:
                call(b"", timeout=PATIENCE)
        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


@needs_kserve
def test_kserves_server_listens_on_loopback_alone(fleet: Fleet) -> None:
    kserve = fleet("kserve")
    assert kserve.url
    assert kserve.ports_beyond_loopback() == set()


def test_rays_replicas_are_replaced_without_losing_a_turn(
    fleet: Fleet,
) -> None:
    ray = fleet("ray")
    statuses = []
    url = ray.url
    ray.signal(signal.SIGHUP)
    while "replaced" not in ray.said():
        statuses.append(ask(url, CASES["a turn"]).status_code)
    statuses.append(ask(url, CASES["a turn"]).status_code)
    assert set(statuses) == {200}
