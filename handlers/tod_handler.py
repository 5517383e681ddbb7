"""TorchServe handler of a dialogue turn: bodies in, JSON out, one status for each body.

First and last on the way of a request: TorchServe -> here -> wire -> pipeline -> wire -> here.
TorchServe allows one class in this module; the work is done in ``todserve.runtime``, which travels
in the archive beside it. A body is one turn, or several in KServe's v1 or v2 protocol; the turns of
all bodies go to the pipeline together and are put together again, see ``runtime.kserve`` for what a
wrong one of several does, and ``{"describe": true}`` asks what the model's labels are. A plain
class, not a BaseHandler: TorchServe asks for ``initialize`` and ``handle`` alone, and BaseHandler
brings loaders of pickled models that must never be reached.
Example: ``POST /predictions/tod`` with ``{"user": "a train to ely"}``.
"""

import json
import logging
import time
import traceback
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

from todserve.runtime.checkpoint_description import describe
from todserve.runtime.engines.engine_settings import (
    DecodingSettings,
    EngineSettings,
    ReadingSettings,
)
from todserve.runtime.errors import RequestError
from todserve.runtime.inner_paths import inner_path
from todserve.runtime.pipeline import Pipeline
from todserve.runtime.wire.key_checks import is_request_id
from todserve.runtime.wire.kserve import BodyForm, TurnsBody, encode_answers, parse_body, place_of
from todserve.runtime.wire.limits import DEFAULT_LIMITS, RequestLimits
from todserve.runtime.wire.request import TurnRequest, parse_text
from todserve.runtime.wire.response import TurnResponse, encode_error

_NO_BODY = (
    'request: no body; send {"user": "..."} with the header Content-Type: application/json '
    "(without one, curl -d sends a form)"
)
_log = logging.getLogger(__name__)


class TodHandler:
    """Answers a TorchServe batch with two engine calls; a bad request fails alone."""

    def __init__(self) -> None:
        self._pipeline: Pipeline | None = None
        self._limits = DEFAULT_LIMITS
        self._description: dict[str, object] = {}

    def initialize(self, context: Any) -> None:
        """Load the checkpoint beside this file, as the ``handler`` section of the YAML says."""
        section = (context.model_yaml_config or {}).get("handler") or {}
        folder, model = Path(context.system_properties["model_dir"]), context.manifest["model"]
        # Nothing runs a file of an archive by itself: here, in TorchServe's worker, it is asked to.
        network = model.get("modelFile")
        self._limits = RequestLimits(**section.get("limits", {}))
        self._pipeline = Pipeline.load(
            folder,
            settings=EngineSettings(**section.get("engine", {})),
            constrained=DecodingSettings(**section.get("decoding", {})).constrained,
            spelling=ReadingSettings(**section.get("reading", {})).spelling,
            model_name=model["modelName"],
            model_version=model.get("modelVersion", ""),
            model_file=inner_path(folder, network, said_by="MANIFEST.json") if network else None,
        )
        # Now, so that no request can fail with it.
        described = describe(self._pipeline.checkpoint, self._pipeline.identity)
        self._description = described.model_dump(mode="json")

    def handle(self, batch: Sequence[Mapping[str, object]], context: Any) -> list[bytes]:
        """Return one JSON body for each body of the batch, in its order."""
        started = time.perf_counter()
        parsed = [self._parse(one, index, context) for index, one in enumerate(batch)]
        asked = [turn for one in parsed if isinstance(one, TurnsBody) for turn in one.requests]
        answers = iter(self._answer(asked))
        outcomes = [
            [next(answers) for _ in one.requests] if isinstance(one, TurnsBody) else [one]
            for one in parsed
        ]
        seconds = time.perf_counter() - started
        _measure([turn for turns in outcomes for turn in turns], seconds, context.metrics)
        return [
            self._write(one, turns, index, context)
            for index, (one, turns) in enumerate(zip(parsed, outcomes, strict=True))
        ]

    def _parse(
        self, fields: Mapping[str, object], index: int, context: Any
    ) -> TurnsBody | RequestError:
        try:
            name = "body" if "body" in fields else "data"
            if name not in fields:
                raise RequestError(_NO_BODY)
            if _is_text(context, index, name):
                turn = parse_text(fields[name], limits=self._limits)
                return TurnsBody(form=BodyForm.TURN, requests=(turn,))
            return parse_body(fields[name], limits=self._limits)
        except RequestError as error:
            return error

    def _answer(self, requests: Sequence[TurnRequest]) -> list[TurnResponse | Exception]:
        """Answer together; if that fails, one by one, so that the culprit fails alone."""
        if not requests or self._pipeline is None:
            return []
        try:
            return list(self._pipeline.answer(requests))
        except Exception as error:
            _report(error, len(requests))
            if len(requests) == 1:
                return [error]
        return [answer for request in requests for answer in self._answer([request])]

    def _write(
        self,
        asked: TurnsBody | RequestError,
        outcomes: Sequence[TurnResponse | Exception],
        index: int,
        context: Any,
    ) -> bytes:
        context.set_response_content_type(index, "application/json")
        answers = [one for one in outcomes if isinstance(one, TurnResponse)]
        status = HTTPStatus.OK
        if isinstance(asked, TurnsBody) and len(answers) == len(outcomes):
            body = self._worded(asked, answers, context.get_request_id(index))
        else:
            status, message = _refusal(asked, outcomes)
            # The phrase must be ASCII: anything else ends the worker.
            context.set_response_status(int(status), status.phrase, index)
            body = encode_error(message, code=status)
            if status != HTTPStatus.BAD_REQUEST:
                body["type"] = "InternalServerException"  # TorchServe's own word
        _note(status, context.get_all_request_header(index))
        return json.dumps(body, ensure_ascii=False).encode("utf-8", errors="replace")

    def _worded(
        self, asked: TurnsBody, answers: Sequence[TurnResponse], request_id: str | None
    ) -> dict[str, object]:
        if asked.form is BodyForm.DESCRIPTION:
            return self._description
        return encode_answers(asked, answers, request_id=request_id)


