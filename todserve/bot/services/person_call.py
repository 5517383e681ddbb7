"""PersonCall: tells a desk by webhook that a dialogue waits for a person.

When the bot hands over. Example: with ``hand_off: {webhook: https://desk.example}`` the desk
gets ``{"dialogue_id": "d1", "transcript": "/v1/dialogues/d1", "reason": "asked", ...}``.

It gets where the text is kept, and none of it: whoever reads that asks the gateway, which knows
whether they may.
"""

from http import HTTPStatus

from todserve.bot.actions import ActionError
from todserve.bot.bot_config import BotConfig
from todserve.bot.services.json_service import JsonService
from todserve.bot.services.secret_values import Secrets
from todserve.bot.user_message import Heard


class PersonCall:
    """The desk of one bot; for any number of threads.

    Args:
        config: the bot.
        secrets: what ``${NAME}`` stands for.

    Raises:
        ConfigError: a secret is missing, or the address or a header cannot be used.
    """

    def __init__(self, config: BotConfig, secrets: Secrets) -> None:
        given = config.hand_off
        self._transcript = given.transcript
        self._desk: JsonService | None = None
        if given.webhook is not None:
            self._desk = JsonService(
                secrets.told(given.webhook, "hand_off.webhook"),
                secrets.told_all(given.headers, "hand_off.headers"),
                place="hand_off.webhook",
                timeout=given.timeout,
                retries=given.retries,
            )

    def send(self, heard: Heard, reason: str) -> None:
        """Call a person to a dialogue; nothing where bot.yml names no webhook.

        Args:
            heard: the message that led to it.
            reason: ``asked``, ``not understood`` or ``action``.

        Raises:
            ActionError: nobody was called, or nobody knows whether somebody was.
        """
        if self._desk is None:
            return
        status, _ = self._desk.post(
            {
                "event": "hand_off",
                "dialogue_id": heard.dialogue_id,
                "transcript": self._transcript.replace("{dialogue_id}", heard.dialogue_id),
                "reason": reason,
                "channel": heard.channel,
                "turn": heard.index,
                "at": heard.at,
            },
            key=f"{heard.dialogue_id}:{heard.message_id}:hand_off",
        )
        if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            raise ActionError(
                f"hand_off.webhook: got HTTP {status}; expected 200 to 299; correct the address "
                "or the headers"
            )
