"""What a gateway refuses, as HTTP statuses with one body: ``{"code", "type", "message"}``.

The gateway's modules raise these, and `gateway_app` answers with them. Example:
``MissingError("there is no dialogue 4f2a")`` is answered with 404 and the type ``not_found``.
"""

from http import HTTPStatus
from typing import ClassVar

from pydantic import BaseModel
from starlette.responses import JSONResponse

from todserve.runtime.errors import TodError


class GatewayError(TodError):
    """A refusal; ``retry_after`` seconds where trying again makes sense, else 0."""

    status: ClassVar[HTTPStatus]
    kind: ClassVar[str]
    retry_after: ClassVar[int] = 0


class MissingError(GatewayError):
    """What the address names does not exist."""

    status = HTTPStatus.NOT_FOUND
    kind = "not_found"


class ForbiddenError(GatewayError):
    """The token's role does not allow what was asked."""

    status = HTTPStatus.FORBIDDEN
    kind = "forbidden"


class ConflictError(GatewayError):
    """A message id that already stands for another text."""

    status = HTTPStatus.CONFLICT
    kind = "conflict"


class LabelError(GatewayError):
    """A label that the model does not know."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    kind = "unknown_label"


class TooLongError(GatewayError):
    """A dialogue with more turns than are asked again in one request."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    kind = "too_long"


class ExpiredError(GatewayError):
    """A dialogue that was left alone for too long takes no more turns."""

    status = HTTPStatus.GONE
    kind = "expired"


class RefusedError(GatewayError):
    """The model endpoint refused the request."""

    status = HTTPStatus.BAD_REQUEST
    kind = "request_error"


class BusyError(GatewayError):
    """The message before this one is still being answered."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    kind = "busy"
    retry_after = 1


class ReleaseError(GatewayError):
    """A version that cannot be released, or a gateway that may release none."""

    status = HTTPStatus.CONFLICT
    kind = "not_released"


class NotInstalledError(GatewayError):
    """A part of the gateway that needs a package which is not there."""

    status = HTTPStatus.NOT_IMPLEMENTED
    kind = "not_installed"


class ModelAwayError(GatewayError):
    """The model gave no answer; nothing was stored, and the same message may be sent again."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    kind = "model_unavailable"
    retry_after = 5


class StoreAwayError(GatewayError):
    """The database did not take it; nothing was stored, and the same message may come again."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    kind = "store_unavailable"
    retry_after = 5


class FaultBody(BaseModel):
    """The JSON of every refusal.

    Attributes:
        code: the HTTP status.
        type: which refusal, for programs.
        message: which refusal, for people.
    """

    code: int
    type: str
    message: str


def refusal(status: HTTPStatus, kind: str, message: str, retry_after: int = 0) -> JSONResponse:
    """Return the answer that every refusal is, with the headers that belong to its status."""
    headers = {}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if retry_after:
        headers["Retry-After"] = str(retry_after)
    body = FaultBody(code=int(status), type=kind, message=message)
    return JSONResponse(body.model_dump(), int(status), headers)
