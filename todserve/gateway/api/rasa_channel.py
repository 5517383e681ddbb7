"""Rasa's REST channel: programs written for Rasa speak with the bot unchanged.

Another way in for a message, to the same dialogues. Example: ``POST /webhooks/rest/webhook`` with
``{"sender": "anna", "message": "a train"}`` gives ``[{"recipient_id": "anna", "text": "..."}]``.

The channel has no message ids, so every message is a new one. A client that repeats messages puts
an id of its own under ``metadata.message_id``.
"""

import uuid

from fastapi import APIRouter, Depends, Request
from pydantic import TypeAdapter, ValidationError

from todserve.gateway.api.dialogue_routes import REFUSALS
from todserve.gateway.api.request_bodies import Key, RasaMessage
from todserve.gateway.api.response_bodies import Alive, RasaReply
from todserve.gateway.api.roles import allowed, caller_of
from todserve.gateway.conversations.speaker import Speaker
from todserve.gateway.gateway_errors import ExpiredError, MissingError
from todserve.gateway.gateway_settings import GatewaySettings
from todserve.gateway.store.dialogue_store import Store

_KEY: TypeAdapter[str] = TypeAdapter(Key)


def rasa_routes(settings: GatewaySettings, store: Store, speaker: Speaker) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(
        prefix="/webhooks/rest",
        tags=["Rasa"],
        responses=REFUSALS,
        dependencies=[Depends(allowed)],
    )

    @routes.get("/")
    def alive() -> Alive:
        """Say that the channel is there."""
        return Alive()

    def current(body: RasaMessage, owner: str | None) -> str:
        return store.of_sender(
            body.sender,
            model=settings.model_name,
            alive_since=speaker.alive_since(),
            owner=owner,
        )

    @routes.post("/webhook")
    def webhook(body: RasaMessage, request: Request) -> list[RasaReply]:
        """Say something; a sender's dialogue goes on until it expires."""
        message_id, request_id = _message_id(body), request.state.request_id
        caller = caller_of(request)
        # Programs of an admin's token share the senders, as they did before there were roles.
        mine = caller.writes
        try:
            turn, _ = speaker.say(
                current(body, mine), body.message, message_id, request_id=request_id
            )
        except (ExpiredError, MissingError):
            # It expired, or was deleted, between being found and being spoken in.
            turn, _ = speaker.say(
                current(body, mine), body.message, message_id, request_id=request_id
            )
        return [RasaReply(recipient_id=body.sender, text=text) for text in turn.messages]

    return routes


def _message_id(body: RasaMessage) -> str:
    try:
        return _KEY.validate_python((body.metadata or {}).get("message_id"), strict=True)
    except ValidationError:
        return uuid.uuid4().hex
