"""Every operation that TorchServe 0.12.0 offers on its five ports, and what each may do here.

TorchServe describes most of them itself (``OPTIONS /``), but not all: workflows are missing there.
So the classes that answer requests, and the methods of its gRPC services, are read from its jar.
"""

import re
import zipfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import grpc
import requests

from todserve.serving.server.config_properties import Frontend
from todserve.serving.server.torchserve_server import RunningServer

PATIENCE = 60  # seconds
REFUSED = 405


class Operation(NamedTuple):
    """One operation of a port over HTTP, as TorchServe's description spells it."""

    port: str
    method: str
    path: str


OPERATIONS: Mapping[Operation, int] = {
    # It answers turns, which is what it is for; no page elsewhere may ask for any of all these.
    Operation("inference", "OPTIONS", "/"): 200,
    Operation("inference", "GET", "/api-description"): 200,
    Operation("inference", "GET", "/ping"): 200,
    Operation("inference", "POST", "/predictions/{model_name}"): 200,
    Operation("inference", "POST", "/predictions/{model_name}/{model_version}"): 200,
    Operation("inference", "POST", "/v1/models/{model_name}:predict"): 200,
    Operation("inference", "POST", "/v2/models/{model_name}/infer"): 200,
    Operation("inference", "GET", "/metrics"): 404,  # described here, given on its own port
    # Reading is free.
    Operation("management", "OPTIONS", "/"): 200,
    Operation("management", "GET", "/api-description"): 200,
    Operation("management", "GET", "/models"): 200,
    Operation("management", "GET", "/models/{model_name}"): 200,
    Operation("management", "GET", "/models/{model_name}/{model_version}"): 200,
    Operation("management", "GET", "/metrics"): 404,
    Operation("metrics", "GET", "/metrics"): 200,
    # How many workers a loaded model has, and which version is the default: allowed.
    Operation("management", "PUT", "/models/{model_name}"): 202,
    Operation("management", "PUT", "/models/{model_name}/{model_version}"): 202,
    Operation("management", "PUT", "/models/{model_name}/{model_version}/set-default"): 200,
    # What is loaded is decided at the start.
    Operation("management", "POST", "/models"): REFUSED,
    Operation("management", "DELETE", "/models/{model_name}"): REFUSED,
    Operation("management", "DELETE", "/models/{model_name}/{model_version}"): REFUSED,
}
"""Operation -> the status it has by default."""

UNDESCRIBED: Mapping[Operation, int] = {
    Operation("management", "GET", "/workflows"): 200,
    Operation("management", "GET", "/workflows/any"): 404,
    Operation("management", "DELETE", "/workflows/any"): 404,
    Operation("management", "POST", "/workflows?url=any.war"): 404,
    Operation("inference", "POST", "/wfpredict/any"): 404,
    Operation("inference", "POST", "/models/tod/invoke"): 200,
    Operation("inference", "POST", "/invocations?model_name=tod"): 200,
    Operation("inference", "POST", "/explanations/tod"): 200,  # why a turn is answered so
    Operation("management", "GET", "/v1/models/tod"): 200,
}
"""What it answers too without describing it."""

NO_TOKEN_NEEDED = {"/", "/api-description", "/ping", "/metrics"}
"""The paths that answer without a token where tokens are on."""

HANDLERS = {
    "ApiDescriptionRequestHandler",
    "HttpRequestHandler",
    "InferenceRequestHandler",
    "InvalidRequestHandler",
    "ManagementRequestHandler",
    "OpenInferenceProtocolRequestHandler",  # in no chain unless ts_open_inference_protocol=oip
    "PrometheusMetricsRequestHandler",
    "WorkflowInferenceRequestHandler",
    "WorkflowMgmtRequestHandler",
}
"""The classes of its jar that answer HTTP requests."""

