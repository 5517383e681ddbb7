"""TorchServe handler of a dialogue turn: bodies in, JSON out, one status for each body.

First and last on the way of a request: TorchServe -> here -> wire -> pipeline -> wire -> here.
TorchServe allows one class in this module; the work is done in ``todserve.runtime``, which travels
in the archive beside it. A body is one turn, or several in KServe's v1 or v2 protocol; the turns of
all bodies go to the pipeline together and are put together again, see ``runtime.kserve`` for what a
wrong one of several does, and ``{"describe": true}`` asks what the model's labels are. What came to
``:explain`` or with ``?customized=true`` TorchServe marks with headers (``runtime.body_marks``).
What was understood is told first where a client asks for it (``runtime.turn_events``). A plain
class, not a BaseHandler: TorchServe asks for ``initialize`` and ``handle`` alone, and BaseHandler
brings loaders of pickled models that must never be reached.
Example: ``POST /predictions/tod`` with ``{"user": "a train to ely"}``.
"""

import logging
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
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
from todserve.runtime.pipeline import Listener, Pipeline
from todserve.runtime.wire.binary_tensors import JSON_LENGTH
from todserve.runtime.wire.body_coding import check_charset, unpacked
from todserve.runtime.wire.body_marks import BodyMarks
from todserve.runtime.wire.key_checks import is_request_id
from todserve.runtime.wire.kserve import (
    BodyForm,
    TurnsBody,
    WrittenAnswers,
    as_json,
    parse_body,
    place_of,
    written_answers,
)
from todserve.runtime.wire.limits import DEFAULT_LIMITS, RequestLimits
from todserve.runtime.wire.request import TurnRequest, parse_text
from todserve.runtime.wire.response import TurnResponse, encode, encode_error
from todserve.runtime.wire.turn_events import IN_LINES, Understood
from todserve.runtime.wire.turn_explanation import TurnExplanation

_NO_BODY = (
    'request: no body; send {"user": "..."} with the header Content-Type: application/json '
    "(without one, curl -d sends a form)"
)
_STREAM = "ts_stream_next"  # TorchServe's word for whether more of an answer follows
_Answer = TurnResponse | TurnExplanation
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
        marks = [BodyMarks.of(context.get_all_request_header(at)) for at in range(len(batch))]
        parsed = [self._parse(one, marked) for one, marked in zip(batch, marks, strict=True)]
        asked = {why: self._together(parsed, marks, context, explain=why) for why in (False, True)}
        outcomes = [
            [next(asked[marked.explain]) for _ in one.requests]
            if isinstance(one, TurnsBody)
            else [one]
            for one, marked in zip(parsed, marks, strict=True)
        ]
        seconds = time.perf_counter() - started
        _measure([turn for turns in outcomes for turn in turns], seconds, context.metrics)
        return [
            self._write(one, turns, index, context)
            for index, (one, turns) in enumerate(zip(parsed, outcomes, strict=True))
        ]

    def _parse(self, fields: Mapping[str, object], marked: BodyMarks) -> TurnsBody | RequestError:
        if marked.describe:
            return TurnsBody(form=BodyForm.DESCRIPTION, requests=())
        try:
            name = "body" if "body" in fields else "data"
            if name not in fields:
                raise RequestError(_NO_BODY)
            body = fields[name]
            if isinstance(body, bytes | bytearray):
                body = unpacked(bytes(body), marked.coding, self._limits)
                check_charset(body, marked.content_type)
            if marked.kinds.get(name, "").startswith("text/"):
                turn = parse_text(body, limits=self._limits)
                return TurnsBody(form=BodyForm.TURN, requests=(turn,))
            return parse_body(body, limits=self._limits, json_length=marked.json_length)
        except RequestError as error:
            return error

    def _together(
        self,
        parsed: Sequence[TurnsBody | RequestError],
        marks: Sequence[BodyMarks],
        context: Any,
        *,
        explain: bool,
    ) -> Iterator[_Answer | Exception]:
        """Answer, or explain, every turn of a batch that wants it."""
        turns = [
            (turn, index)
            for index, (one, marked) in enumerate(zip(parsed, marks, strict=True))
            if isinstance(one, TurnsBody) and marked.explain is explain
            for turn in one.requests
        ]
        wanted = {index for index, one in enumerate(parsed) if _in_lines(one, marks[index])}

        def tell(place: int, understood: Understood) -> None:
            _, index = turns[place]
            if index in wanted:
                _send_first(understood, index, context)

        listener = tell if wanted and not explain else None
        return iter(self._answer([turn for turn, _ in turns], explain=explain, listener=listener))

    def _answer(
        self,
        requests: Sequence[TurnRequest],
        *,
        explain: bool,
        listener: Listener | None = None,
    ) -> list[_Answer | Exception]:
        """Answer together; if that fails, one by one, so that the culprit fails alone."""
        if not requests or self._pipeline is None:
            return []
        try:
            if explain:
                return list(self._pipeline.explain(requests))
            if listener is None:
                return list(self._pipeline.answer(requests))
            return list(self._pipeline.answer(requests, understood=listener))
        except Exception as error:
            _report(error, len(requests))
            if len(requests) == 1:
                return [error]
        return [
            answer for request in requests for answer in self._answer([request], explain=explain)
        ]

    def _write(
        self,
        asked: TurnsBody | RequestError,
        outcomes: Sequence[_Answer | Exception],
        index: int,
        context: Any,
    ) -> bytes:
        headers = context.get_all_request_header(index)
        marked = BodyMarks.of(headers)
        answers = [one for one in outcomes if isinstance(one, TurnResponse | TurnExplanation)]
        status = HTTPStatus.OK
        if isinstance(asked, TurnsBody) and len(answers) == len(outcomes):
            written = self._worded(asked, answers, context.get_request_id(index))
        else:
            status, message = _refusal(asked, outcomes)
            # The phrase must be ASCII: anything else ends the worker.
            context.set_response_status(int(status), status.phrase, index)
            body = encode_error(message, code=status)
            if status != HTTPStatus.BAD_REQUEST:
                body["type"] = "InternalServerException"  # TorchServe's own word
            written = WrittenAnswers(content=as_json(body))
        if written.json_length is None:
            in_lines = _in_lines(asked, marked) and status is HTTPStatus.OK
            kind = IN_LINES if in_lines else "application/json"
            context.set_response_content_type(index, kind)
        else:
            context.set_response_content_type(index, "application/octet-stream")
            context.set_response_header(index, JSON_LENGTH, str(written.json_length))
        if not marked.came_over_http:
            # A stream of one answer ends with it. TorchServe's worker dies where this is not said.
            context.set_response_header(index, _STREAM, "false")
        _note(status, headers)
        return written.content

    def _worded(
        self, asked: TurnsBody, answers: Sequence[_Answer], request_id: str | None
    ) -> WrittenAnswers:
        if asked.form is BodyForm.DESCRIPTION:
            return WrittenAnswers(content=as_json(self._description))
        return written_answers(asked, answers, request_id=request_id)


