"""The model endpoint's OpenAPI document: valid, written down, and true to the parser."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.support.source_tree import ROOT
from todserve.runtime.errors import RequestError
from todserve.runtime.wire.kserve import parse_body, written_answers
from todserve.runtime.wire.limits import DEFAULT_LIMITS
from todserve.runtime.wire.request import parse_request, parse_text
from todserve.runtime.wire.response import (
    ActiveDomain,
    ActPrediction,
    DatabaseMatches,
    IntentPrediction,
    ModelIdentity,
    NormalisedValue,
    ResponsePrediction,
    SlotPrediction,
    TurnResponse,
    UnconstrainedConfidence,
    encode,
    encode_error,
)
from todserve.serving.openapi.openapi_document import DEFAULT_PATH, document, write_document

DOCUMENT: dict[Any, Any] = document()
TURN: dict[str, Any] = {"user": "to ely please"}
STATE: dict[str, Any] = {"train": {"day": {"value": "friday", "confidence": 0.9}, "people": "2"}}
EXCHANGE = {"user": "a train", "system": "where to?"}
TENSOR = {"name": "turn", "datatype": "BYTES", "shape": [1], "data": [json.dumps(TURN)]}

BARE = TurnResponse(model=ModelIdentity(name="tod", version="1.0", checkpoint="c"))
FULL = TurnResponse(
    intent=IntentPrediction(name="find_train", confidence=0.99),
    belief_state={
        "train": {
            "day": SlotPrediction(
                value="friday", normalised=NormalisedValue(type="date", value="2026-12-04")
            )
        }
    },
    domain=ActiveDomain(active="train", switched=True, reason="new slots"),
    database=DatabaseMatches(domain="train", matches=1, results=({"id": "TR1234"},)),
    dialogue_act=(ActPrediction(domain="train", act="inform", slot="id"),),
    response=ResponsePrediction(text="TR1234.", delexicalised="[value_id] .", unfilled=("day",)),
    consistent=True,
    unparsed={"belief_state": ("[x",)},
    model=BARE.model,
    timing_ms={"total": 12.5},
    unconstrained=UnconstrainedConfidence(intent=0.5, belief_state={"train": {"day": 0.4}}),
    now=datetime(2026, 11, 28, tzinfo=UTC),
    corrected={"train": ("day",)},
)


def is_valid(body: object, schema: str) -> bool:
    """Whether a body is what the document says; references are resolved inside it."""
    root = {"$ref": f"#/components/schemas/{schema}", "components": DOCUMENT["components"]}
    return bool(OAS31Validator(root).is_valid(body))


def is_accepted(body: object) -> bool:
    try:
        parse_body(json.dumps(body).encode(), limits=DEFAULT_LIMITS)
    except RequestError:
        return False
    return True


def test_document_is_valid_openapi() -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []


def test_written_document_is_the_generated_one() -> None:
    written = json.loads((ROOT / DEFAULT_PATH).read_text(encoding="utf-8"))
    assert written == DOCUMENT, (
        "write it anew: todserve.serving.openapi.openapi_document.write_document()"
    )


def test_document_is_written_as_it_is(tmp_path: Path) -> None:
    write_document(tmp_path / "openapi.json")
    assert (tmp_path / "openapi.json").read_bytes() == (ROOT / DEFAULT_PATH).read_bytes()


@pytest.mark.parametrize(
    "body",
    [
        TURN,
        TURN | {"history": [EXCHANGE, EXCHANGE | {"system": ""}], "state": STATE},
        TURN | {"domain": "train", "tasks": ["intent", "intent"], "top_k": 20},
        dict.fromkeys(("history", "state", "domain", "tasks", "top_k")) | TURN,
        TURN | {"state": {"train": {"day": {"value": "nonesuch", "confidence": None}}}},
        TURN | {"state": {"train": {}}, "history": []},
        TURN | {"corrected": {"train": ["day", "people"], "hotel": []}},
        {"user": "x" * 4_000},
    ],
)
def test_turn_that_the_parser_accepts_is_valid(body: dict[str, Any]) -> None:
    assert is_accepted(body)
    assert is_valid(body, "TurnRequest")


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        "hello",
        {"user": None},
        {"user": 5},
        {"user": ""},
        {"user": " \n"},
        {"user": "x" * 4_001},
        TURN | {"usr": "x"},
        TURN | {"state_confidence": {}},
        TURN | {"history": EXCHANGE},
        TURN | {"history": [EXCHANGE] * 101},
        TURN | {"history": [{"user": "a train"}]},
        TURN | {"history": [EXCHANGE | {"user": ""}]},
        TURN | {"history": [EXCHANGE | {"more": ""}]},
        TURN | {"state": []},
        TURN | {"state": {"train": "friday"}},
        TURN | {"state": {" ": {"day": "friday"}}},
        TURN | {"state": {"x" * 65: {"day": "friday"}}},
        TURN | {"state": {"train": {"day": None}}},
        TURN | {"state": {"train": {"day": 5}}},
        TURN | {"state": {"train": {"day": " None "}}},
        TURN | {"state": {"train": {"day": "x" * 201}}},
        TURN | {"state": {"train": {"day": {"confidence": 0.5}}}},
        TURN | {"state": {"train": {"day": {"value": "friday", "confidence": 1.5}}}},
        TURN | {"state": {"train": {"day": {"value": "friday", "sure": True}}}},
        TURN | {"state": {"train": {str(number): "x" for number in range(201)}}},
        TURN | {"corrected": ["day"]},
        TURN | {"corrected": {"train": "day"}},
        TURN | {"corrected": {"train": [5]}},
        TURN | {"domain": ""},
        TURN | {"domain": 5},
        TURN | {"tasks": []},
        TURN | {"tasks": ["belief"]},
        TURN | {"tasks": "intent"},
        TURN | {"top_k": 0},
        TURN | {"top_k": 21},
        TURN | {"top_k": True},
        TURN | {"top_k": 1.5},
    ],
)
def test_turn_that_the_parser_refuses_is_not_valid(body: object) -> None:
    assert not is_accepted(body)
    assert not is_valid(body, "TurnRequest")


@pytest.mark.parametrize(
    ("body", "schema", "right"),
    [
        ({"instances": [TURN]}, "V1Request", True),
        ({"instances": [TURN] * 64}, "V1Request", True),
        ({"instances": [TURN] * 65}, "V1Request", False),
        ({"instances": []}, "V1Request", False),
        ({"instances": [{"usr": ""}]}, "V1Request", False),
        ({"instances": [TURN], "parameters": {}}, "V1Request", False),
        ({"inputs": [TENSOR]}, "V2Request", True),
        ({"inputs": [TENSOR], "id": "7", "outputs": [{"name": "answer"}]}, "V2Request", True),
        ({"inputs": [TENSOR], "id": None, "parameters": {"x": [1]}}, "V2Request", True),
        ({"inputs": [TENSOR | {"datatype": "FP32"}]}, "V2Request", False),
        ({"inputs": [TENSOR | {"shape": [1, 1]}]}, "V2Request", False),
        ({"inputs": [TENSOR | {"data": [TURN]}]}, "V2Request", False),
        ({"inputs": []}, "V2Request", False),
        ({"inputs": [TENSOR], "id": 7}, "V2Request", False),
    ],
)
def test_bodies_of_several_turns_are_valid_when_they_are_accepted(
    body: dict[str, Any], schema: str, *, right: bool
) -> None:
    assert is_accepted(body) is right
    assert is_valid(body, schema) is right


@pytest.mark.parametrize("response", [BARE, FULL])
def test_every_answer_is_as_the_document_says(response: TurnResponse) -> None:
    assert is_valid(encode(response), "TurnResponse")
    several = [({"instances": [TURN]}, "V1Response"), ({"inputs": [TENSOR]}, "V2Response")]
    for body, schema in several:
        asked = parse_body(json.dumps(body), limits=DEFAULT_LIMITS)
        written = written_answers(asked, [response], request_id="1")
        assert is_valid(json.loads(written.content), schema)
    assert is_valid(encode_error("why"), "Error")


def test_every_key_of_an_answer_is_described_and_promised() -> None:
    schema = DOCUMENT["components"]["schemas"]["TurnResponse"]
    assert set(schema["properties"]) == set(encode(FULL))
    assert set(schema["required"]) == set(encode(BARE))
    assert all("description" in one for one in schema["properties"].values())


def test_examples_are_accepted() -> None:
    seen = 0
    for path in DOCUMENT["paths"].values():
        for kind, content in path.get("post", {}).get("requestBody", {}).get("content", {}).items():
            parse = parse_text if kind == "text/plain" else parse_body
            parse(content["example"], limits=DEFAULT_LIMITS)
            seen += 1
    assert seen == 9


def test_limits_of_the_document_are_the_parsers() -> None:
    with pytest.raises(RequestError, match="expected at most 4000"):
        parse_request({"user": "x" * 4_001})
    properties = DOCUMENT["components"]["schemas"]["TurnRequest"]["properties"]
    assert properties["user"]["maxLength"] == DEFAULT_LIMITS.max_characters
