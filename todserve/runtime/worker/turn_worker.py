"""TurnWorker: answers the bodies that a server received, each with JSON and a status of its own.

Every kind of server calls it, TorchServe's handler, the KServe predictor and the Ray Serve
application, so that one request gets one answer wherever it is sent. It parses the bodies and gives
their turns to the pipeline. A body is one turn, or several in KServe's v1 or v2 protocol; the turns
of all bodies go to the pipeline together and are put together again, and ``{"describe": true}``
asks what the model's labels are. Example:
``worker.answer([AskedBody(content=b'{"user": "a train to ely"}')])[0].status``.
"""

import logging
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol, Self

from todserve.runtime.checkpoint_description import describe
from todserve.runtime.engines.counted_engine import TokenCount
from todserve.runtime.engines.engine_settings import (
    DecodingSettings,
    EngineSettings,
    ReadingSettings,
)
from todserve.runtime.errors import RequestError
from todserve.runtime.pipeline import Listener, Pipeline
from todserve.runtime.traces.trace_export import begin_traces
from todserve.runtime.traces.trace_spans import told_afterwards
from todserve.runtime.wire.body_coding import check_charset, unpacked
from todserve.runtime.wire.kserve import (
    BodyForm,
    TurnsBody,
    WrittenAnswers,
    as_json,
    parse_body,
    place_of,
    written_answers,
)
from todserve.runtime.wire.limits import DEFAULT_LIMITS, RequestLimits, most_bytes
from todserve.runtime.wire.request import TurnRequest, parse_text
from todserve.runtime.wire.response import TurnResponse, encode, encode_error
from todserve.runtime.wire.turn_events import Understood
from todserve.runtime.wire.turn_explanation import TurnExplanation
from todserve.runtime.worker.parallel_pipeline import ParallelPipeline

NO_BODY = (
    'request: no body; send {"user": "..."} with the header Content-Type: application/json '
    "(without one, curl -d sends a form)"
)
_Answer = TurnResponse | TurnExplanation
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class AskedBody:
    """A body as a server received it, and what is said of it beside.

    Attributes:
        content: bytes, text or what JSON holds; None where none came.
        explain: whether the path asks for an explanation.
        describe: whether the path asks what the model is, whatever the body.
        is_text: whether it is a bare utterance, ``text/plain``.
        coding: how its bytes are packed.
        content_type: of its bytes, as the header has it.
        json_length: where its JSON ends and binary texts begin.
        request_id: goes into an answer in v2 to a body without an ``id``.
        told: is given what was understood of it, as a line of JSON, before its reply is written;
            only of one plain turn.
        trace: the headers that name its client's span, where that traces.
    """

    content: object
    explain: bool = False
    describe: bool = False
    is_text: bool = False
    coding: str = ""
    content_type: str = ""
    json_length: str = ""
    request_id: str | None = None
    told: Callable[[bytes], None] | None = None
    trace: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class BodyReply:
    """What goes back for one body.

    Attributes:
        status: the HTTP status.
        content: JSON, with binary texts behind it where they were asked for.
        json_length: how much of it is JSON, where texts stand behind it; else None.
        turns: how many turns it held; a body that is refused counts once.
        refused: how many of them were wrong.
        failed: how many of them failed for reasons of ours.
        is_second: whether what was understood was told before.
    """

    status: HTTPStatus
    content: bytes
    json_length: int | None
    turns: int
    refused: int
    failed: int
    is_second: bool = False


class TurnPipeline(Protocol):
    """Answers and explains turns that were checked, as ``Pipeline`` does."""

    @property
    def tokens(self) -> TokenCount:
        """What the network has read and written so far."""

    def answer(
        self, requests: Sequence[TurnRequest], /, *, understood: Listener | None = None
    ) -> list[TurnResponse | RequestError]:
        """Answer a batch, in its order; ``understood`` is told before replies are written."""

    def explain(self, requests: Sequence[TurnRequest], /) -> list[TurnExplanation | RequestError]:
        """Say of each turn of a batch why it is answered so."""


