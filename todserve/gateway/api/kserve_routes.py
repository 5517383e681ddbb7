"""KServe's routes: its v1 and v2 inference protocols in front of the model, for official clients.

Another way to the model, beside dialogues: what is asked here is handed on as it came, and nothing
of it is stored. TorchServe answers turns in both protocols too, but not what clients ask about the
server and the model first. Example: ``GET /v2/models/tod`` names the tensors ``turn`` and
``answer``; ``POST /v1/models/tod:explain`` says why a turn is answered as it is.
"""

from importlib.metadata import version
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from todserve.gateway.api.dialogue_routes import REFUSALS
from todserve.gateway.api.health import HealthCheck
from todserve.gateway.api.roles import allowed, refuse_foreign_page
from todserve.gateway.conversations.model_clients import Forwarded, Models, Way
from todserve.gateway.gateway_errors import FaultBody, GatewayError
from todserve.runtime.wire.kserve import V1Request, V2Request

# A version is a part of its own in these addresses.
_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$"
_VERSION = r"^[0-9][0-9.]{0,19}$"
Name = Annotated[str, Path(pattern=_NAME)]
Version = Annotated[str, Path(pattern=_VERSION)]

_HANDED_ON = ("content-type", "content-encoding", "inference-header-content-length")
_EXTENSIONS = ("binary_tensor_data",)


def _takes(schema: Any) -> dict[str, Any]:
    """Return what the document says of a body that the model reads, not the gateway."""
    content = {"application/json": {"schema": schema.model_json_schema()}}
    return {"requestBody": {"required": True, "content": content}}


_V1, _V2 = _takes(V1Request), _takes(V2Request)


class ServerMetadata(BaseModel):
    """What the server is, as v2 has it."""

    name: str
    version: str
    extensions: tuple[str, ...]


class Live(BaseModel):
    """The process answers."""

    live: bool = True


class Ready(BaseModel):
    """Whether turns can be answered now."""

    ready: bool


class ModelReady(BaseModel):
    """Whether a model answers now."""

    name: str
    ready: bool


class TensorMetadata(BaseModel):
    """A tensor: -1 stands for as many turns as are sent."""

    name: str
    datatype: str
    shape: tuple[int, ...]


class ModelMetadata(BaseModel):
    """What a model takes and gives: in each text the JSON of a request, or of its answer."""

    name: str
    versions: tuple[str, ...]
    platform: str
    inputs: tuple[TensorMetadata, ...]
    outputs: tuple[TensorMetadata, ...]


def kserve_health(looking: HealthCheck) -> APIRouter:
    """Return the routes about the server, which ask for no token."""
    routes = APIRouter(tags=["KServe"])

    @routes.get("/v2")
    async def server() -> ServerMetadata:
        """Tell what the server is."""
        return ServerMetadata(name="todserve", version=version("todserve"), extensions=_EXTENSIONS)

    @routes.get("/v2/health/live")
    async def live() -> Live:
        """Say that the process is alive."""
        return Live()

    @routes.get("/v2/health/ready", responses={503: {"model": Ready}})
    def ready() -> JSONResponse:
        """Say whether the model answers, within the last second."""
        found = looking.look().model
        return JSONResponse({"ready": found}, 200 if found else 503)

    return routes


def kserve_routes(models: Models) -> APIRouter:
    """Return the routes about models, and those that ask one."""
    routes = APIRouter(tags=["KServe"], responses=REFUSALS, dependencies=[Depends(allowed)])

    @routes.get("/v1/models/{name}", responses={503: {"model": ModelReady}})
    def v1_ready(name: Name) -> JSONResponse:
        """Say whether a model answers."""
        return _readiness(models, name)

    @routes.get("/v2/models/{name}/ready", responses={503: {"model": ModelReady}})
    def v2_ready(name: Name) -> JSONResponse:
        """Say whether a model answers."""
        return _readiness(models, name)

    @routes.get("/v2/models/{name}/versions/{number}/ready", responses={503: {"model": ModelReady}})
    def version_ready(name: Name, number: Version) -> JSONResponse:
        """Say whether a version of a model answers."""
        return _readiness(models, name, number)

    @routes.get("/v2/models/{name}", response_model=ModelMetadata)
    def metadata(name: Name, request: Request) -> Any:
        """Tell what a model takes and gives."""
        return _metadata(models, name, None, request.state.request_id)

    @routes.get("/v2/models/{name}/versions/{number}", response_model=ModelMetadata)
    def version_metadata(name: Name, number: Version, request: Request) -> Any:
        """Tell what a version of a model takes and gives."""
        return _metadata(models, name, number, request.state.request_id)

    @routes.post("/v1/models/{name}:predict", openapi_extra=_V1)
    async def v1_predict(name: Name, request: Request) -> Response:
        """Answer ``{"instances": [...]}``; each is a request of the endpoint."""
        return await _asked(models, "predictions", name, request)

    @routes.post("/v1/models/{name}:explain", openapi_extra=_V1)
    async def v1_explain(name: Name, request: Request) -> Response:
        """Say of each of ``instances`` why it is answered as it is."""
        return await _asked(models, "explanations", name, request)

    @routes.post("/v2/models/{name}/infer", openapi_extra=_V2)
    async def v2_infer(name: Name, request: Request) -> Response:
        """Answer a tensor ``turn`` with a tensor ``answer``, in JSON or binary."""
        return await _asked(models, "predictions", name, request)

    @routes.post("/v2/models/{name}/explain", openapi_extra=_V2)
    async def v2_explain(name: Name, request: Request) -> Response:
        """Say of each text of the tensor ``turn`` why it is answered as it is."""
        return await _asked(models, "explanations", name, request)

    @routes.post("/v2/models/{name}/versions/{number}/infer", openapi_extra=_V2)
    async def version_infer(name: Name, number: Version, request: Request) -> Response:
        """Answer a tensor ``turn`` by one version of a model."""
        return await _asked(models, "predictions", f"{name}/{number}", request)

    return routes


def _readiness(models: Models, name: str, number: str | None = None) -> JSONResponse:
    found = models.answers(name if number is None else f"{name}/{number}")
    body = ModelReady(name=name, ready=found)
    return JSONResponse(body.model_dump(), 200 if found else 503)


def _metadata(models: Models, name: str, number: str | None, request_id: str) -> Any:
    try:
        known = models.describe(
            name if number is None else f"{name}/{number}", request_id=request_id
        )
    except GatewayError as error:
        return _told(error)
    return ModelMetadata(
        name=name,
        versions=(known.version,) if known else (),
        platform="todserve",
        inputs=(TensorMetadata(name="turn", datatype="BYTES", shape=(-1,)),),
        outputs=(TensorMetadata(name="answer", datatype="BYTES", shape=(-1,)),),
    )


async def _asked(models: Models, way: Way, model: str, request: Request) -> Response:
    """Hand a body on to the model, and its answer back."""
    # A page of another site could not read the answer, but have the model work.
    refuse_foreign_page(request, request.app.state.api_cors)
    content = await request.body()
    headers = {key: request.headers[key] for key in _HANDED_ON if key in request.headers}
    headers["x-request-id"] = request.state.request_id
    try:
        found: Forwarded = await run_in_threadpool(models.forward, way, model, content, headers)
    except GatewayError as error:
        return _told(error)
    return Response(found.content, found.status, found.headers)


def _told(error: GatewayError) -> JSONResponse:
    """Return a refusal that has the one key that KServe's clients look for, too."""
    body = FaultBody(code=int(error.status), type=error.kind, message=str(error)).model_dump()
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
    return JSONResponse({"error": str(error), **body}, int(error.status), headers)
