"""The model endpoint's bodies as JSON Schema, generated from the types that read and write them.

`openapi_document` puts these into the document. Example:
``schemas()["TurnResponse"]["properties"]["intent"]``.

What a response holds is pydantic's own account of the wire's models. A request is read by hand
(`runtime.request`), so pydantic tells its keys and types, and the limits and the two spellings of a
slot's value are added here; a test holds the result against the parser. What only a checkpoint
knows, its domains and slots, no schema can say: a name that it lacks is refused with 400 too.
"""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, TypeAdapter

from todserve.runtime.wire.kserve import V1Request, V2Request
from todserve.runtime.wire.limits import RequestLimits
from todserve.runtime.wire.model_description import DESCRIBE, ModelDescription
from todserve.runtime.wire.request import TurnRequest
from todserve.runtime.wire.response import TurnResponse
from todserve.runtime.wire.turn_explanation import TurnExplanation

JsonSchema = dict[str, Any]

REF = "#/components/schemas/"
_TEMPLATE = REF + "{model}"
_NULL = {"type": "null"}
_NO_NUL = r"^[^\u0000]*$"
_NOT_BLANK = r"^[^\u0000]*[^\s\u0000\u001c-\u001f\u0085][^\u0000]*$"
_NO_VALUE = r"^\s*[Nn][Oo][Nn][Ee]\s*$"  # runtime.dialogue.DELETED, in any case
_SOMETIMES = {
    "TurnResponse": ("unconstrained", "now", "corrected"),  # see `response.encode`
    "SlotPrediction": ("normalised",),
    "NormalisedValue": ("currency", "parts"),
    "RefusedPrediction": ("detail",),
}
"""Keys of an answer that it has only where they say something."""
_ATTRIBUTE = re.compile(r"^    (?P<name>\w+): (?P<text>(?:.|\n(?=     ))+)", re.MULTILINE)


def schemas(limits: RequestLimits) -> dict[str, JsonSchema]:
    """Return name -> schema of every body; limits as the server was given them."""
    found: dict[str, JsonSchema] = {}
    request = TypeAdapter(TurnRequest).json_schema(ref_template=_TEMPLATE)
    _collect(found, "TurnRequest", request)
    _as_on_the_wire(found, limits)
    found |= _answers()
    _model(found, V1Request)
    found["V1Request"]["properties"]["instances"]["items"] = reference("TurnRequest")
    _model(found, V2Request)
    found["V2Input"]["properties"]["data"]["items"] |= _holding("TurnRequest")
    found |= _written_by_hand()
    return {name: _described(found[name]) for name in sorted(found)}


def reference(name: str) -> JsonSchema:
    """Return a reference to one of the schemas."""
    return {"$ref": REF + name}


def _answers() -> dict[str, JsonSchema]:
    """Return the schemas of a response, whose every key is always there but for a few."""
    found: dict[str, JsonSchema] = {}
    _model(found, TurnResponse)
    _model(found, ModelDescription)
    _model(found, TurnExplanation)
    for schema in found.values():
        if "properties" in schema:  # an enumeration has none
            schema["required"] = list(schema["properties"])
    for name, keys in _SOMETIMES.items():
        found[name]["required"] = [key for key in found[name]["required"] if key not in keys]
    return found


def _model(found: dict[str, JsonSchema], model: type[BaseModel]) -> None:
    _collect(found, model.__name__, model.model_json_schema(ref_template=_TEMPLATE))


def _collect(found: dict[str, JsonSchema], name: str, schema: JsonSchema) -> None:
    found.update(schema.pop("$defs", {}))
    found[name] = schema


def _as_on_the_wire(found: dict[str, JsonSchema], limits: RequestLimits) -> None:
    """Bring the type that a request becomes into the form in which it is sent."""
    name = _text(limits.max_name_characters)
    found |= _slot_values(_text(limits.max_value_characters) | {"not": {"pattern": _NO_VALUE}})
    found["Exchange"]["additionalProperties"] = False
    found["Exchange"]["properties"] |= {
        "user": _text(limits.max_characters),
        # A model may have said nothing, and the client then sends that back.
        "system": {"type": "string", "pattern": _NO_NUL, "maxLength": limits.max_characters},
    }
    request = found["TurnRequest"]
    request["additionalProperties"] = False
    keys = request["properties"]
    del keys["state_confidence"], keys["state_meant"]  # taken out of the state
    del keys["request_id"], keys["limits"], found["RequestLimits"]  # no parts of a body
    keys["user"] = _text(limits.max_characters)
    keys["history"] |= {"maxItems": limits.max_turns}
    keys["state"] = _named(name, _named(name, reference("SlotValue"), limits.max_slots))
    slots = {"type": "array", "items": name, "maxItems": limits.max_slots}
    keys["corrected"] = _named(name, slots, limits.max_slots) | {
        "description": keys["corrected"].get("description", "")
    }
    keys["domain"] = name
    keys["tasks"] |= {"minItems": 1}
    keys["top_k"] |= {"minimum": 1, "maximum": limits.max_results}
    for key in set(keys) - {"user"}:
        # null means the same as leaving the key out.
        plain = {word: part for word, part in keys[key].items() if word not in ("default", "title")}
        keys[key] = {"anyOf": [plain, _NULL]}


