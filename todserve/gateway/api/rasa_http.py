"""Rasa's HTTP API, the parts that programs read: a conversation's tracker, and what is understood.

`gateway_app` adds these routes to the API. Example: ``GET /conversations/anna/tracker`` tells
Anna's slots and every event since her session began.
"""

from contextlib import suppress
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request

from todserve.bot.bot_config import BotConfig
from todserve.bot.rasa.tracker_events import parse_data, tracker_state
from todserve.bot.user_message import Heard
from todserve.gateway.api.dialogue_routes import REFUSALS
from todserve.gateway.api.rasa_channel import AnyTypeRoute
from todserve.gateway.api.request_bodies import PersonId, RasaParse
from todserve.gateway.api.response_bodies import RasaParsed, RasaTracker
from todserve.gateway.api.roles import allowed, caller_of
from todserve.gateway.conversations.model_clients import Models
from todserve.gateway.conversations.remembered_turns import remembered
from todserve.gateway.gateway_errors import MissingError
from todserve.gateway.gateway_settings import GatewaySettings
from todserve.gateway.store.dialogue_store import Store


def rasa_http_routes(
    settings: GatewaySettings, store: Store, models: Models, config: BotConfig
) -> APIRouter:
    """Return the routes of Rasa's HTTP API that programs read: tracker and parse."""
    routes = APIRouter(
        tags=["Rasa"],
        responses=REFUSALS,
        dependencies=[Depends(allowed)],
        route_class=AnyTypeRoute,
    )

    @routes.get("/conversations/{conversation_id}/tracker", response_model=RasaTracker)
    def tracker(
        conversation_id: Annotated[PersonId, Path()],
        request: Request,
        include_events: Annotated[
            Literal["ALL", "APPLIED", "AFTER_RESTART", "NONE"], Query()
        ] = "AFTER_RESTART",
    ) -> dict[str, Any]:
        """Tell a sender's conversation, or that of a dialogue's id; an empty one for a stranger."""
        caller = caller_of(request)
        record = store.sender_dialogue(conversation_id, owner=caller.writes)
        if record is None and caller.reads is None:
            record = store.sender_dialogue(conversation_id)
        if record is None:
            with suppress(MissingError):
                record = store.dialogue(conversation_id, owner=caller.reads)
        turns = [] if record is None else remembered(record, store.turns(record.dialogue_id))
        found = tracker_state(conversation_id, turns, config)
        return found | {"events": _included(found["events"], include_events)}

    @routes.post("/model/parse", response_model=RasaParsed)
    def parse(body: RasaParse, request: Request) -> dict[str, Any]:
        """Tell how the model reads a message. Nothing of it is stored, and no action runs."""
        answer = models.answer(
            settings.model_name, body.text, (), request_id=request.state.request_id
        )
        heard = Heard.of(
            answer,
            before={},
            dialogue_id="",
            message_id=body.message_id or "",
            index=0,
            user=body.text,
        )
        return parse_data(heard, config) | {"message_id": body.message_id}

    return routes


def _included(events: list[dict[str, Any]], which: str) -> list[dict[str, Any]] | None:
    if which == "NONE":
        return None
    restarts = [place for place, one in enumerate(events) if one["event"] == "restart"]
    return events if which == "ALL" or not restarts else events[restarts[-1] + 1 :]
