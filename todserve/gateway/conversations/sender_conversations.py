"""Senders: people on a channel that names them, each in a dialogue that goes on until it expires.

Rasa's channels hand each message to it, and it has the gateway's speaker answer. Example:
``senders.say("anna", "a train", channel="rest", request_id="4f2a")`` answers in Anna's dialogue.
"""

import uuid
from collections.abc import Mapping
from typing import Any

from todserve.gateway.conversations.speaker import Speaker
from todserve.gateway.gateway_errors import ExpiredError, MissingError
from todserve.gateway.gateway_settings import GatewaySettings
from todserve.gateway.store.dialogue_store import Store
from todserve.gateway.store.records import TurnRecord


class Senders:
    """Leads one dialogue with each sender; any number of threads may use it."""

    def __init__(self, settings: GatewaySettings, store: Store, speaker: Speaker) -> None:
        self._model = settings.model_name
        self._store = store
        self._speaker = speaker

    def say(
        self,
        sender: str,
        text: str,
        *,
        channel: str,
        request_id: str,
        message_id: str | None = None,
        owner: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> TurnRecord:
        """Answer a message of a sender; the same sender of another owner is somebody else.

        Args:
            sender: as the channel names people.
            text: the message.
            channel: by Rasa's name of it.
            request_id: passed on.
            message_id: the client's key for it; None where it has none.
            owner: whose dialogues these are; None for everybody's.
            metadata: what the client sent beside the message.

        Raises:
            GatewayError: see ``Speaker.say``.
        """
        key = message_id or uuid.uuid4().hex

        def answered() -> TurnRecord:
            dialogue_id = self._store.of_sender(
                sender,
                model=self._model,
                alive_since=self._speaker.alive_since(),
                owner=owner,
            )
            turn, _ = self._speaker.say(
                dialogue_id,
                text,
                key,
                request_id=request_id,
                channel=channel,
                metadata=metadata,
            )
            return turn

        try:
            return answered()
        except (ExpiredError, MissingError):
            # It expired, or was deleted, between being found and being spoken in.
            return answered()