def _slot_values(value: JsonSchema) -> dict[str, JsonSchema]:
    probability = {"type": "number", "minimum": 0, "maximum": 1}
    text = {"type": "string", "pattern": _NO_NUL, "maxLength": value["maxLength"]}
    meaning = {
        "type": "object",
        "properties": {
            "type": text,
            "value": text,
            "currency": {"anyOf": [text, _NULL]},
            "parts": {"type": "object", "additionalProperties": text},
        },
        "required": ["type", "value"],
        "additionalProperties": False,
    }
    return {
        "SlotValue": {
            "description": "A slot's value: plain, or as an earlier response held it.",
            "anyOf": [value, reference("SlotEntry")],
        },
        "SlotEntry": {
            "description": "A value, with the confidence and the meaning an earlier response gave.",
            "type": "object",
            "properties": {
                "value": value,
                "confidence": {"anyOf": [probability, _NULL]},
                "normalised": {"anyOf": [meaning, _NULL]},
            },
            "required": ["value"],
            "additionalProperties": False,
        },
    }


def _text(most: int) -> JsonSchema:
    return {"type": "string", "pattern": _NOT_BLANK, "maxLength": most}


def _named(name: JsonSchema, value: JsonSchema, most: int | None = None) -> JsonSchema:
    bound = {} if most is None else {"maxProperties": most}
    return {"type": "object", "propertyNames": name, "additionalProperties": value, **bound}


def _written_by_hand() -> dict[str, JsonSchema]:
    """Return what no type of ours describes: KServe's answers and TorchServe's own bodies."""
    return {
        "DescribeRequest": {
            "description": "Asks what the model's labels are.",
            "type": "object",
            "properties": {DESCRIBE: {"const": True}},
            "required": [DESCRIBE],
            "additionalProperties": False,
        },
        "V1Response": {
            "description": "The answers in KServe's v1 protocol, in the order of the instances.",
            "type": "object",
            "properties": {"predictions": {"type": "array", "items": reference("TurnResponse")}},
            "required": ["predictions"],
        },
        "V1Explanations": {
            "description": "Why the instances are answered as they are, in their order.",
            "type": "object",
            "properties": {
                "explanations": {"type": "array", "items": reference("TurnExplanation")}
            },
            "required": ["explanations"],
        },
        "V2Output": {
            "description": "The one output tensor: each element is the JSON text of an answer.",
            "type": "object",
            "properties": {
                "name": {"enum": ["answer", "explanation"]},
                "datatype": {"const": "BYTES"},
                "shape": {"type": "array", "items": {"type": "integer"}, "maxItems": 1},
                "data": {
                    "type": "array",
                    "items": {"type": "string", **_holding("TurnResponse")},
                },
            },
            "required": ["name", "datatype", "shape", "data"],
        },
        "V2Response": {
            "description": "The answers in KServe's v2 protocol, in the order of the input.",
            "type": "object",
            "properties": {
                "model_name": {"type": "string"},
                "model_version": {"type": "string"},
                "id": {"type": "string"},
                "outputs": {"type": "array", "items": reference("V2Output")},
            },
            "required": ["model_name", "model_version", "id", "outputs"],
        },
        "Error": {
            "description": "Why there is no answer; TorchServe's own errors look the same.",
            "type": "object",
            "properties": {
                "code": {"type": "integer"},
                "type": {"type": "string"},
                "message": {"type": "string"},
            },
            "required": ["code", "type", "message"],
        },
        "Health": {
            "type": "object",
            "properties": {"status": {"enum": ["Healthy", "Partial Healthy", "Unhealthy"]}},
            "required": ["status"],
        },
        "Models": {
            "type": "object",
            "properties": {
                "nextPageToken": {"type": "string"},
                "models": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            "modelName": {"type": "string"},
                            "modelUrl": {"type": "string"},
                        },
                        "required": ["modelName", "modelUrl"],
                    },
                },
            },
            "required": ["models"],
        },
    }


def _holding(name: str) -> JsonSchema:
    return {"contentMediaType": "application/json", "contentSchema": reference(name)}


def _described(schema: JsonSchema) -> JsonSchema:
    """Move the attributes of a docstring to the properties they describe."""
    text = schema.get("description", "")
    opening, _, attributes = text.partition("\nAttributes:\n")
    described: JsonSchema = {key: part for key, part in schema.items() if key != "title"}
    if text:
        described["description"] = " ".join(opening.split())
    told: Mapping[str, str] = {
        match["name"]: " ".join(match["text"].split()) for match in _ATTRIBUTE.finditer(attributes)
    }
    if "properties" in described:
        described["properties"] = {
            name: {
                **{key: part for key, part in one.items() if key != "title"},
                **({"description": told[name]} if name in told else {}),
            }
            for name, one in described["properties"].items()
        }
    return described