_GRPC = "org.pytorch.serve.grpc"
GRPC: Mapping[str, tuple[str, grpc.StatusCode]] = {
    f"{_GRPC}.inference.InferenceAPIsService/Ping": ("inference", grpc.StatusCode.OK),
    # Asked without naming a model.
    f"{_GRPC}.inference.InferenceAPIsService/Predictions": ("inference", grpc.StatusCode.INTERNAL),
    f"{_GRPC}.inference.InferenceAPIsService/StreamPredictions": (
        "inference",
        grpc.StatusCode.INTERNAL,
    ),
    f"{_GRPC}.inference.InferenceAPIsService/StreamPredictions2": (
        "inference",
        grpc.StatusCode.OK,  # the failure stands in its answer
    ),
    f"{_GRPC}.management.ManagementAPIsService/ListModels": ("management", grpc.StatusCode.OK),
    # Allowed, as over HTTP; asked about a model that is not there.
    f"{_GRPC}.management.ManagementAPIsService/DescribeModel": (
        "management",
        grpc.StatusCode.NOT_FOUND,
    ),
    f"{_GRPC}.management.ManagementAPIsService/ScaleWorker": (
        "management",
        grpc.StatusCode.NOT_FOUND,
    ),
    f"{_GRPC}.management.ManagementAPIsService/SetDefault": (
        "management",
        grpc.StatusCode.NOT_FOUND,
    ),
    f"{_GRPC}.management.ManagementAPIsService/RegisterModel": (
        "management",
        grpc.StatusCode.PERMISSION_DENIED,
    ),
    f"{_GRPC}.management.ManagementAPIsService/UnregisterModel": (
        "management",
        grpc.StatusCode.PERMISSION_DENIED,
    ),
    **{
        f"{_GRPC}.openinference.GRPCInferenceService/{method}": (
            "inference",
            grpc.StatusCode.UNIMPLEMENTED,
        )
        for method in (
            "ModelInfer",
            "ModelMetadata",
            "ModelReady",
            "ServerLive",
            "ServerMetadata",
            "ServerReady",
        )
    },
}
"""gRPC method -> its port and the status of a call about the model ``none``."""


def described(server: RunningServer) -> set[Operation]:
    """Return the operations that the server describes on its three HTTP ports."""
    found = set()
    for port, url in _urls(server).items():
        answer = requests.options(f"{url}/", timeout=PATIENCE)
        for path, operations in answer.json()["paths"].items():
            found |= {Operation(port, method.upper(), path) for method in operations}
    return found


def perform(
    server: RunningServer, operation: Operation, headers: Mapping[str, str] | None = None
) -> requests.Response:
    """Ask for an operation about the one model."""
    path = operation.path.format(model_name="tod", model_version="1.0")
    body: object = {"user": "hi"}
    if path.startswith("/v1"):
        body = {"instances": [{"user": "hi"}]}
    elif path.startswith("/v2"):
        body = {
            "inputs": [
                {"name": "turn", "shape": [1], "datatype": "BYTES", "data": ['{"user": "hi"}']}
            ]
        }
    if operation.method == "PUT" and not path.endswith("set-default"):
        path += "?min_worker=1&max_worker=1"  # as many as there are
    url = _urls(server)[operation.port] + path
    sent = body if operation.method == "POST" and operation.port == "inference" else None
    return requests.request(operation.method, url, json=sent, headers=headers, timeout=PATIENCE)


def call(
    server: RunningServer, method: str, port: str, message: bytes, *, key: str | None = None
) -> grpc.StatusCode:
    """Call a gRPC method with an encoded message and return the status."""
    told = () if key is None else (("authorization", f"Bearer {key}"),)
    frontend = Frontend.read(Path(server.record.temp_dir) / "config.properties")
    address = next(one for one in frontend.grpc if one.setting == f"grpc_{port}_port")
    with grpc.insecure_channel(f"{address.host}:{address.port}") as channel:
        try:
            channel.unary_unary(f"/{method}")(message, timeout=PATIENCE, metadata=told)
        except grpc.RpcError as error:
            status: grpc.StatusCode = error.code()
            return status
    return grpc.StatusCode.OK


def field(number: int, text: str) -> bytes:
    """Return a text field of a protocol buffer; up to 127 bytes."""
    content = text.encode()
    assert len(content) < 128
    return bytes([number << 3 | 2, len(content)]) + content


def of_the_jar() -> tuple[set[str], set[str]]:
    """Return the classes that answer HTTP requests and the methods of the gRPC services."""
    spec = find_spec("ts")
    assert spec is not None
    assert spec.origin is not None
    jar = Path(spec.origin).parent / "frontend" / "model-server.jar"
    handlers, methods = set(), set()
    with zipfile.ZipFile(jar) as packed:
        for name in packed.namelist():
            if not name.startswith("org/pytorch/serve/"):
                continue
            if name.endswith("RequestHandler.class"):
                handlers.add(Path(name).stem)
            if "/grpc/" in name:
                found = re.findall(rb"org\.pytorch\.serve\.grpc\.\w+\.\w+/\w+", packed.read(name))
                methods |= {one.decode() for one in found}
    return handlers, methods


def _urls(server: RunningServer) -> dict[str, str]:
    return {
        "inference": server.inference_url,
        "management": server.management_url,
        "metrics": server.metrics_url,
    }
