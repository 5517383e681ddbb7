"""The API's export: what is remembered, for people, for other tools, and for training.

`gateway_app` adds these routes to the API. Example: ``GET /v1/export?format=zip&corrected=true``.
"""

from collections.abc import Iterator
from typing import IO, Any, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import StreamingResponse

from todserve.gateway.api.dialogue_routes import LINES, REFUSALS
from todserve.gateway.api.pagination import PAGE
from todserve.gateway.api.roles import allowed
from todserve.gateway.conversations.dialogue_export import (
    everything,
    folder_archive,
    json_lines,
    rasa_archive,
    sgd_lines,
)
from todserve.gateway.conversations.model_clients import Models
from todserve.gateway.conversations.turn_table import turn_table
from todserve.gateway.gateway_errors import FaultBody
from todserve.gateway.gateway_settings import GatewaySettings
from todserve.gateway.store.dialogue_store import Store
from todserve.gateway.store.labelled_examples import ExampleRecord, Examples

TABLE = "application/vnd.apache.parquet"
"""What Parquet is registered as."""

_CHUNK = 1 << 16
_CONTENT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A dialogue a line, a zip archive, or a table",
        "content": {
            LINES: {"schema": {"type": "string"}},
            "application/zip": {"schema": {"type": "string", "format": "binary"}},
            TABLE: {"schema": {"type": "string", "format": "binary"}},
        },
    },
    501: {"model": FaultBody, "description": "The gateway lacks what this format needs"},
}


def export_routes(
    settings: GatewaySettings, store: Store, examples: Examples, models: Models
) -> APIRouter:
    """Return the route that exports dialogues and examples as files."""
    routes = APIRouter(
        prefix="/v1", tags=["export"], responses=REFUSALS, dependencies=[Depends(allowed)]
    )

    @routes.get("/export", response_class=StreamingResponse, responses=_CONTENT)
    def export(
        request: Request,
        format: Literal["jsonl", "sgd", "zip", "rasa", "parquet"] = "jsonl",
        corrected: bool = False,
    ) -> StreamingResponse:
        """Export dialogues and examples.

        jsonl: dialogues as the API shows them, one a line. sgd: dialogues and examples in the
        layout of Schema-Guided Dialogue, one a line. zip: both as a folder that `tod train` and
        `tod replay` read. rasa: both as a Rasa project, zipped. parquet: a row for each turn, with
        verdicts and corrections beside what the model said. corrected: only what people corrected
        or judged right, as they left it; otherwise everything as the model answered.
        """
        remembered = everything(store)
        if format == "zip":
            known = models.describe(settings.model_name, request_id=request.state.request_id)
            archive = folder_archive(remembered, _labelled(examples), known, corrected=corrected)
            return StreamingResponse(_chunks(archive), media_type="application/zip")
        if format == "rasa":
            project = rasa_archive(remembered, _labelled(examples), corrected=corrected)
            return StreamingResponse(_chunks(project), media_type="application/zip")
        if format == "parquet":
            table = turn_table(
                remembered, corrected=corrected, low_confidence=settings.low_confidence
            )
            return StreamingResponse(_chunks(table), media_type=TABLE)
        if format == "sgd":
            lines = sgd_lines(remembered, _labelled(examples), corrected=corrected)
        else:
            lines = json_lines(remembered, corrected=corrected)
        return StreamingResponse(lines, media_type=LINES)

    return routes


def _labelled(examples: Examples) -> Iterator[ExampleRecord]:
    before = None
    while found := examples.page(limit=PAGE, before=before):
        yield from found
        before = found[-1].place


def _chunks(archive: IO[bytes]) -> Iterator[bytes]:
    with archive:
        while chunk := archive.read(_CHUNK):
            yield chunk