class TurnWorker:
    """Answers a batch of bodies with two calls of the network; a bad one fails alone."""

    def __init__(
        self,
        pipeline: TurnPipeline,
        *,
        limits: RequestLimits = DEFAULT_LIMITS,
        description: Mapping[str, object] | None = None,
    ) -> None:
        """Put a worker before a pipeline; use ``load`` for a folder.

        Args:
            pipeline: answers.
            limits: how much one request may bring.
            description: what a body that asks for the description is told.
        """
        self._pipeline = pipeline
        self._limits = limits
        self._description = description or {}

    @classmethod
    def load(
        cls,
        folder: Path,
        section: Mapping[str, Any],
        *,
        model_name: str,
        model_version: str,
        model_file: Path | None = None,
    ) -> Self:
        """Open the checkpoint of an unpacked archive.

        Args:
            folder: the archive's files.
            section: ``handler`` of its model-config.yaml.
            model_name: goes into every answer.
            model_version: goes into every answer.
            model_file: the network's file, which is run, where it is not the checkout's.

        Raises:
            ConfigError: a file is missing or wrong; the message names it and the fix.
        """
        begin_traces(f"todserve {model_name}")
        settings = EngineSettings(**section.get("engine", {}))
        pipeline = Pipeline.load(
            folder,
            settings=settings.of_a_part(),
            constrained=DecodingSettings(**section.get("decoding", {})).constrained,
            spelling=ReadingSettings(**section.get("reading", {})).spelling,
            model_name=model_name,
            model_version=model_version,
            model_file=model_file,
        )
        # Now, so that no request can fail with it.
        described = describe(pipeline.checkpoint, pipeline.identity)
        return cls(
            ParallelPipeline.of(pipeline, settings.parts) if settings.parts > 1 else pipeline,
            limits=RequestLimits(**section.get("limits", {})),
            description=described.model_dump(mode="json"),
        )

    @property
    def tokens(self) -> TokenCount:
        """What the network has read and written so far; it grows while a batch is answered."""
        return self._pipeline.tokens

    def answer(self, bodies: Sequence[AskedBody]) -> list[BodyReply]:
        """Return one reply for each body, in their order; never raises for a body's sake."""
        began = time.time_ns()
        parsed = [self._parse(body) for body in bodies]
        told: set[int] = set()
        asked = {why: self._together(parsed, bodies, told, explain=why) for why in (False, True)}
        outcomes = [
            [next(asked[body.explain]) for _ in one.requests]
            if isinstance(one, TurnsBody)
            else [one]
            for one, body in zip(parsed, bodies, strict=True)
        ]
        replies = [
            replace(self._reply(one, turns, body), is_second=at in told)
            for at, (one, turns, body) in enumerate(zip(parsed, outcomes, bodies, strict=True))
        ]
        for body, turns, reply in zip(bodies, outcomes, replies, strict=True):
            if body.trace:
                _trace(body, turns, reply, began=began, batch=len(bodies))
        return replies

    def _parse(self, body: AskedBody) -> TurnsBody | RequestError:
        if body.describe:
            return TurnsBody(form=BodyForm.DESCRIPTION, requests=())
        try:
            content = body.content
            if content is None:
                raise RequestError(NO_BODY)
            if isinstance(content, bytes | bytearray):
                content = unpacked(bytes(content), body.coding, most_bytes(self._limits))
                check_charset(content, body.content_type)
            if body.is_text:
                turn = parse_text(content, limits=self._limits)
                return TurnsBody(form=BodyForm.TURN, requests=(turn,))
            return parse_body(content, limits=self._limits, json_length=body.json_length)
        except RequestError as error:
            return error

    def _together(
        self,
        parsed: Sequence[TurnsBody | RequestError],
        bodies: Sequence[AskedBody],
        told: set[int],
        *,
        explain: bool,
    ) -> Iterator[_Answer | Exception]:
        """Answer, or explain, every turn of a batch that wants it; ``told`` is who was told."""
        turns = [
            (turn, at)
            for at, (one, body) in enumerate(zip(parsed, bodies, strict=True))
            if isinstance(one, TurnsBody) and body.explain is explain
            for turn in one.requests
        ]
        listening = {
            at: body.told
            for at, (one, body) in enumerate(zip(parsed, bodies, strict=True))
            if body.told and isinstance(one, TurnsBody) and one.form is BodyForm.TURN
        }

        def tell(place: int, understood: Understood) -> None:
            at = turns[place][1]
            if at in listening:
                listening[at](as_json(encode(understood.turn)) + b"\n")
                told.add(at)

        listener = tell if listening and not explain else None
        requests = [turn for turn, _ in turns]
        return iter(self._answer(requests, explain=explain, listener=listener))

    def _answer(
        self,
        requests: Sequence[TurnRequest],
        *,
        explain: bool,
        listener: Listener | None = None,
    ) -> list[_Answer | Exception]:
        """Answer together; if that fails, one by one, so that the culprit fails alone."""
        if not requests:
            return []
        try:
            if explain:
                return list(self._pipeline.explain(requests))
            return list(self._pipeline.answer(requests, understood=listener))
        except Exception as error:
            _report(error, len(requests))
            if len(requests) == 1:
                return [error]
        return [
            answer for request in requests for answer in self._answer([request], explain=explain)
        ]

    def _reply(
        self,
        asked: TurnsBody | RequestError,
        outcomes: Sequence[_Answer | Exception],
        body: AskedBody,
    ) -> BodyReply:
        answers = [one for one in outcomes if isinstance(one, TurnResponse | TurnExplanation)]
        status = HTTPStatus.OK
        if isinstance(asked, TurnsBody) and len(answers) == len(outcomes):
            written = self._worded(asked, answers, body.request_id)
        else:
            status, message = _refusal(asked, outcomes)
            told = encode_error(message, code=status)
            if status != HTTPStatus.BAD_REQUEST:
                told["type"] = "InternalServerException"  # TorchServe's own word
            written = WrittenAnswers(content=as_json(told))
        refused = sum(isinstance(outcome, RequestError) for outcome in outcomes)
        return BodyReply(
            status=status,
            content=written.content,
            json_length=written.json_length,
            turns=len(outcomes),
            refused=refused,
            failed=len(outcomes) - len(answers) - refused,
        )

    def _worded(
        self, asked: TurnsBody, answers: Sequence[_Answer], request_id: str | None
    ) -> WrittenAnswers:
        if asked.form is BodyForm.DESCRIPTION:
            return WrittenAnswers(content=as_json(self._description))
        return written_answers(asked, answers, request_id=request_id)


def _refusal(
    asked: TurnsBody | RequestError, outcomes: Sequence[_Answer | Exception]
) -> tuple[HTTPStatus, str]:
    """Return the status and message of the first turn that failed, which fails its body."""
    place, error = next(
        (place, one) for place, one in enumerate(outcomes) if isinstance(one, Exception)
    )
    status, message = _failure(error)
    return status, (place_of(asked.form, place) if isinstance(asked, TurnsBody) else "") + message


def _trace(
    body: AskedBody,
    outcomes: Sequence[_Answer | Exception],
    reply: BodyReply,
    *,
    began: int,
    batch: int,
) -> None:
    """Tell of a body's way through the stages, where its client traces."""
    answered = next((one for one in outcomes if isinstance(one, TurnResponse)), None)
    times = {} if answered is None else dict(answered.timing_ms)
    times.pop("total", None)
    # Who asks for the description asks for no turn.
    name = "explain" if body.explain else "turn" if outcomes else "describe"
    told_afterwards(
        name,
        body.trace,
        began=began,
        ended=time.time_ns(),
        stages=times,
        notes={
            "http.response.status_code": int(reply.status),
            "tod.batch": batch,
            "tod.turns": reply.turns,
        },
    )


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
