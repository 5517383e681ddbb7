r"""KServe's bodies: several turns in one request, as its v1 and v2 inference protocols write them.

The worker parses every body with it and writes the answers with it. TorchServe routes
``/v1/models/tod:predict`` and ``/v2/models/tod/infer`` to the same handler as ``/predictions/tod``
and does not pass the path on, so the body's shape tells them apart: ``instances`` is v1, ``inputs``
is v2, anything else is one turn. TorchServe's own envelopes read only the first body of a batch;
here every body keeps its place and all turns go to the engine together. Examples::

    {"instances": [{"user": "a train to ely"}, {"user": "a hotel"}]}
    {"id": "7", "inputs": [{"name": "turn", "datatype": "BYTES", "shape": [1],
                            "data": ["{\"user\": \"a train to ely\"}"]}]}

The official clients may put the texts behind the JSON (``binary_tensors``), and TorchServe's gRPC
service hands them on in base64; both are read. The same bodies ask for an explanation where
TorchServe's path said so: ``explanations`` of v1, a tensor ``explanation`` of v2.

Neither protocol has a place for one instance's error. A wrong instance therefore refuses its whole
body with 400 and a message that begins with its place, ``instances[1]: user: ...``; bodies beside
it in TorchServe's batch are answered as if they had come alone. The limits of one request hold for
each instance, and the size in bytes of one request for the whole body.
"""

import base64
import binascii
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from todserve.runtime.errors import RequestError
from todserve.runtime.untrusted.problem_words import EXPECTED, expectation
from todserve.runtime.wire import binary_tensors
from todserve.runtime.wire.body import read_body
from todserve.runtime.wire.key_checks import quote, wrong
from todserve.runtime.wire.limits import RequestLimits
from todserve.runtime.wire.model_description import DESCRIBE, check_description
from todserve.runtime.wire.request import TurnRequest, parse_request
from todserve.runtime.wire.response import TurnResponse, encode
from todserve.runtime.wire.turn_explanation import TurnExplanation

MOST_INSTANCES = 64
"""Turns in one body; more would keep the worker from every other client for too long."""

_ENVELOPE_DEPTH = 2  # the object and the array around an instance
_FIX_V1 = 'send {"instances": [{"user": "..."}]}'
_FIX_V2 = (
    'send {"inputs": [{"name": "turn", "datatype": "BYTES", "shape": [1], '
    '"data": ["{\\"user\\": \\"...\\"}"]}]}'
)


class BodyForm(StrEnum):
    """What a body is: one turn, several in one of KServe's protocols, or a question about us."""

    TURN = "turn"
    DESCRIPTION = "description"
    V1 = "v1"
    V2 = "v2"


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class V1Request(_Strict):
    """Several turns in KServe's v1 protocol: each instance is a turn request."""

    instances: list[Any] = Field(min_length=1, max_length=MOST_INSTANCES)


class V2Input(_Strict):
    """The one input tensor: each element is the JSON text of a turn request."""

    name: Literal["turn"]
    datatype: Literal["BYTES"]
    shape: list[Annotated[int, Field(ge=1, le=MOST_INSTANCES)]] = Field(min_length=1, max_length=1)
    texts: list[str] = Field(alias="data", min_length=1, max_length=MOST_INSTANCES)
    parameters: dict[str, Any] | None = None


class V2RequestedOutput(_Strict):
    """An output that the client names; there is one, and another of an explanation."""

    name: Literal["answer", "explanation"]
    parameters: dict[str, Any] | None = None


