r"""KServe's bodies: several turns in one request, as its v1 and v2 inference protocols write them.

First and last on the way of a request, between the handler and the wire. TorchServe routes
``/v1/models/tod:predict`` and ``/v2/models/tod/infer`` to the same handler as ``/predictions/tod``
and does not pass the path on, so the body's shape tells them apart: ``instances`` is v1, ``inputs``
is v2, anything else is one turn. TorchServe's own envelopes read only the first body of a batch;
here every body keeps its place and all turns go to the engine together. Examples::

    {"instances": [{"user": "a train to ely"}, {"user": "a hotel"}]}
    {"id": "7", "inputs": [{"name": "turn", "datatype": "BYTES", "shape": [1],
                            "data": ["{\"user\": \"a train to ely\"}"]}]}

Neither protocol has a place for one instance's error. A wrong instance therefore refuses its whole
body with 400 and a message that begins with its place, ``instances[1]: user: ...``; bodies beside
it in TorchServe's batch are answered as if they had come alone. The limits of one request hold for
each instance, and the size in bytes of one request for the whole body.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from todserve.runtime.errors import RequestError
from todserve.runtime.wire.body import read_body
from todserve.runtime.wire.key_checks import quote, wrong
from todserve.runtime.wire.limits import RequestLimits
from todserve.runtime.wire.model_description import DESCRIBE, check_description
from todserve.runtime.wire.request import TurnRequest, parse_request
from todserve.runtime.wire.response import TurnResponse, encode

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
    """An output that the client names; there is one."""

    name: Literal["answer"]
    parameters: dict[str, Any] | None = None


class V2Request(_Strict):
    """Several turns in KServe's v2 protocol; parameters are accepted and change nothing."""

    id: str | None = Field(default=None, max_length=200)
    parameters: dict[str, Any] | None = None
    inputs: list[V2Input] = Field(min_length=1, max_length=1)
    outputs: list[V2RequestedOutput] | None = Field(default=None, max_length=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class TurnsBody:
    """What one HTTP body asked for.

    Attributes:
        form: how it was written, and so how the answer is.
        requests: its turns, in its order; one for ``TURN``, none for ``DESCRIPTION``.
        request_id: the client's ``id`` of a v2 body.
    """

    form: BodyForm
    requests: tuple[TurnRequest, ...]
    request_id: str | None = None


def parse_body(body: object, *, limits: RequestLimits) -> TurnsBody:
    """Return the turns in ``body``: one, several of a v1 or v2 body, none of a ``describe``.

    Raises:
        RequestError: what is wrong, what was expected, and the fix; of an instance, its place.
    """
    room = limits.model_copy(update={"max_depth": limits.max_depth + _ENVELOPE_DEPTH})
    mapping = read_body(body, room)
    if DESCRIBE in mapping:
        check_description(mapping)
        return TurnsBody(form=BodyForm.DESCRIPTION, requests=())
    if "instances" in mapping:
        return _parse_v1(mapping, limits)
    if "inputs" in mapping:
        return _parse_v2(mapping, limits)
    return TurnsBody(form=BodyForm.TURN, requests=(parse_request(mapping, limits=limits),))


def encode_answers(
    body: TurnsBody, answers: Sequence[TurnResponse], *, request_id: str | None = None
) -> dict[str, object]:
    """Return the answers to a body, in the form it was written in.

    Args:
        body: what was asked.
        answers: one for each of its requests, in their order.
        request_id: goes into the answer to a v2 body that gave no ``id``.
    """
    if body.form is BodyForm.TURN:
        return encode(answers[0])
    plain = [encode(answer) for answer in answers]
    if body.form is BodyForm.V1:
        return {"predictions": plain}
    return {
        "model_name": answers[0].model.name,
        "model_version": answers[0].model.version,
        "id": body.request_id if body.request_id is not None else request_id or "",
        "outputs": [
            {
                "name": "answer",
                "datatype": "BYTES",
                "shape": [len(plain)],
                "data": [json.dumps(one, ensure_ascii=False) for one in plain],
            }
        ],
    }


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
    requests = _each(tensor.texts, BodyForm.V2, lambda text: parse_request(text, limits=limits))
    return TurnsBody(form=BodyForm.V2, requests=tuple(requests), request_id=found.id)


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
    reason = first["msg"][:1].lower() + first["msg"][1:]
    return RequestError(f"{_path(place) or 'request'}: {reason}; {fix}")


def _path(location: Sequence[int | str]) -> str:
    # Below parameters the client chooses the names.
    known = [*takewhile(lambda part: part != "parameters", location)]
    parts = [*known, *location[len(known) : len(known) + 1]]
    return "".join(
        f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts
    ).removeprefix(".")
