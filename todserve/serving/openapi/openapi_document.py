"""The model endpoint as an OpenAPI 3.1 document: every path, body and error that a client meets.

``docs/openapi.json`` is what `write_document` writes; a test compares the two. The gateway
describes itself, at its own ``/openapi.json``.
Example: ``document()["paths"]["/predictions/{model}"]["post"]["operationId"]`` is ``predict``.
"""

import json
from http import HTTPStatus
from pathlib import Path

from todserve.runtime.wire.limits import DEFAULT_LIMITS
from todserve.runtime.wire.turn_events import IN_LINES
from todserve.serving.openapi.openapi_schemas import JsonSchema, reference, schemas

DEFAULT_PATH = Path("docs/openapi.json")

VERSION = "1.0"
"""Of the endpoint as a contract; not of the model, nor of this package."""

_MANAGEMENT = [{"url": "http://127.0.0.1:8081", "description": "management_address"}]
_TURN = {"user": "a cheap restaurant in the centre", "tasks": ["belief_state", "response"]}
_ANSWERS = ("TurnResponse", "ModelDescription")
_REFUSALS = {
    HTTPStatus.BAD_REQUEST: "The body is wrong; the message says what, got, expected and the fix.",
    HTTPStatus.NOT_FOUND: "There is no such model or version.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "The turn failed, or its worker died; try again later.",
    HTTPStatus.SERVICE_UNAVAILABLE: "No worker, or the queue is full; try again later.",
    HTTPStatus.INSUFFICIENT_STORAGE: "The worker is out of memory; try again later.",
}


def document() -> JsonSchema:
    """Return the document, as plain JSON types."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "todserve model endpoint",
            "version": VERSION,
            "summary": "One call answers a whole dialogue turn; the server keeps no state.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "http://127.0.0.1:8080", "description": "inference_address"}],
        # Tokens are off on loopback, see config.properties.
        "security": [{}, {"token": []}],
        "paths": _paths(),
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas(DEFAULT_LIMITS),
        },
    }


def write_document(path: Path = DEFAULT_PATH) -> None:
    """Write the document to ``path``."""
    text = json.dumps(document(), indent=2, ensure_ascii=False) + "\n"
    path.write_text(text, encoding="utf-8")


def _paths() -> JsonSchema:
    turn_bodies = {
        "application/json": {
            "schema": {"anyOf": [reference("TurnRequest"), reference("DescribeRequest")]},
            "example": _TURN,
        },
        "text/plain": {
            "schema": {
                "description": "One bare utterance without history, in UTF-8.",
                "type": "string",
                "pattern": r"\S",
                "maxLength": DEFAULT_LIMITS.max_characters,
            },
            "example": _TURN["user"],
        },
    }
    tensor = {"name": "turn", "datatype": "BYTES", "shape": [1], "data": [json.dumps(_TURN)]}
    v1 = {"schema": reference("V1Request"), "example": {"instances": [_TURN]}}
    v2 = {"schema": reference("V2Request"), "example": {"id": "7", "inputs": [tensor]}}
    return {
        "/predictions/{model}": {
            "parameters": [_parameter("model")],
            "post": _in_lines(
                _operation("predict", "Answer one turn, or tell the labels", turn_bodies, *_ANSWERS)
            ),
        },
        "/predictions/{model}/{version}": {
            "parameters": [_parameter("model"), _parameter("version", "1.0")],
            "post": _in_lines(
                _operation(
                    "predictWithVersion",
                    "Answer one turn with a version of the model, or tell its labels",
                    turn_bodies,
                    *_ANSWERS,
                )
            ),
        },
        "/v1/models/{model}:predict": {
            "parameters": [_parameter("model")],
            "post": _operation(
                "predictV1",
                "Answer several turns, KServe's v1 protocol; one wrong instance refuses them all",
                {"application/json": v1},
                "V1Response",
            ),
        },
        "/v2/models/{model}/infer": {
            "parameters": [_parameter("model")],
            "post": _operation(
                "inferV2",
                "Answer several turns, KServe's v2 protocol; one wrong element refuses them all",
                {"application/json": v2},
                "V2Response",
            ),
        },
        "/explanations/{model}": {
            "parameters": [_parameter("model")],
            "post": _operation(
                "explain",
                "Say why a turn is answered as it is",
                {"application/json": {"schema": reference("TurnRequest"), "example": _TURN}},
                "TurnExplanation",
            ),
        },
        "/v1/models/{model}:explain": {
            "parameters": [_parameter("model")],
            "post": _operation(
                "explainV1",
                "Say why several turns are answered as they are, KServe's v1 protocol",
                {"application/json": v1},
                "V1Explanations",
            ),
        },
        "/v2/models/{model}/explain": {
            "parameters": [_parameter("model")],
            "post": _operation(
                "explainV2",
                "Say why several turns are answered as they are, KServe's v2 protocol",
                {"application/json": v2},
                "V2Response",
            ),
        },
        "/ping": {"get": _reading("ping", "Whether every model has its workers", "Health")},
        "/models": {
            "servers": _MANAGEMENT,
            "parameters": [
                _query("limit", "How many to list; 100 without a number."),
                _query("next_page_token", "Where to go on, as nextPageToken said."),
            ],
            "get": _reading("listModels", "The models of this server", "Models"),
        },
    }


def _operation(name: str, summary: str, bodies: JsonSchema, *answers: str) -> JsonSchema:
    return {
        "operationId": name,
        "summary": summary,
        "requestBody": {"required": True, "content": bodies},
        "responses": {
            "200": _response("The answer.", *answers),
            **{str(int(code)): _response(text, "Error") for code, text in _REFUSALS.items()},
            # TorchServe answers this one without a body.
            "413": {"description": "The body is larger than max_request_size."},
        },
    }


def _in_lines(operation: JsonSchema) -> JsonSchema:
    """Add that a turn may be told in two lines to an operation that answers one."""
    told = (
        f"With `Accept: {IN_LINES}` a turn comes in two lines: first what was understood, while "
        "the reply is being written, then the whole turn. One that fails in between has an error "
        "as its second line."
    )
    content = {**operation["responses"]["200"]["content"], IN_LINES: {"schema": {"type": "string"}}}
    answered = {**operation["responses"]["200"], "content": content}
    responses = {**operation["responses"], "200": answered}
    return {**operation, "description": told, "responses": responses}


def _reading(name: str, summary: str, answer: str) -> JsonSchema:
    return {
        "operationId": name,
        "summary": summary,
        "responses": {"200": _response("As asked.", answer)},
    }


def _response(description: str, *names: str) -> JsonSchema:
    schemas = [reference(name) for name in names]
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _parameter(name: str, example: str = "tod") -> JsonSchema:
    schema = {"type": "string", "minLength": 1}
    return {"name": name, "in": "path", "required": True, "schema": schema, "example": example}


def _query(name: str, description: str) -> JsonSchema:
    # TorchServe takes any text and ignores what is no number.
    return {"name": name, "in": "query", "description": description, "schema": {"type": "string"}}
