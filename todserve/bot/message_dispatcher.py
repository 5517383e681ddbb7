"""Dispatcher: collects the messages that an action sends to the user.

Handed to an action. Example: ``dispatcher.utter_message(response="utter_booked", reference="k3")``.
"""

from typing import Any


class Dispatcher:
    """Takes an action's messages to the user and keeps their order.

    Attributes:
        messages: one dictionary a message: ``text`` as it stands, or ``response``, the name of a
            response in bot.yml, with the values for its placeholders beside it.
    """

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []

    def utter_message(
        self, text: str | None = None, *, response: str | None = None, **values: Any
    ) -> None:
        """Say a text, or a response of bot.yml filled with ``values`` first of all.

        ``buttons``, ``image``, ``json_message``, ``attachment``, ``elements`` and
        ``quick_replies`` are shown by channels that can.
        """
        self.messages.append({"text": text, "response": response, **values})
