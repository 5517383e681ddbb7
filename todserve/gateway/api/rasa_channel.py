"""Rasa's REST and callback channels: programs written for Rasa speak with the bot unchanged.

Another way in for a message, to the same dialogues. Example: ``POST /webhooks/rest/webhook`` with
``{"sender": "anna", "message": "a train"}`` gives ``[{"recipient_id": "anna", "text": "..."}]``.

The channels have no message ids, so every message is a new one. A client that repeats messages puts
an id of its own under ``metadata.message_id``.

Source of the shapes: ``rest`` and ``callback`` of Rasa 3's channels.
"""

import logging
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import requests
from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError

from todserve.gateway.api.dialogue_routes import REFUSALS
from todserve.gateway.api.request_bodies import Key, RasaMessage
from todserve.gateway.api.response_bodies import Alive, RasaReply
from todserve.gateway.api.roles import allowed, caller_of, refuse_foreign_page
from todserve.gateway.conversations.sender_conversations import Senders
from todserve.gateway.gateway_errors import MissingError
from todserve.gateway.gateway_settings import GatewaySettings
from todserve.gateway.store.records import TurnRecord

_log = logging.getLogger(__name__)
_KEY: TypeAdapter[str] = TypeAdapter(Key)
_CALLBACK_SECONDS = 10.0
_IN_LINES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The replies; or, with stream=true, a reply a line",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}


class AnyTypeRoute(APIRoute):
    """Reads a body as JSON whatever type it is declared as, as Rasa does.

    A page of another site may send what is not declared as JSON without asking first, so a browser
    is answered only from its own site and those of ``cors``.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request."""
        handler = super().get_route_handler()

        async def answer(request: Request) -> Response:
            refuse_foreign_page(request, request.app.state.cors)
            headers = [one for one in request.scope["headers"] if one[0] != b"content-type"]
            headers.append((b"content-type", b"application/json"))
            return await handler(Request({**request.scope, "headers": headers}, request.receive))

        return answer


def rasa_routes(settings: GatewaySettings, senders: Senders) -> APIRouter:
    """Return the routes of Rasa's REST and callback channels."""
    routes = APIRouter(
        prefix="/webhooks",
        tags=["Rasa"],
        responses=REFUSALS,
        dependencies=[Depends(allowed)],
        route_class=AnyTypeRoute,
    )

    @routes.get("/rest/")
    def alive() -> Alive:
        """Say that the channel is there."""
        return Alive()

    @routes.post(
        "/rest/webhook",
        response_model=list[RasaReply],
        response_model_exclude_none=True,
        responses=_IN_LINES,
    )
    def webhook(body: RasaMessage, request: Request, stream: bool = False) -> Any:
        """Say something; a sender's dialogue goes on until it expires.

        With ``?stream=true`` each reply is a line of its own, as Rasa writes them.
        """
        replies = _replies(body, _turn(body, request, "rest"))
        if not stream:
            return replies
        lines = "".join(f"{one.model_dump_json(exclude_none=True)}\n" for one in replies)
        return Response(lines, media_type="text/event-stream")

    @routes.get("/callback/")
    def callback_alive() -> Alive:
        """Say that the channel is there."""
        return Alive()

    @routes.post("/callback/webhook", response_class=Response)
    def callback(body: RasaMessage, request: Request) -> Response:
        """Say something; what is answered goes to ``callback_url``, a message at a time."""
        if settings.callback_url is None:
            raise MissingError("there is no callback channel; start with callback_url=ADDRESS")
        replies = _replies(body, _turn(body, request, "callback"))
        _send(settings.callback_url, replies)
        return Response("success", media_type="text/plain")

    def _turn(body: RasaMessage, request: Request, channel: str) -> TurnRecord:
        return senders.say(
            body.sender,
            body.message,
            channel=channel,
            request_id=request.state.request_id,
            message_id=key_of(body),
            # Programs of an admin's token share the senders, as they did before there were roles.
            owner=caller_of(request).writes,
            metadata=body.metadata,
        )

    return routes


def channel_parts(turn: TurnRecord) -> Iterator[dict[str, Any]]:
    """Yield what Rasa's channels send of a turn: a text's paragraphs apart, and so every part."""
    for message in turn.shown:
        text = message.get("text")
        buttons = message.get("quick_replies") or message.get("buttons")
        paragraphs = [one for one in (text or "").strip().split("\n\n") if one.strip()]
        if isinstance(buttons, list):
            yield {"text": text or "", "buttons": buttons}
        else:
            yield from ({"text": one} for one in paragraphs)
        for part in ("custom", "image", "attachment"):
            if message.get(part):
                yield {part: message[part]}
        elements = message.get("elements")
        for element in elements if isinstance(elements, list) else ():
            if isinstance(element, dict):
                yield {"element": element}


def _replies(body: RasaMessage, turn: TurnRecord) -> list[RasaReply]:
    return [RasaReply(recipient_id=body.sender, **_plain(part)) for part in channel_parts(turn)]


def _plain(part: dict[str, Any]) -> dict[str, Any]:
    """Return a part for a channel without carousels: an element is its words and buttons."""
    element = part.get("element")
    if element is None:
        return part
    words = f"{element.get('title', '')} : {element.get('subtitle', '')}"
    return {"text": words, "buttons": list(element.get("buttons") or ())}


def _send(url: str, replies: list[RasaReply]) -> None:
    """Send each; what does not arrive is stored with the turn all the same."""
    with requests.Session() as session:
        for reply in replies:
            try:
                answer = session.post(
                    url,
                    json=reply.model_dump(exclude_none=True),
                    timeout=_CALLBACK_SECONDS,
                    allow_redirects=False,
                )
                answer.raise_for_status()
            except requests.RequestException as error:
                _log.error("a message did not arrive at callback_url: %s", type(error).__name__)


def key_of(body: RasaMessage) -> str | None:
    """Return the client's own id of a message; None where it has none that can be used."""
    try:
        return _KEY.validate_python((body.metadata or {}).get("message_id"), strict=True)
    except ValidationError:
        return None
