"""Doing: one message's turn of the bot while it is under way.

Between what the bot decides and its outcome. Example: ``doing.perform("book_restaurant")`` runs
the action, takes its events in and says what it said.
"""

import logging
from collections.abc import Mapping
from typing import Any

from todserve.bot.action_events import (
    ActionExecuted,
    ActiveLoop,
    ConversationPaused,
    Event,
    SlotSet,
)
from todserve.bot.actions import ActionRunner
from todserve.bot.bot_config import HAND_OFF, BotConfig
from todserve.bot.bot_outcome import FormState, Outcome
from todserve.bot.dialogue_tracker import Tracker
from todserve.bot.message_dispatcher import Dispatcher
from todserve.bot.response_templates import Responses, Values
from todserve.bot.user_message import Heard
from todserve.runtime.language.control_text import without_frames

_log = logging.getLogger(__name__)
_MOST_FOLLOWUPS = 5
_MOST_REMEMBERED = 200
_MOST_CHARACTERS = 50_000
"""Slots, and characters of their values: what is remembered is stored anew with every turn."""


class Doing:
    """Says, runs and remembers.

    Args:
        config: the bot.
        responses: its templates.
        runner: its actions.
        heard: the message.
        past: the outcome of the turn before.
    """

    def __init__(
        self,
        config: BotConfig,
        responses: Responses,
        runner: ActionRunner,
        heard: Heard,
        past: Outcome,
    ) -> None:
        self.heard = heard
        self.memory: dict[str, Any] = dict(past.memory)
        self.form: FormState | None = past.form
        self._config = config
        self._responses = responses
        self._runner = runner
        self._messages: list[str] = []
        self._said: list[str] = []
        self._events: list[Event] = []
        self._misses = past.misses
        self._missed = False
        self._handed_off = False
        self._error: str | None = None

    def say_as_model(self) -> None:
        """Say what bot.yml has for the model's acts, else the model's own text."""
        values = Values(heard=self.heard, memory=self.memory)
        self._said += [act for _, act, _ in self.heard.acts]
        self._write(self._responses.of_acts(self.heard.acts, values) or self.heard.text)

    def say(self, name: str, given: Mapping[str, Any] | None = None) -> None:
        """Say a response."""
        self._said.append(name)
        form = None if self.form is None else self._config.forms.get(self.form.name)
        values = Values(
            heard=self.heard,
            memory=self.memory,
            given={**({} if self.form is None else self.form.values), **(given or {})},
            domain=None if form is None else form.domain,
        )
        self._write(self._responses.said(name, values))

    def remember(self, found: Mapping[str, str]) -> None:
        """Remember what rules made of the message."""
        for slot, value in found.items():
            if self.memory.get(slot) != value:
                self.memory[slot] = value
                self._events.append(SlotSet(slot, value))

    def hold(self, form: FormState | None) -> None:
        """Begin, go on with or leave a form."""
        before = None if self.form is None else self.form.name
        after = None if form is None else form.name
        if before != after:
            self._events.append(ActiveLoop(after))
        self.form = form

    def miss(self) -> None:
        """Say that the message was not understood; hand over after too many."""
        fallback = self._config.fallback
        self._missed = True
        if fallback.hand_off_after is not None and self._misses + 1 >= fallback.hand_off_after:
            self.hand_off()
        else:
            self.say(fallback.response)

    def hand_off(self) -> None:
        """Let a person take over."""
        self.say(self._config.fallback.hand_off)
        self._events.append(ConversationPaused())
        self._handed_off = True

    def perform(self, name: str, *, key: str | None = None, loop: str | None = None) -> bool:
        """Run an action with all that follows from it, or say a response of that name.

        Args:
            name: of the action or response.
            key: idempotency key's second half; None for the message's own id.
            loop: the form that leads to it.

        Returns:
            Whether all went well.
        """
        waiting, last = [name], None
        for _ in range(_MOST_FOLLOWUPS + 1):
            current = waiting.pop(0)
            if current == HAND_OFF:
                self.hand_off()
            elif current in self._responses:
                self.say(current)
            else:
                tracker = self._tracker(key or self.heard.message_id, loop, last)
                if not self._run(current, tracker, waiting):
                    return False
            last = current
            if not waiting:
                return True
        return self._fail(name, "TooManyFollowups")

    def outcome(self) -> Outcome:
        """Return what came of it."""
        return Outcome(
            messages=tuple(self._messages),
            said=tuple(self._said),
            events=tuple(self._events),
            memory=self.memory,
            form=self.form,
            handed_off=self._handed_off,
            fallback=self._missed,
            misses=self._misses + 1 if self._missed and not self._handed_off else 0,
            error=self._error,
        )

    def _run(self, name: str, tracker: Tracker, waiting: list[str]) -> bool:
        dispatcher = Dispatcher()
        try:
            events = self._runner.run(name, dispatcher, tracker, self._config.domain())
        except Exception as error:
            # An action is somebody else's code: nothing it does may lose the turn. Its message
            # could repeat what the user said, so only its kind is told.
            return self._fail(name, type(error).__name__)
        self._events.append(ActionExecuted(name))
        self._said.append(name)
        remembered = dict(self.memory)
        for event in events:
            self._take_in(event, waiting)
        if events and not self._fits():
            # What it did is done; only what it wanted remembered is not.
            self.memory = remembered
            self._error = f"{name}: TooMuchToRemember"
            _log.error("action %s wants too much remembered", name)
        for message in dispatcher.messages:
            text, response = message.pop("text", None), message.pop("response", None)
            if text:
                self._write(str(text))
            elif isinstance(response, str) and response in self._responses:
                self.say(response, message)
            elif response is not None:
                # What it did is done; only what it wanted to say is not known.
                self._error = f"{name}: UnknownResponse"
                _log.error("action %s wants to say an unknown response", name)
        return True

    def _take_in(self, event: Event, waiting: list[str]) -> None:
        self._events.append(event)
        kind, name = event["event"], event.get("name")
        if kind == "slot" and isinstance(name, str):
            self.memory[name] = event.get("value")
            if event.get("value") is None:
                del self.memory[name]
        elif kind == "followup" and isinstance(name, str):
            waiting.append(name)
        elif kind == "pause":
            self._handed_off = True
        elif kind in ("restart", "reset_slots"):
            self.memory = dict(self._config.initial_values())
        if kind == "restart" or (kind == "active_loop" and name is None):
            self.form = None

    def _fits(self) -> bool:
        # The same for any value, since whatever an action gives has been JSON by now.
        characters = sum(len(key) + len(str(value)) for key, value in self.memory.items())
        return len(self.memory) <= _MOST_REMEMBERED and characters <= _MOST_CHARACTERS

    def _fail(self, name: str, kind: str) -> bool:
        _log.error("action %s failed: %s", name, kind)
        self._error = f"{name}: {kind}"
        self.say(self._config.actions.failed)
        return False

    def _tracker(self, key: str, loop: str | None, last: str | None) -> Tracker:
        heard = self.heard
        state = heard.state
        domain = heard.domain if self.form is None else self._config.forms[self.form.name].domain
        known = {slot: heard.known(domain or "", slot) for slot in state.get(domain or "", {})}
        return Tracker(
            sender_id=heard.dialogue_id,
            slots={
                **known,
                **self.memory,
                **({} if self.form is None else self.form.values),
            },
            latest_message={
                "text": heard.user,
                "message_id": heard.message_id,
                "intent": {"name": heard.intent, "confidence": heard.confidence},
                "entities": [
                    {"entity": name, "value": value} for name, value in heard.entities.items()
                ],
            },
            key=f"{heard.dialogue_id}:{key}",
            belief_state=state,
            active_domain=heard.domain,
            active_loop={} if loop is None else {"name": loop},
            latest_action_name=last,
            events=tuple(self._events),
        )

    def _write(self, text: str) -> None:
        # Of bot.yml, an action or a value: the next turn's prompt has it in its history.
        said = without_frames(text)
        if said.strip():
            self._messages.append(said)
