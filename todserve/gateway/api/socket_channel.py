"""Rasa's Socket.IO channel: its web chat widgets speak with the bot unchanged.

Another way in for a message, to the same dialogues. Example: a page emits ``user_uttered`` with
``{"message": "hello"}`` and hears ``bot_uttered`` with ``{"text": "..."}``, a message at a time.

Source of the events: ``socketio`` of Rasa 3's channels.
"""

import logging
import time
import uuid
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import anyio.to_thread
import socketio
from fastapi import FastAPI
from pydantic import ValidationError

from todserve.gateway.api.middleware import Rates, told_of
from todserve.gateway.api.rasa_channel import channel_parts, key_of
from todserve.gateway.api.request_bodies import RasaMessage
from todserve.gateway.api.roles import Caller
from todserve.gateway.conversations.sender_conversations import Senders
from todserve.gateway.gateway_errors import BusyError, GatewayError
from todserve.gateway.gateway_metrics import GatewayMetrics
from todserve.gateway.gateway_settings import GatewaySettings
from todserve.gateway.store.records import TurnRecord
from todserve.gateway.waiting_room import CrowdedError, WaitingRoom

PATH = "/socket.io"

_PING_SECONDS = 5
"""A chat that only polls is answered at least so often, and a gateway that stops waits for that."""

_log = logging.getLogger(__name__)
_SAID, _HEARD, _REFUSED = "user_uttered", "bot_uttered", "message_refused"


def mount_sockets(
    app: FastAPI,
    settings: GatewaySettings,
    senders: Senders,
    room: WaitingRoom,
    metrics: GatewayMetrics,
) -> None:
    """Add Rasa's Socket.IO channel to an app."""
    # Without other sites, a page must be of the address that it speaks to.
    sites = "*" if "*" in settings.cors else [*settings.cors] or None
    server = socketio.AsyncServer(
        async_mode="asgi",
        cors_allowed_origins=sites,
        max_http_buffer_size=settings.max_body_bytes,
        ping_interval=_PING_SECONDS,
    )
    channel = _Sockets(server, settings, senders, room, metrics)
    server.on("connect", channel.connect)
    server.on("session_request", channel.begin)
    server.on(_SAID, channel.say)
    app.mount(PATH, socketio.ASGIApp(server, socketio_path=PATH.strip("/")))


class _Sockets:
    """What a web chat may ask for."""

    def __init__(
        self,
        server: socketio.AsyncServer,
        settings: GatewaySettings,
        senders: Senders,
        room: WaitingRoom,
        metrics: GatewayMetrics,
    ) -> None:
        self._server = server
        self._senders = senders
        self._persistent = settings.socket_sessions
        self._rates = Rates(settings.requests_per_minute)
        self._waiting_room = room
        self._metrics = metrics

    async def connect(self, sid: str, environ: Mapping[str, Any], _: object = None) -> None:
        """Let a chat in that the guard has let in, and note whose dialogues it begins."""
        scope = environ["asgi.scope"]
        caller: Caller = scope["state"]["caller"]
        # Whoever opens many chats waits behind itself, as on the other channels.
        client = scope["state"].get("client") or (scope.get("client") or (sid,))[0]
        await self._server.save_session(sid, {"owner": caller.writes, "client": client})

    async def begin(self, sid: str, sent: Any = None) -> None:
        """Name the session of a chat: the one that it had, or a new one."""
        given = sent.get("session_id") if isinstance(sent, dict) else None
        session = given if isinstance(given, str) and 0 < len(given) <= 256 else uuid.uuid4().hex
        if self._persistent:
            await self._server.enter_room(sid, await self._room(sid, session))
        await self._server.emit("session_confirm", session, to=sid)

    async def say(self, sid: str, sent: Any = None) -> None:
        """Answer a message, a part at a time."""
        given = sent if isinstance(sent, dict) else {}
        sender, room = sid, sid
        if self._persistent:
            sender = str(given.get("session_id") or "")
            room = await self._room(sid, sender)
            await self._server.enter_room(sid, room)
        metadata = given.get("metadata") or given.get("customData")
        try:
            message = RasaMessage.model_validate(
                {
                    "sender": sender,
                    "message": given.get("message"),
                    "metadata": metadata if isinstance(metadata, dict) else None,
                }
            )
        except ValidationError:
            told = "expected a message, and a session_id where sessions are kept"
            await self._refuse(sid, 422, "invalid", told)
            return
        try:
            if not self._rates.take(sid):
                raise BusyError("too many messages; wait a second")
            session = await self._server.get_session(sid)
            began = time.perf_counter()
            async with self._waiting_room.place(session["client"]):
                self._metrics.waited(time.perf_counter() - began)
                turn = await anyio.to_thread.run_sync(
                    partial(self._turn, message, session["owner"])
                )
        except CrowdedError as crowded:
            self._metrics.refused(crowded.reason)
            status, kind, why = told_of(crowded)
            await self._refuse(sid, int(status), kind, why, crowded.retry_after)
            return
        except GatewayError as error:
            await self._refuse(sid, int(error.status), error.kind, str(error), error.retry_after)
            return
        except Exception as error:
            # Its text could repeat what was said.
            _log.error("a message on Socket.IO failed: %s", type(error).__name__)
            await self._refuse(sid, 500, "internal", "an error of the gateway")
            return
        for part in channel_parts(turn):
            for told in _emitted(part):
                await self._server.emit(_HEARD, told, to=room)

    def _turn(self, message: RasaMessage, owner: str | None) -> TurnRecord:
        return self._senders.say(
            message.sender,
            message.message,
            channel="socketio",
            request_id=uuid.uuid4().hex,
            message_id=key_of(message),
            owner=owner,
            metadata=message.metadata,
        )

    async def _room(self, sid: str, session: str) -> str:
        # Whoever has another token hears nothing of it, whatever session it names.
        owner = (await self._server.get_session(sid))["owner"]
        return f"{owner or ''}:{session}"

    async def _refuse(
        self, sid: str, code: int, kind: str, message: str, retry_after: int = 0
    ) -> None:
        """Tell a chat why it is not answered, and when it may come again."""
        told: dict[str, Any] = {"code": code, "type": kind, "message": message}
        if retry_after:
            told["retry_after"] = retry_after
        await self._server.emit(_REFUSED, told, to=sid)


def _emitted(part: Mapping[str, Any]) -> Iterator[Any]:
    """Yield a part as Rasa's web chats read it."""
    if "buttons" in part:
        *first, last = part["text"].strip().split("\n\n")
        yield from ({"text": text, "quick_replies": []} for text in first)
        replies = [
            {
                "content_type": "text",
                "title": one.get("title", ""),
                "payload": one.get("payload", one.get("title", "")),
            }
            for one in part["buttons"]
            if isinstance(one, dict)
        ]
        yield {"text": last, "quick_replies": replies}
    elif "text" in part:
        yield {"text": part["text"]}
    elif "image" in part:
        yield {"attachment": {"type": "image", "payload": {"src": part["image"]}}}
    elif "attachment" in part:
        yield {"attachment": part["attachment"]}
    elif "element" in part:
        template = {"template_type": "generic", "elements": part["element"]}
        yield {"attachment": {"type": "template", "payload": template}}
    else:
        # Rasa takes the arguments of its own call here, of which only the data are a chat's.
        custom = part["custom"]
        yield custom.get("data", custom) if isinstance(custom, dict) else custom
