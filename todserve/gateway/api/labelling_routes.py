"""The API's work of labelling: which turns first, who did what, and which models there are.

`gateway_app` adds these routes to the API. Example: ``GET /v1/queue`` for the turns that are most
worth a look, ``GET /v1/agreement`` for how far two people who judged the same turns agree.
"""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from todserve.gateway.api.dialogue_routes import REFUSALS
from todserve.gateway.api.pagination import PAGE, QUEUE_CURSOR, queue_cursor, queue_place
from todserve.gateway.api.request_bodies import Compare
from todserve.gateway.api.response_bodies import (
    AgreementView,
    QueuePage,
    ReviewView,
    VersionsView,
)
from todserve.gateway.api.roles import allowed, caller_of
from todserve.gateway.conversations.correction_review import review
from todserve.gateway.conversations.dialogue_export import everything
from todserve.gateway.conversations.labeller_agreement import labelled_by
from todserve.gateway.conversations.model_clients import Models
from todserve.gateway.gateway_errors import LabelError, MissingError, ModelAwayError
from todserve.gateway.gateway_settings import GatewaySettings
from todserve.gateway.store.dialogue_filters import touched
from todserve.gateway.store.dialogue_store import Store
from todserve.gateway.store.label_queue import LabelQueue

_MOST_VERSIONS = 20


def labelling_routes(
    settings: GatewaySettings, store: Store, queue: LabelQueue, models: Models
) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(
        prefix="/v1", tags=["labels"], responses=REFUSALS, dependencies=[Depends(allowed)]
    )

    @routes.get("/queue", response_model=QueuePage)
    def browse(
        request: Request,
        limit: Annotated[int, Query(ge=1, le=PAGE)] = 20,
        before: Annotated[str | None, Query(pattern=QUEUE_CURSOR)] = None,
        second: bool = False,
    ) -> dict[str, Any]:
        """List the turns that nobody has judged or corrected, the ones most worth a look first.

        second: instead those that other people have judged and the bearer of this token has not,
        so that their agreement can be told.
        """
        name = caller_of(request).name
        if second and name is None:
            raise LabelError(
                "second: got a token without a name, or none; expected one whose line of the token "
                "file ends with a name: label TOKEN anna"
            )
        found, waiting = queue.page(
            limit=limit, before=queue_place(before), second=name if second else None
        )
        following = queue_cursor(found[-1].place) if len(found) == limit else None
        return {"turns": [one.view() for one in found], "waiting": waiting, "next": following}

    @routes.get("/agreement", response_model=AgreementView)
    def agreement() -> dict[str, Any]:
        """Tell who labelled how much, and Cohen's kappa of each two who judged the same turns."""
        turns = (
            turn
            for _, known in everything(store, conditions=(touched(),))
            for turn in known
            if turn.correction
        )
        people, pairs = labelled_by(turns)
        return {"people": [*map(asdict, people)], "pairs": [*map(asdict, pairs)]}

    @routes.post("/review", response_model=ReviewView)
    def reviewed(body: Compare, request: Request) -> dict[str, Any]:
        """Ask a model what people corrected or judged right; say what became of each turn.

        At most 200 turns, of the newest dialogues; nothing of it is stored.
        """
        found = review(
            everything(store, conditions=(touched(),)),
            models,
            body.model,
            newest=settings.history_turns,
            request_id=request.state.request_id,
        )
        return {"turns": [*found]}

    @routes.get("/versions", response_model=VersionsView)
    def versions(request: Request) -> dict[str, Any]:
        """List the models that answered what is remembered, and the default one.

        An endpoint does not tell what else it serves; whether it serves one of these is asked.
        """
        counted = store.models(most=_MOST_VERSIONS)
        request_id = request.state.request_id
        default = _checkpoint(models, settings.model_name, request_id)
        if default is not None:
            counted = {f"{settings.model_name}/{default[0]}": 0} | counted
        listed = []
        for name, turns in counted.items():
            known = _checkpoint(models, name, request_id)
            listed.append(
                {
                    "name": name,
                    "turns": turns,
                    "served": known is not None,
                    "checkpoint": None if known is None else known[1],
                }
            )
        return {"versions": listed}

    return routes


def _checkpoint(models: Models, name: str, request_id: str) -> tuple[str, str | None] | None:
    """Return version and checkpoint of a model; None where the endpoint does not serve it."""
    try:
        known = models.describe(name, request_id=request_id)
    except (MissingError, ModelAwayError):
        return None
    return ("", None) if known is None else (known.version, known.checkpoint)