def _is_text(context: Any, index: int, name: str) -> bool:
    """Whether the field was sent as text/plain; TorchServe keeps the type of each field."""
    header = context.get_all_request_header(index).get(name) or {}
    return str(header.get("content-type") or "").lower().startswith("text/")


def _note(status: HTTPStatus, headers: Mapping[str, object]) -> None:
    """Log the id that a client gave its request, so that its own log can be held against this."""
    lower = {name.lower(): str(value) for name, value in headers.items()}
    request_id = lower.get("x-request-id", "")
    if is_request_id(request_id):
        _log.info("request %s %d", request_id, status)


def _refusal(
    asked: TurnsBody | RequestError, outcomes: Sequence[TurnResponse | Exception]
) -> tuple[HTTPStatus, str]:
    """Return the status and message of the first turn that failed, which fails its body."""
    place, error = next(
        (place, one) for place, one in enumerate(outcomes) if isinstance(one, Exception)
    )
    status, message = _failure(error)
    return status, (place_of(asked.form, place) if isinstance(asked, TurnsBody) else "") + message


def _failure(error: Exception) -> tuple[HTTPStatus, str]:
    if isinstance(error, RequestError):
        return HTTPStatus.BAD_REQUEST, str(error)
    # The codes that TorchServe itself gives and that clients retry.
    if isinstance(error, MemoryError) or "CUDA" in str(error):
        return HTTPStatus.INSUFFICIENT_STORAGE, "the worker is out of memory; try again later"
    return HTTPStatus.INTERNAL_SERVER_ERROR, f"the turn failed: {type(error).__name__}; see the log"


def _report(error: Exception, size: int) -> None:
    # An exception's message may hold an utterance, so above DEBUG only its type and place appear.
    place = "".join(traceback.format_tb(error.__traceback__))
    _log.error("ERROR %s in a batch of %d\n%s", type(error).__name__, size, place)
    _log.debug("the message: %s", error)


def _measure(outcomes: Sequence[object], seconds: float, metrics: Any) -> None:
    from ts.metrics.metric_type_enum import MetricTypes

    refused = sum(isinstance(outcome, RequestError) for outcome in outcomes)
    answered = sum(isinstance(outcome, TurnResponse) for outcome in outcomes)
    # A list of its own each time: TorchServe's default is one list that grows.
    metrics.add_time(
        "tod_batch_seconds", seconds, unit="s", dimensions=[], metric_type=MetricTypes.HISTOGRAM
    )
    metrics.add_counter("tod_turns_total", len(outcomes), dimensions=[])
    metrics.add_counter("tod_refused_turns_total", refused, dimensions=[])
    metrics.add_counter("tod_failed_turns_total", len(outcomes) - answered - refused, dimensions=[])
