"""Actions: a program's own code, run by name in this process.

The bot calls them after the model answered, where bot.yml names an action. Example: a class with
``name() -> "book_restaurant"`` and ``run(dispatcher, tracker, domain) -> [SlotSet(...)]``; ``run``
may be a coroutine, so a class written for rasa-sdk runs unchanged.

An action may run again for the same message, when the process died before the turn was stored.
Whatever it does once only, it does under ``tracker.key``.
"""

import asyncio
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Awaitable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, runtime_checkable

from todserve.bot.action_events import Event
from todserve.bot.dialogue_tracker import Tracker
from todserve.bot.message_dispatcher import Dispatcher
from todserve.runtime.errors import ConfigError, TodError


class ActionError(TodError):
    """An action that could not be run, or whose answer is none; names no text of the user."""


@runtime_checkable
class Action(Protocol):
    """Code that the bot runs by a name: it may look up, book, speak and set slots."""

    def name(self) -> str:
        """Return the name by which bot.yml calls the action."""

    def run(
        self, dispatcher: Dispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Sequence[Event] | None | Awaitable[Sequence[Event] | None]:
        """Run the action, send its messages, and return the events that it caused."""


class ActionRunner(Protocol):
    """Runs actions by their names, in this process or elsewhere."""

    def names(self) -> frozenset[str]:
        """Return the names of the actions that it certainly has."""

    def run(
        self, name: str, dispatcher: Dispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[Event]:
        """Run one; whatever it raises is the bot's to catch.

        Raises:
            ActionError: there is none of that name, or it answered something else than events.
        """


class LocalActions:
    """The actions of one module: every class defined in it that has a ``name`` and a ``run``.

    Args:
        module: a ``.py`` file, or a dotted module.
        settings: handed to a class whose constructor takes ``settings``.

    Raises:
        ConfigError: the module cannot be imported, has no actions or two of one name.
    """

    def __init__(self, module: str, settings: Mapping[str, Any] | None = None) -> None:
        self._actions: dict[str, Action] = {}
        loaded = _loaded(module)
        for kind in vars(loaded).values():
            own = inspect.isclass(kind) and kind.__module__ == loaded.__name__
            if not own or not (hasattr(kind, "name") and hasattr(kind, "run")):
                continue
            action = _made(kind, settings or {}, module)
            name = _named(action, module)
            if name in self._actions:
                raise ConfigError(
                    f"{module}: two actions are called {name!r}; expected names of their "
                    "own; rename one"
                )
            self._actions[name] = action
        if not self._actions:
            raise ConfigError(
                f"{module}: got no action; expected at least one class with name() and "
                "run(dispatcher, tracker, domain)"
            )

    def names(self) -> frozenset[str]:
        """Return the actions' names."""
        return frozenset(self._actions)

    def run(
        self, name: str, dispatcher: Dispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[Event]:
        """Run one, in the calling thread; a coroutine in an event loop of its own.

        Raises:
            ActionError: there is none of that name, or it answered something else than events.
        """
        action = self._actions.get(name)
        if action is None:
            known = ", ".join(sorted(self._actions))
            raise ActionError(f"unknown action {name!r}; expected one of {known}")
        answer = action.run(dispatcher, tracker, domain)
        if inspect.isawaitable(answer):
            answer = asyncio.run(_awaited(answer))
        return as_events(name, answer)


def as_events(name: str, answer: object) -> list[Event]:
    """Return an action's answer as events; none for None.

    Raises:
        ActionError: it is no list of dictionaries that say which event they are.
    """
    events = list(answer) if isinstance(answer, list | tuple) else answer
    if events is None:
        return []
    if not isinstance(events, list) or not all(
        isinstance(one, dict) and isinstance(one.get("event"), str) for one in events
    ):
        raise ActionError(
            f"{name}: answered no list of events; expected for example [SlotSet('reference', 'k3')]"
        )
    return events


async def _awaited(answer: Awaitable[Sequence[Event] | None]) -> Sequence[Event] | None:
    return await answer


def _made(kind: type, settings: Mapping[str, Any], module: str) -> Action:
    takes = "settings" in inspect.signature(kind).parameters
    try:
        action = kind(settings=settings) if takes else kind()
    except Exception as error:
        raise ConfigError(
            f"{module}: {kind.__name__} cannot be made ({type(error).__name__}: {error}); expected "
            "a class without arguments, or with 'settings' alone"
        ) from error
    if not isinstance(action, Action):
        raise ConfigError(f"{module}: {kind.__name__} is no action; expected name() and run()")
    return action


def _named(action: Action, module: str) -> str:
    expected = "expected a method that returns its name as a text; correct it"
    try:
        name: object = action.name()
    except Exception as error:
        raise ConfigError(
            f"{module}: {type(action).__name__}.name: got {type(error).__name__}; {expected}"
        ) from error
    if not isinstance(name, str):
        raise ConfigError(f"{module}: {type(action).__name__}.name: got {name!r}; {expected}")
    return name


def _loaded(module: str) -> ModuleType:
    try:
        if not module.endswith(".py"):
            return importlib.import_module(module)
        path = Path(module).resolve()
        # A name of its own, so that two bots' files of one name stay apart.
        name = f"_bot_actions_{abs(hash(path)):x}"
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise ImportError("not a Python file")
        loaded = importlib.util.module_from_spec(spec)
        sys.modules[name] = loaded
        spec.loader.exec_module(loaded)
    except (Exception, SystemExit) as error:
        raise ConfigError(
            f"actions.module: cannot import {module} ({type(error).__name__}: {error}); expected a "
            "Python file beside bot.yml, or a module that is installed"
        ) from error
    return loaded
