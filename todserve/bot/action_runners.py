"""Runners: run any action of a bot by its name: in this process, by a service, or on Rasa's server.

The bot calls them whenever a turn is to run an action. Example:
``Runners(config).run("book", dispatcher, tracker, {})``.
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
from todserve.bot.services.http_actions import HttpActions
from todserve.bot.services.rasa_action_server import RasaActionServer
from todserve.bot.services.secret_values import Secrets
from todserve.runtime.errors import ConfigError
from todserve.runtime.untrusted.json_text import parse_json

_MOST_CHARACTERS = 100_000
"""Of an action's events, and of its messages, as JSON."""


class Runners:
    """The actions that bot.yml names; for any number of threads.

    Args:
        config: the bot.
        secrets: what ``${NAME}`` stands for; None for this process's environment.

    Raises:
        ConfigError: the module cannot be imported, a secret is missing, or an action runs nowhere.
    """

    def __init__(self, config: BotConfig, secrets: Secrets | None = None) -> None:
        given = config.actions
        secrets = secrets or Secrets()
        self._seconds = given.timeout
        self._services = HttpActions(config, secrets)
        settings = secrets.told_all(given.settings, "actions.settings")
        self._local: LocalActions | None = None
        if given.module is not None:
            try:
                self._local = LocalActions(given.module, settings)
            except ConfigError as error:
                # A database's driver may repeat the address that it could not open.
                raise ConfigError(secrets.hidden(str(error))) from None
        self._server: RasaActionServer | None = None
        if given.endpoint is not None:
            endpoint = secrets.told(given.endpoint, "actions.endpoint")
            self._server = RasaActionServer(endpoint, timeout=given.timeout)
        twice = sorted(self._services.names() & self._module_names())
        if twice:
            raise ConfigError(
                f"actions: {twice[0]!r} is an action of {given.module} and stands under http, too; "
                "expected one of them; rename one"
            )
        lacking = sorted(config.named_actions() - self.names())
        if lacking and self._server is None:
            known = ", ".join(sorted(self.names())) or "none"
            raise ConfigError(
                f"actions: {lacking[0]!r} runs nowhere; expected an action of {given.module} or "
                f"of http ({known}); define it there, or give an endpoint"
            )

    def names(self) -> frozenset[str]:
        """Return the actions of the module and of services."""
        return self._module_names() | self._services.names()

    def _module_names(self) -> frozenset[str]:
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
        runner: ActionRunner | None = self._server
        seconds = self._seconds
        if name in self._services.names():
            runner, seconds = self._services, self._services.seconds(name)
        elif name in self._module_names():
            runner = self._local
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
        thread.join(seconds)
        if thread.is_alive():
            raise TimeoutError(f"{name}: no end after {seconds:g} s")
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
