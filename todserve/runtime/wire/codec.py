"""Wire: the one door between JSON and the pipeline's own types.

The handler, the client and the evaluation read requests and write responses through here, so
that the format has one definition. Standard library and pydantic only.
Example: ``encode(pipeline.answer([parse_request(body)])[0])``.
"""

from todserve.runtime.language.prompts import Exchange
from todserve.runtime.wire.limits import DEFAULT_LIMITS, RequestLimits
from todserve.runtime.wire.model_description import ModelDescription
from todserve.runtime.wire.request import (
    ALL_TASKS,
    DEFAULT_TOP_K,
    TurnRequest,
    parse_request,
    parse_text,
)
from todserve.runtime.wire.response import (
    ActiveDomain,
    ActPrediction,
    DatabaseMatches,
    IntentPrediction,
    ModelIdentity,
    ReadAs,
    ResponsePrediction,
    SlotPrediction,
    TurnResponse,
    UnconstrainedConfidence,
    WordChange,
    decode,
    encode,
    encode_error,
)

__all__ = [
    "ALL_TASKS",
    "DEFAULT_LIMITS",
    "DEFAULT_TOP_K",
    "ActPrediction",
    "ActiveDomain",
    "DatabaseMatches",
    "Exchange",
    "IntentPrediction",
    "ModelDescription",
    "ModelIdentity",
    "ReadAs",
    "RequestLimits",
    "ResponsePrediction",
    "SlotPrediction",
    "TurnRequest",
    "TurnResponse",
    "UnconstrainedConfidence",
    "WordChange",
    "decode",
    "encode",
    "encode_error",
    "parse_request",
    "parse_text",
]
