"""Runners: run any action of a bot by its name, in this process or on a server of actions.

Between the bot and its actions. Example: ``Runners(config).run("book", dispatcher, tracker, {})``.
"""

import json
import threading
from collections.abc import Sequence
from typing import Any

from todserve.bot.action_events import Event
from todserve.bot.actions import ActionError, ActionRunner, LocalActions
from todserve.bot.bot_config import BotConfig
from todserve.bot.dialogue_tracker import Tracker
from todserve.bot.message_dispatcher import Dispatcher
from todserve.bot.rasa_action_server import RasaActionServer
from todserve.runtime.errors import ConfigError
from todserve.runtime.untrusted.json_text import parse_json

_MOST_CHARACTERS = 100_000
"""Of an action's events, and of its messages, as JSON."""


class Runners:
    """The actions that bot.yml names; for any number of threads.

    Raises:
        ConfigError: the module cannot be imported, or an action runs nowhere.
    """

    def __init__(self, config: BotConfig) -> None:
        given = config.actions
        self._seconds = given.timeout
        self._local = None if given.module is None else LocalActions(given.module, given.settings)
        self._server = (
            None
            if given.endpoint is None
            else RasaActionServer(given.endpoint, timeout=given.timeout)
        )
        lacking = sorted(config.named_actions() - self.names())
        if lacking and self._server is None:
            known = ", ".join(sorted(self.names())) or "none"
            raise ConfigError(
                f"actions: {lacking[0]!r} runs nowhere; expected an action of {given.module} "
                f"({known}); define it there, or give an endpoint"
            )

    def names(self) -> frozenset[str]:
        """Return the actions of the module."""
        return frozenset() if self._local is None else self._local.names()

    def run(
        self, name: str, dispatcher: Dispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[Event]:
        """Run one, for as long as it may take.

        Raises:
            ActionError: nobody runs it, its answer is none, or it ended its thread.
            TimeoutError: it takes longer. It cannot be stopped, and may still come to its end:
                only its key keeps it from being done twice.
            Exception: whatever else it raises.
        """
        runner: ActionRunner | None = self._local if name in self.names() else self._server
        if runner is None:
            raise ActionError(f"unknown action {name!r}; expected one of {sorted(self.names())}")
        events: list[Event] = []
        faults: list[BaseException] = []

        def work() -> None:
            try:
                found = runner.run(name, dispatcher, tracker, domain)
                events.extend(_as_json(found))
                dispatcher.messages[:] = _as_json(dispatcher.messages)
            except BaseException as error:
                # Its thread would end as if all went well otherwise.
                faults.append(error)

        thread = threading.Thread(target=work, name=f"action {name}", daemon=True)
        thread.start()
        thread.join(self._seconds)
        if thread.is_alive():
            raise TimeoutError(f"{name}: no end after {self._seconds:g} s")
        _raise_first(name, faults)
        return events


def _as_json(given: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what an action gave as it can be stored and sent; raises where it cannot."""
    text = json.dumps(given, allow_nan=False, ensure_ascii=False)
    if len(text) > _MOST_CHARACTERS:
        raise ActionError(
            f"got an answer of {len(text)} characters; expected at most {_MOST_CHARACTERS}, which "
            "are stored with the turn; keep large things where the action keeps its own"
        )
    text.encode("utf-8")
    found: list[dict[str, Any]] = parse_json(text)
    return found


def _raise_first(name: str, faults: Sequence[BaseException]) -> None:
    for fault in faults:
        if isinstance(fault, Exception):
            raise fault
        # SystemExit and its like are about the action alone, not about this process.
        raise ActionError(f"{name}: ended with {type(fault).__name__}") from None