class V2Request(_Strict):
    """Several turns in KServe's v2 protocol.

    The address names the model: what the body says of it changes nothing. Of the parameters those
    count that ask for a binary answer.
    """

    id: str | None = Field(default=None, max_length=200)
    model_name: str | None = Field(default=None, max_length=200)
    model_version: str | None = Field(default=None, max_length=200)
    parameters: dict[str, Any] | None = None
    inputs: list[V2Input] = Field(min_length=1, max_length=1)
    outputs: list[V2RequestedOutput] | None = Field(default=None, max_length=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class TurnsBody:
    """The turns that one HTTP body asks for, and the protocol in which it asks.

    Attributes:
        form: how it was written, and so how the answer is.
        requests: its turns, in its order; one for ``TURN``, none for ``DESCRIPTION``.
        request_id: the client's ``id`` of a v2 body.
        binary: whether a v2 body asked for its answers behind the JSON.
    """

    form: BodyForm
    requests: tuple[TurnRequest, ...]
    request_id: str | None = None
    binary: bool = False


def parse_body(body: object, *, limits: RequestLimits, json_length: str = "") -> TurnsBody:
    """Return the turns in ``body``: one, several of a v1 or v2 body, none of a ``describe``.

    Args:
        body: a mapping, or its JSON as text or UTF-8 bytes.
        limits: what is too much.
        json_length: the header that says where the JSON ends and binary texts begin; "" for none.

    Raises:
        RequestError: what is wrong, what was expected, and the fix; of an instance, its place.
    """
    room = limits.model_copy(update={"max_depth": limits.max_depth + _ENVELOPE_DEPTH})
    if json_length and isinstance(body, bytes | bytearray):
        text, behind = binary_tensors.parts(bytes(body), json_length)
        mapping = binary_tensors.with_texts(read_body(text, room), behind)
    else:
        mapping = read_body(body, room)
    if DESCRIBE in mapping:
        check_description(mapping)
        return TurnsBody(form=BodyForm.DESCRIPTION, requests=())
    if "instances" in mapping:
        return _parse_v1(mapping, limits)
    if "inputs" in mapping:
        return _parse_v2(mapping, limits)
    return TurnsBody(form=BodyForm.TURN, requests=(parse_request(mapping, limits=limits),))


@dataclass(frozen=True, kw_only=True, slots=True)
class WrittenAnswers:
    """The answer to a body, as it goes out.

    Attributes:
        content: all of it.
        json_length: how much of it is JSON, where texts stand behind it; else None.
    """

    content: bytes
    json_length: int | None = None


def written_answers(
    body: TurnsBody,
    answers: Sequence[TurnResponse | TurnExplanation],
    *,
    request_id: str | None = None,
) -> WrittenAnswers:
    """Return the answers to a body, in the form it was written in.

    Args:
        body: what was asked.
        answers: one for each of its requests, in their order; all of one kind.
        request_id: goes into the answer to a v2 body that gave no ``id``.
    """
    explained = isinstance(answers[0], TurnExplanation)
    plain = [
        encode(one) if isinstance(one, TurnResponse) else one.model_dump(mode="json")
        for one in answers
    ]
    if body.form is BodyForm.TURN:
        return WrittenAnswers(content=as_json(plain[0]))
    if body.form is BodyForm.V1:
        key = "explanations" if explained else "predictions"
        return WrittenAnswers(content=as_json({key: plain}))
    texts = [json.dumps(one, ensure_ascii=False) for one in plain]
    behind = binary_tensors.of_texts(texts) if body.binary else b""
    tensor: dict[str, object] = {
        "name": "explanation" if explained else "answer",
        "datatype": "BYTES",
        "shape": [len(plain)],
    }
    if body.binary:
        tensor["parameters"] = {binary_tensors.SIZE: len(behind)}
    else:
        tensor["data"] = texts
    head = as_json(
        {
            "model_name": answers[0].model.name,
            "model_version": answers[0].model.version,
            "id": body.request_id if body.request_id is not None else request_id or "",
            "outputs": [tensor],
        }
    )
    return WrittenAnswers(content=head + behind, json_length=len(head) if body.binary else None)


def as_json(value: object) -> bytes:
    """Return a value's JSON in UTF-8."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", errors="replace")


def place_of(form: BodyForm, index: int) -> str:
    """Return where an instance stood in its body, to begin a message with; "" for one turn."""
    return {
        BodyForm.TURN: "",
        BodyForm.DESCRIPTION: "",
        BodyForm.V1: f"instances[{index}]: ",
        BodyForm.V2: f"inputs[0].data[{index}]: ",
    }[form]


def _parse_v1(mapping: Mapping[object, object], limits: RequestLimits) -> TurnsBody:
    try:
        found = V1Request.model_validate(dict(mapping))
    except ValidationError as error:
        raise _refused(error, _FIX_V1) from None

    def instance(value: object) -> TurnRequest:
        if not isinstance(value, Mapping):
            raise wrong("instance", value, "an object", _FIX_V1)
        return parse_request(value, limits=limits)

    requests = _each(found.instances, BodyForm.V1, instance)
    return TurnsBody(form=BodyForm.V1, requests=tuple(requests))


def _parse_v2(mapping: Mapping[object, object], limits: RequestLimits) -> TurnsBody:
    try:
        found = V2Request.model_validate(dict(mapping))
    except ValidationError as error:
        raise _refused(error, _FIX_V2) from None
    (tensor,) = found.inputs
    if tensor.shape != [len(tensor.texts)]:
        raise RequestError(
            f"inputs[0].shape: got {tensor.shape}; expected [{len(tensor.texts)}], the number of "
            "texts in data"
        )
    requests = _each(
        tensor.texts, BodyForm.V2, lambda text: parse_request(_plain(text), limits=limits)
    )
    return TurnsBody(
        form=BodyForm.V2,
        requests=tuple(requests),
        request_id=found.id,
        binary=_wants_binary(found),
    )


def _plain(text: str) -> str:
    """Return a text that TorchServe's gRPC service has put into base64 as it was before."""
    # Base64 has no brace, with which every request begins, so the two cannot be mistaken.
    try:
        return base64.b64decode(text, validate=True).decode("utf-8") if text else text
    except (binascii.Error, ValueError):
        return text


def _wants_binary(found: V2Request) -> bool:
    """Say whether the answer shall stand behind the JSON; an output's own word counts first."""
    given: object = (found.parameters or {}).get("binary_data_output")
    for output in found.outputs or ():
        given = (output.parameters or {}).get("binary_data", given)
    return given is True


def _each(
    values: Sequence[Any], form: BodyForm, parse: Callable[[Any], TurnRequest]
) -> Iterator[TurnRequest]:
    for index, value in enumerate(values):
        try:
            yield parse(value)
        except RequestError as error:
            raise RequestError(place_of(form, index) + str(error)) from None


def _refused(error: ValidationError, fix: str) -> RequestError:
    # Neither the input nor a message that may quote it: it may be an utterance.
    first = error.errors(include_input=False, include_url=False)[0]
    place = first["loc"]
    if first["type"] == "extra_forbidden":
        where = _path(place[:-1]) or "request"
        return RequestError(f"{where}: unknown key {quote(place[-1])}; {fix}")
    return RequestError(f"{_path(place) or 'request'}: {expectation(first, _EXPECTED)}; {fix}")


_EXPECTED = {
    **EXPECTED,
    "list_type": "expected an array",
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), "expected an object"),
}
"""In the words of JSON."""


def _path(location: Sequence[int | str]) -> str:
    # Below parameters the client chooses the names.
    known = [*takewhile(lambda part: part != "parameters", location)]
    parts = [*known, *location[len(known) : len(known) + 1]]
    return "".join(
        f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts
    ).removeprefix(".")
