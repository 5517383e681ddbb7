"""HttpActions: actions that services do; JSON is posted to them, and JSON comes back.

The bot runs them after the model answered, where bot.yml has an action under ``actions.http``.
Example: ``HttpActions(config, Secrets()).run("order_status", dispatcher, tracker, {})`` posts
``{"action": "order_status", "key": "d1:m2", "slots": {"order": "4711"}}``, and says what came back.

What the person is told comes of the answer: where it lacks what ``gives`` names, the action has
failed and nothing is claimed.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from todserve.bot.action_events import Event, SlotSet
from todserve.bot.actions import ActionError
from todserve.bot.bot_config import BotConfig
from todserve.bot.dialogue_tracker import Tracker
from todserve.bot.message_dispatcher import Dispatcher
from todserve.bot.services.json_service import JsonService, UnsureActionError
from todserve.bot.services.secret_values import Secrets
from todserve.runtime.errors import DataError
from todserve.runtime.untrusted.json_text import parse_json


class HttpActions:
    """The services that bot.yml names; for any number of threads.

    Args:
        config: the bot.
        secrets: what ``${NAME}`` stands for.

    Raises:
        ConfigError: a secret is missing, or an address or a header cannot be used.
    """

    def __init__(self, config: BotConfig, secrets: Secrets) -> None:
        self._given = config.actions.http
        self._services: dict[str, JsonService] = {}
        for name, one in self._given.items():
            place = f"actions.http.{name}"
            self._services[name] = JsonService(
                secrets.told(one.url, f"{place}.url"),
                secrets.told_all(one.headers, f"{place}.headers"),
                place=place,
                timeout=one.timeout,
                retries=one.retries,
            )

    def names(self) -> frozenset[str]:
        """Return the actions' names."""
        return frozenset(self._services)

    def seconds(self, name: str) -> float:
        """Return how long one may take."""
        return self._services[name].seconds

    def run(
        self, name: str, dispatcher: Dispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[Event]:
        """Run one, and say what came of it.

        Raises:
            ActionError: it has not been done, or its answer lacks what it must have.
            UnsureActionError: nobody knows whether it has been done.
        """
        given = self._given[name]
        known = {slot: value for slot, value in tracker.slots.items() if value is not None}
        body: dict[str, Any] = {
            "action": name,
            "key": tracker.key,
            "sender": tracker.sender_id,
            "slots": {slot: known.get(slot) for slot in given.send} if given.send else known,
        }
        meant = {slot: tracker.meaning(slot) for slot in body["slots"]}
        if any(meant.values()):
            body["meant"] = {slot: one for slot, one in meant.items() if one}
        status, content = self._services[name].post(body, key=tracker.key)
        if status in given.statuses:
            dispatcher.utter_message(response=given.statuses[status], **known)
            return []
        if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            raise ActionError(
                f"actions.http.{name}: got HTTP {status}; expected 200, or a status that "
                "'statuses' has a response for"
            )
        answer = _answer(name, content, tuple(given.gives))
        if given.says is not None:
            dispatcher.utter_message(response=given.says, **{**known, **answer})
        judged = answer.get("slots")
        events: list[Event] = []
        if isinstance(judged, Mapping):
            events += [SlotSet(str(slot), value) for slot, value in judged.items()]
        return events + [SlotSet(slot, answer[slot]) for slot in given.remember]


def _answer(name: str, content: bytes, gives: tuple[str, ...]) -> Mapping[str, Any]:
    """Return the answer, which has all that it must have.

    Raises:
        UnsureActionError: it has not; the service may have done something all the same.
    """
    try:
        answer = parse_json(content) if content.strip() else {}
    except DataError:
        answer = None
    if not isinstance(answer, Mapping):
        raise UnsureActionError(
            f"actions.http.{name}: got something else than a JSON object; expected one such as "
            '{"reference": "k3"}'
        )
    for slot in gives:
        value = answer.get(slot)
        if value is None or value == "" or not isinstance(value, str | int | float):
            raise UnsureActionError(
                f"actions.http.{name}: got an answer without {slot!r}; expected a text or a "
                "number, which bot.yml names under gives"
            )
    return answer