def _in_lines(asked: TurnsBody | RequestError, marked: BodyMarks) -> bool:
    """Say whether what was understood of a body is told first: one plain turn, where asked for."""
    plain = isinstance(asked, TurnsBody) and asked.form is BodyForm.TURN
    return plain and marked.in_lines and marked.came_over_http and not marked.explain


def _send_first(understood: Understood, index: int, context: Any) -> None:
    """Send the first line of an answer; TorchServe adds what is returned later to it."""
    from ts.handler_utils.utils import send_intermediate_predict_response

    line = as_json(encode(understood.turn)) + b"\n"
    context.set_response_content_type(index, IN_LINES)
    # A mapping of the whole batch would send it to everybody.
    one = {index: context.get_request_id(index)}
    send_intermediate_predict_response({index: line}, one, "Understood", HTTPStatus.OK, context)


def _note(status: HTTPStatus, headers: Mapping[str, object]) -> None:
    """Log the id that a client gave its request, so that its own log can be held against this."""
    lower = {name.lower(): str(value) for name, value in headers.items()}
    request_id = lower.get("x-request-id", "")
    if is_request_id(request_id):
        _log.info("request %s %d", request_id, status)


def _refusal(
    asked: TurnsBody | RequestError, outcomes: Sequence[_Answer | Exception]
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
    answered = sum(isinstance(one, TurnResponse | TurnExplanation) for one in outcomes)
    # A list of its own each time: TorchServe's default is one list that grows.
    metrics.add_time(
        "tod_batch_seconds", seconds, unit="s", dimensions=[], metric_type=MetricTypes.HISTOGRAM
    )
    metrics.add_counter("tod_turns_total", len(outcomes), dimensions=[])
    metrics.add_counter("tod_refused_turns_total", refused, dimensions=[])
    metrics.add_counter("tod_failed_turns_total", len(outcomes) - answered - refused, dimensions=[])
