"""KServePredictor: the model as KServe's own server library knows one, asked over gRPC.

KServe's server calls it for every request, and it hands the request to the worker. The library has
read the tensors already; they become the v2 body that they were, so that one code checks and
answers it. Over REST the endpoint's own routes stand before the library's: its reader would refuse
wrong bodies in words of its own that repeat what was sent. Example: ``ModelInfer`` with the BYTES
tensor ``turn``.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import numpy as np
from grpc_interceptor.exceptions import GrpcException, Internal, InvalidArgument, Unavailable
from kserve import InferOutput, InferRequest, InferResponse, Model

from todserve.fleet.endpoint_routes import ANSWER_TENSOR, TURN_TENSOR, Ask
from todserve.fleet.turn_queue import FullQueueError
from todserve.runtime.untrusted.json_text import parse_json
from todserve.runtime.worker.turn_worker import AskedBody, BodyReply


class KServePredictor(Model):  # type: ignore[misc]  # kserve ships no types
    """Answers the tensor ``turn`` with the tensor ``answer``."""

    def __init__(self, name: str, version: str, ask: Ask) -> None:
        super().__init__(name)
        self._version = version
        self._ask = ask
        self.ready = True

    def get_input_types(self) -> list[dict[str, object]]:
        """Return what goes in, as the metadata of the model has it."""
        return [TURN_TENSOR]

    def get_output_types(self) -> list[dict[str, object]]:
        """Return what comes out."""
        return [ANSWER_TENSOR]

    async def predict(
        self, payload: InferRequest, headers: Mapping[str, str] | None = None
    ) -> InferResponse:
        """Answer the turns of a request.

        Raises:
            GrpcException: the request is wrong, or cannot be answered now.
        """
        try:
            body = AskedBody(content=_body(payload), request_id=payload.id or "")
            reply = await self._ask(body)
        except FullQueueError as error:
            raise Unavailable(str(error)) from None
        told = parse_json(reply.content.decode())
        if reply.status is not HTTPStatus.OK:
            raise _fault(reply, told["message"])
        (tensor,) = told["outputs"]
        texts = np.array([text.encode() for text in tensor["data"]], dtype=object)
        output = InferOutput(tensor["name"], tensor["shape"], tensor["datatype"])
        output.set_data_from_numpy(texts, binary_data=payload.use_binary_outputs)
        return InferResponse(
            response_id=told["id"],
            model_name=self.name,
            model_version=self._version,
            infer_outputs=[output],
        )


def _fault(reply: BodyReply, message: str) -> GrpcException:
    if reply.status is HTTPStatus.BAD_REQUEST:
        return InvalidArgument(message)
    if reply.status is HTTPStatus.INSUFFICIENT_STORAGE:
        return Unavailable(message)
    return Internal(message)


def _body(request: InferRequest) -> dict[str, Any]:
    """Return the v2 body that a request was; what is not UTF-8 stays bytes, and is refused."""
    return {
        **({"id": request.id} if request.id else {}),
        "inputs": [
            {
                "name": tensor.name,
                "datatype": tensor.datatype,
                "shape": list(tensor.shape),
                "data": [_text(one) for one in np.ravel(tensor.as_numpy()).tolist()],
            }
            for tensor in request.inputs
        ],
        **(
            {"outputs": [{"name": output.name} for output in request.request_outputs]}
            if request.request_outputs
            else {}
        ),
    }


def _text(value: object) -> object:
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value
