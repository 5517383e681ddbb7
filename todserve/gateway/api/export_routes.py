"""The API's export: what is remembered, for people, for other tools, and for training.

Beside the way of a message. Example: ``GET /v1/export?format=zip&corrected=true``.
"""

from collections.abc import Iterator
from typing import IO, Any, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import StreamingResponse

from todserve.gateway.api.dialogue_routes import REFUSALS
from todserve.gateway.api.pagination import PAGE
from todserve.gateway.api.roles import allowed
from todserve.gateway.conversations.dialogue_export import (
    Remembered,
    folder_archive,
    json_lines,
    sgd_lines,
)
from todserve.gateway.conversations.model_clients import Models
from todserve.gateway.gateway_settings import GatewaySettings
from todserve.gateway.store.dialogue_store import Store
from todserve.gateway.store.labelled_examples import ExampleRecord, Examples

_CHUNK = 1 << 16
_CONTENT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A dialogue a line, or a zip archive",
        "content": {
            "application/x-ndjson": {"schema": {"type": "string"}},
            "application/zip": {"schema": {"type": "string", "format": "binary"}},
        },
    }
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
        format: Literal["jsonl", "sgd", "zip"] = "jsonl",
        corrected: bool = False,
    ) -> StreamingResponse:
        """Export dialogues and examples.

        jsonl: dialogues as the API shows them, one a line. sgd: dialogues and examples in the
        layout of Schema-Guided Dialogue, one a line. zip: both as a folder that `tod train` and
        `tod replay` read. corrected: only what people corrected or judged right, as they left
        it; otherwise everything as the model answered.
        """
        remembered = everything(store)
        if format == "zip":
            known = models.describe(settings.model_name, request_id=request.state.request_id)
            archive = folder_archive(remembered, _labelled(examples), known, corrected=corrected)
            return StreamingResponse(_chunks(archive), media_type="application/zip")
        if format == "sgd":
            lines = sgd_lines(remembered, _labelled(examples), corrected=corrected)
        else:
            lines = json_lines(remembered, corrected=corrected)
        return StreamingResponse(lines, media_type="application/x-ndjson")

    return routes


def everything(store: Store) -> Iterator[Remembered]:
    """Yield every dialogue, the newest first; what is deleted meanwhile is left out."""
    before = None
    while found := store.page(limit=PAGE, before=before):
        for record in found:
            turns = store.turns(record.dialogue_id)
            # The record still holds the last thing said, after its dialogue is gone.
            if turns or not record.turns:
                yield record, turns
        before = found[-1].place


def _labelled(examples: Examples) -> Iterator[ExampleRecord]:
    before = None
    while found := examples.page(limit=PAGE, before=before):
        yield from found
        before = found[-1].place


def _chunks(archive: IO[bytes]) -> Iterator[bytes]:
    with archive:
        while chunk := archive.read(_CHUNK):
            yield chunk
