"""TorchServe handler of a dialogue turn: bodies in, JSON out, one status for each body.

TorchServe calls it for every batch of requests, and it hands them to the worker: TorchServe -> here
-> worker -> pipeline -> worker -> here. TorchServe allows one class in this module; the work is
done in ``todserve.runtime``, which travels in the archive beside it: ``runtime.worker`` reads and
answers the bodies, whichever server they came to, and here stands only what is TorchServe's own:
how what was understood is told first to a client that asks for it (``runtime.wire.turn_events``),
too. What came to ``:explain`` or with ``?customized=true`` TorchServe marks with headers
(``runtime.wire.body_marks``). A plain class, not a BaseHandler: TorchServe asks for ``initialize``
and ``handle`` alone, and BaseHandler brings loaders of pickled models that must never be reached.
Example: ``POST /predictions/tod`` with ``{"user": "a train to ely"}``.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

from todserve.runtime.engines.counted_engine import TokenCount
from todserve.runtime.inner_paths import inner_path
from todserve.runtime.wire.binary_tensors import JSON_LENGTH
from todserve.runtime.wire.body_marks import BodyMarks
from todserve.runtime.wire.key_checks import is_request_id
from todserve.runtime.wire.turn_events import IN_LINES
from todserve.runtime.worker.turn_worker import AskedBody, BodyReply, TurnWorker

_STREAM = "ts_stream_next"  # TorchServe's word for whether more of an answer follows
_log = logging.getLogger(__name__)


class TodHandler:
    """Answers a TorchServe batch with two engine calls; a bad request fails alone."""

    def __init__(self) -> None:
        self._worker: TurnWorker | None = None

    def initialize(self, context: Any) -> None:
        """Load the checkpoint beside this file, as the ``handler`` section of the YAML says."""
        folder, model = Path(context.system_properties["model_dir"]), context.manifest["model"]
        # Nothing runs a file of an archive by itself: here, in TorchServe's worker, it is asked to.
        network = model.get("modelFile")
        self._worker = TurnWorker.load(
            folder,
            (context.model_yaml_config or {}).get("handler") or {},
            model_name=model["modelName"],
            model_version=model.get("modelVersion", ""),
            model_file=inner_path(folder, network, said_by="MANIFEST.json") if network else None,
        )

    def handle(self, batch: Sequence[Mapping[str, object]], context: Any) -> list[bytes]:
        """Return one JSON body for each body of the batch, in its order."""
        started = time.perf_counter()
        marks = [BodyMarks.of(context.get_all_request_header(at)) for at in range(len(batch))]
        bodies = [
            _asked(fields, marked, at, context)
            for at, (fields, marked) in enumerate(zip(batch, marks, strict=True))
        ]
        before = replace(self._worker.tokens) if self._worker else TokenCount()
        replies = self._worker.answer(bodies) if self._worker else []
        after = self._worker.tokens if self._worker else before
        spent = TokenCount(read=after.read - before.read, written=after.written - before.written)
        _measure(replies, time.perf_counter() - started, spent, context.metrics)
        for at, (reply, marked) in enumerate(zip(replies, marks, strict=True)):
            _set_headers(reply, marked, at, context)
        return [reply.content for reply in replies]


def _asked(fields: Mapping[str, object], marked: BodyMarks, at: int, context: Any) -> AskedBody:
    in_lines = marked.in_lines and marked.came_over_http and not marked.explain
    name = "body" if "body" in fields else "data"
    return AskedBody(
        content=fields[name] if name in fields else _form(fields),
        explain=marked.explain,
        describe=marked.describe,
        is_text=marked.kinds.get(name, "").startswith("text/"),
        coding=marked.coding,
        content_type=marked.content_type,
        json_length=marked.json_length,
        request_id=context.get_request_id(at),
        trace=marked.trace,
        told=partial(_send_first, at, context) if in_lines else None,
    )


def _form(fields: Mapping[str, object]) -> dict[str, str] | None:
    """Return the turn that a form is, as mlflow's client sends one; None of any other."""
    if "user" not in fields:
        return None
    try:
        return {
            name: bytes(value).decode() if isinstance(value, bytes | bytearray) else str(value)
            for name, value in fields.items()
        }
    except UnicodeDecodeError:
        return None


def _send_first(at: int, context: Any, line: bytes) -> None:
    """Send the first line of an answer; TorchServe adds what is returned later to it."""
    from ts.handler_utils.utils import send_intermediate_predict_response

    context.set_response_content_type(at, IN_LINES)
    # A mapping of the whole batch would send it to everybody.
    one = {at: context.get_request_id(at)}
    send_intermediate_predict_response({at: line}, one, "Understood", HTTPStatus.OK, context)


def _set_headers(reply: BodyReply, marked: BodyMarks, at: int, context: Any) -> None:
    if reply.status is not HTTPStatus.OK:
        # The phrase must be ASCII: anything else ends the worker.
        context.set_response_status(int(reply.status), reply.status.phrase, at)
    if reply.json_length is None:
        kind = IN_LINES if reply.is_second else "application/json"
        context.set_response_content_type(at, kind)
    else:
        context.set_response_content_type(at, "application/octet-stream")
        context.set_response_header(at, JSON_LENGTH, str(reply.json_length))
    if not marked.came_over_http:
        # A stream of one answer ends with it. TorchServe's worker dies where this is not said.
        context.set_response_header(at, _STREAM, "false")
    _note(reply.status, context.get_all_request_header(at))


def _note(status: HTTPStatus, headers: Mapping[str, object]) -> None:
    """Log the id that a client gave its request, so that its own log can be held against this."""
    lower = {name.lower(): str(value) for name, value in headers.items()}
    request_id = lower.get("x-request-id", "")
    if is_request_id(request_id):
        _log.info("request %s %d", request_id, status)


def _measure(
    replies: Sequence[BodyReply], seconds: float, tokens: TokenCount, metrics: Any
) -> None:
    from ts.metrics.metric_type_enum import MetricTypes

    # A list of its own each time: TorchServe's default is one list that grows.
    metrics.add_time(
        "tod_batch_seconds", seconds, unit="s", dimensions=[], metric_type=MetricTypes.HISTOGRAM
    )
    metrics.add_counter("tod_turns_total", sum(one.turns for one in replies), dimensions=[])
    metrics.add_counter(
        "tod_refused_turns_total", sum(one.refused for one in replies), dimensions=[]
    )
    metrics.add_counter("tod_failed_turns_total", sum(one.failed for one in replies), dimensions=[])
    metrics.add_counter("tod_read_tokens_total", tokens.read, dimensions=[])
    metrics.add_counter("tod_written_tokens_total", tokens.written, dimensions=[])
