"""The bot's turn: what it says, runs and remembers for one message, while that is worked out.

`Bot` makes one for each message, and it ends as that message's outcome. Example:
``doing.perform("book_restaurant")`` runs the action, takes its events in and says what it said.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from todserve.bot.action_events import (
    ActionExecuted,
    ActiveLoop,
    ConversationPaused,
    Event,
    Restarted,
    SlotSet,
)
from todserve.bot.actions import ActionRunner
from todserve.bot.bot_config import (
    HAND_OFF,
    RESTART,
    RESUME,
    BotConfig,
    Form,
    Steps,
    TwoStage,
    in_order,
)
from todserve.bot.bot_outcome import FormState, Outcome
from todserve.bot.bot_phrases import PHRASES, Language
from todserve.bot.dialogue_tracker import Tracker
from todserve.bot.forms.form_dialogue import advance, rule_after
from todserve.bot.message_dispatcher import Dispatcher
from todserve.bot.rasa.action_slots import (
    REQUESTED,
    action_name,
    action_slots,
    domain_json,
    slot_key,
    typed,
    value_text,
)
from todserve.bot.rasa.bot_utterance import Utterance, shown_parts
from todserve.bot.rasa.judged_values import new_values
from todserve.bot.rasa.tracker_events import at, parse_data, tracker_events
from todserve.bot.rasa.two_stage_fallback import TWO_STAGE, Next, Stage, after_doubt, after_no
from todserve.bot.response_templates import Responses, Values
from todserve.bot.services.json_service import UnsureActionError
from todserve.bot.services.person_call import PersonCall
from todserve.bot.spoken_language import LANGUAGE_SLOT, spoken_language
from todserve.bot.user_message import Heard
from todserve.runtime.language.control_text import without_frames
from todserve.runtime.values.place import known_zone

_log = logging.getLogger(__name__)
_MOST_FOLLOWUPS = 5
_RESTARTED = "utter_restart"
_MOST_NAMES = 100
"""Of what was done earlier in the dialogue."""
_MOST_REMEMBERED = 200
_MOST_CHARACTERS = 50_000
"""Slots, and characters of their values: what is remembered is stored anew with every turn."""


class Doing:
    """Collects what the bot says and does for one message: replies, actions, slots, the form.

    Args:
        config: the bot.
        responses: its templates.
        runner: its actions.
        heard: the message.
        past: the outcome of the turn before.
        earlier: the dialogue's turns before, in order.
        desk: calls a person; None for nobody, in a trial.
    """

    def __init__(
        self,
        config: BotConfig,
        responses: Responses,
        runner: ActionRunner,
        heard: Heard,
        past: Outcome,
        earlier: Sequence[tuple[Heard, Outcome]] = (),
        desk: PersonCall | None = None,
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
        self._trail: list[Event] = []
        self._earlier = earlier
        self._desk = desk
        self._language = spoken_language(config, heard, past.memory)
        self._left = list(past.left)
        earlier_names = dict.fromkeys(reversed((*past.done, *past.said)))
        self._done = tuple(reversed([*earlier_names][:_MOST_NAMES]))
        self._asked: str | None = None if past.form is None else _next(past.form)
        self._misses = past.misses
        self._missed = False
        self._waited = past.stage
        self._stage: Stage | None = None
        self._suggested: str | None = None
        self._handed_off = False
        self._error: str | None = None

    def say_as_model(self) -> None:
        """Say what bot.yml has for the model's acts, else the model's own text."""
        values = Values(heard=self.heard, memory=self.memory, language=self._language)
        self._said += [act for _, act, _ in self.heard.acts]
        said = self._responses.of_acts(self.heard.acts, values)
        self._write(said or Utterance(self.heard.text))

    def say(self, name: str, given: Mapping[str, Any] | None = None) -> None:
        """Say a response."""
        self._said.append(name)
        form = None if self.form is None else self._config.forms.get(self.form.name)
        values = Values(
            heard=self.heard,
            memory=self.memory,
            given={**({} if self.form is None else self.form.values), **(given or {})},
            domain=None if form is None else form.domain,
            language=self._language,
        )
        said = self._responses.said(name, values)
        more = shown_parts({**(given or {}), "custom": (given or {}).get("json_message")})
        if more.get("buttons"):
            more["buttons"] = [*said.parts.get("buttons", ()), *more["buttons"]]
        self._trail.append(ActionExecuted(name))
        self._write(replace(said, parts={**said.parts, **more}))

    def remember(self, found: Mapping[str, str]) -> None:
        """Remember what rules made of the message."""
        for slot, value in found.items():
            if self.memory.get(slot) != value:
                self.memory[slot] = value
                self._events.append(SlotSet(slot, value))
                told = typed(value, self._config.slots.get(slot))
                self._trail.append(SlotSet(action_name(slot, self._config.slots), told))

    def hold(self, form: FormState | None) -> None:
        """Begin, go on with or leave a form."""
        before = None if self.form is None else self.form.name
        after = None if form is None else form.name
        if before != after:
            self._note(ActiveLoop(self._loop(after)))
            self._left = [one for one in self._left if one != after]
        self.form = form
        self._ask(None if form is None else _next(form))

    def forget(self, form: Form) -> None:
        """Forget what is remembered of a form that has ended, where bot.yml wants that."""
        for slot in form.required if form.forgets else ():
            if self.memory.pop(slot, None) is not None:
                self._note(SlotSet(action_name(slot, self._config.slots), None))

    def leave(self, begun: str | None) -> None:
        """Leave the form under way; where another one is ``begun``, it may go on later."""
        if self.form is not None and begun not in (None, self.form.name):
            self._left = [*(one for one in self._left if one != self.form.name), self.form.name]
        self.hold(None)

    def miss(self) -> None:
        """Say that the message was not understood; hand over after too many."""
        self._missed = True
        two_stage = self._config.fallback.two_stage
        if self.give_up():
            return
        if two_stage is not None and self.form is None:
            self._doubt(two_stage, *after_doubt(self._waited))
        else:
            self.say(self._config.fallback.response)

    def rephrase(self) -> None:
        """Take in that something else was meant than what the bot asked about."""
        two_stage = self._config.fallback.two_stage
        if two_stage is not None:
            self._doubt(two_stage, *after_no(self._waited))

    def _doubt(self, two_stage: TwoStage, following: Next, stage: Stage | None) -> None:
        """Ask about what was not understood, or give up."""
        self._stage = stage
        self._said.append(TWO_STAGE)
        count = len(self._said)
        if following is Next.ASK and self.heard.intent is not None:
            self._suggested = self.heard.intent
            self._suggest(two_stage, self.heard.intent)
        elif following is not Next.GIVE_UP:
            self.perform(two_stage.rephrase)
        else:
            self.say(self._config.fallback.response)
        # Rasa's stories know it under one name, whatever it says.
        del self._said[count:]
        if following is Next.GIVE_UP and two_stage.give_up is not None:
            self.perform(two_stage.give_up)

    def _suggest(self, two_stage: TwoStage, intent: str) -> None:
        if two_stage.ask not in self._responses:
            self.perform(two_stage.ask)
            return
        phrases = PHRASES[self._language]
        self.say(
            two_stage.ask,
            {
                "intent": two_stage.names.get(intent, intent.replace("_", " ")),
                "buttons": [
                    {"title": phrases.agree, "payload": f"/{intent}"},
                    {"title": phrases.disagree, "payload": f"/{two_stage.denied}"},
                ],
            },
        )

    def give_up(self) -> bool:
        """Hand over where this message is one too many in a row that brought nothing."""
        most = self._config.fallback.hand_off_after
        if not self._missed or most is None or self._misses + 1 < most:
            return False
        self.hand_off("not understood")
        return True

    def hand_off(self, reason: str = "asked") -> None:
        """Let a person take over; where none can be called, say so and go on."""
        if self._calls_person(reason):
            self.say(self._config.fallback.hand_off)
            self._note(ConversationPaused())
            self._handed_off = True
        else:
            self.say(self._config.hand_off.failed)

    def settle_language(self) -> None:
        """Remember the language of the first words in another one than bot.yml's.

        A later "ok" has no letters to know it by.
        """
        if self._language != self._config.language and self.memory.get(LANGUAGE_SLOT) is None:
            self.remember({LANGUAGE_SLOT: str(self._language)})

    @property
    def language(self) -> Language:
        """What the dialogue is held in."""
        return self._language

    @property
    def handed_off(self) -> bool:
        """Whether a person takes over."""
        return self._handed_off

    def _calls_person(self, reason: str) -> bool:
        try:
            if self._desk is not None:
                self._desk.send(self.heard, reason)
        except Exception as error:
            _log.error("hand-off failed: %s", type(error).__name__)
            self._error = f"{HAND_OFF}: {type(error).__name__}"
            return False
        return True

    def perform(self, steps: Steps, *, key: str | None = None, loop: str | None = None) -> bool:
        """Run actions, say responses and begin forms, with all that follows from them.

        Args:
            steps: their names.
            key: idempotency key's second half; None for the message's own id.
            loop: the form that leads to it.

        Returns:
            Whether all went well.
        """
        waiting, last = list(in_order(steps)), None
        for _ in range(_MOST_FOLLOWUPS + len(waiting)):
            if not waiting:
                return True
            current = waiting.pop(0)
            following: list[str] = []
            form = self._config.form_named(current)
            if current == HAND_OFF:
                self.hand_off()
            elif current in self._responses:
                self.say(current)
            elif form is not None:
                if loop is None:  # else it has come to its end
                    self.leave(form)
                following, loop = list(self._begin(form)), form
            elif current == RESUME:
                following = self._resume()
                loop = loop if self.form is None else self.form.name
            elif current == RESTART:
                self._forget()
            else:
                tracker = self._tracker(key or self.heard.message_id, loop, last)
                if not self._run(current, tracker, following):
                    return False
            last = current
            waiting[:0] = following
            if not waiting:
                waiting += self._next_steps(current, loop)
        return not waiting or self._fail(last or "", "TooManyFollowups")

    def end_of(self, form: Form) -> Steps:
        """Return what a form does in the end."""
        filled = {} if self.form is None else self.form.values
        known = {**self.memory, **filled}
        holding = (one.do for one in form.ends if self.heard.meets(one.slots, one.known, known))
        return next(holding, form.action)

    def _next_steps(self, name: str, loop: str | None) -> tuple[str, ...]:
        """Return what a rule says to do in the same turn, after something was said or done."""
        inside = None if loop is not None or self.form is None else self._loop(self.form.name)
        rule = rule_after(self._config, name, self.heard, inside, self.memory)
        return () if rule is None else in_order(rule.do)

    def _begin(self, key: str) -> tuple[str, ...]:
        """Begin a form in the middle of a turn, and return what follows."""
        form = self._config.forms[key]
        after = advance(key, form, None, self.heard, memory=self.memory, agreed=None)[1]
        self.hold(after)
        after = self.judged(form, None, after)
        self.hold(after)
        if after.missing:
            return (form.required[after.missing[0]],)
        if form.confirm is not None:
            return (form.confirm,)
        ends = in_order(self.end_of(form))
        self.hold(None)
        return ends

    def _resume(self) -> list[str]:
        """Go on with the form that was left last; bot.yml may have lost it meanwhile."""
        known = [one for one in self._left if one in self._config.forms]
        return list(self._begin(known[-1])) if known else []

    def _forget(self) -> None:
        """Forget everything, and say the response for it where there is one."""
        restarted = Restarted()
        self._take_in(restarted, [])
        self._trail.append(restarted)
        if _RESTARTED in self._responses:
            self.say(_RESTARTED)

    def outcome(self) -> Outcome:
        """Return what came of it."""
        return Outcome(
            messages=tuple(self._messages),
            said=tuple(self._said),
            events=tuple(self._events),
            memory=self.memory,
            form=self.form,
            handed_off=self._handed_off,
            handed_off_at=self.heard.at if self._handed_off else None,
            fallback=self._missed,
            misses=self._misses + 1 if self._missed and not self._handed_off else 0,
            error=self._error,
            trail=tuple(self._trail),
            done=self._done,
            left=tuple(self._left),
            stage=self._stage,
            suggested=self._suggested,
        )

    def judged(self, form: Form, before: FormState | None, after: FormState) -> FormState:
        """Return a form whose new values have been checked and judged, and say what was not taken.

        Args:
            form: what it needs.
            before: it before the message; None where that begins it.
            after: it with the new values.
        """
        for slot, value in new_values(before, after).items():
            known = self._config.slots.get(slot)
            if known is None or known.check is None:
                continue
            meaning = self.heard.meaning(form.domain, slot, value)
            if not known.check.allows(value, known.values, meaning, today=self._today()):
                after = self.without(after, slot)
                self.say(known.check.refused, {"value": value, slot: value})
                self._missed = True
            elif known.check.action is not None:
                after = self.judge(known.check.action, after, {slot: value})
        new = new_values(before, after)
        if form.validate_action is not None and new:
            after = self.judge(form.validate_action, after, new)
        return after

    def _today(self) -> date:
        zone = known_zone(self._config.time_zone)
        at = self.heard.at
        return (datetime.now(zone) if at is None else datetime.fromtimestamp(at, zone)).date()

    def without(self, form: FormState, slot: str) -> FormState:
        """Return a form without a slot's value, which it asks for next.

        What the belief state has of it counts for nothing until somebody says it again.
        """
        value = form.values.get(slot)
        self.memory.pop(slot, None)
        required = self._config.forms[form.name].required
        values = {name: one for name, one in form.values.items() if name != slot}
        others = [name for name in required if name not in values and name != slot]
        return replace(
            form,
            values=values,
            missing=(slot, *others),
            awaiting_confirmation=False,
            judged=dict(form.judged) if value is None else {**form.judged, slot: (value, None)},
        )

    def judge(self, name: str, form: FormState, new: Mapping[str, str]) -> FormState:
        """Return a form after its own action has judged the values that are new in it.

        Args:
            name: of the action.
            form: with the new values.
            new: slot -> the value as it was heard.
        """
        slots = self._config.slots
        names = {slot: action_name(slot, slots) for slot in new}
        candidates = tuple(
            SlotSet(names[slot], typed(value, slots.get(slot))) for slot, value in new.items()
        )
        tracker = self._tracker(self.heard.message_id, form.name, None, candidates, form)
        count = len(self._events)
        if not self._run(name, tracker, []):
            return form
        values, judged = dict(form.values), dict(form.judged)
        told = {str(one["name"]): one.get("value") for one in self._events[count:] if "name" in one}
        for slot, known in names.items():
            if known not in told:
                continue
            value = told[known]
            judged[slot] = (new[slot], None if value is None else value_text(value))
            if value is None:
                del values[slot]
            else:
                values[slot] = value_text(value)
            if value is None or isinstance(value, str):
                # The form keeps it; what is no text is remembered as it is.
                self.memory.pop(self._key(known), None)
        required = self._config.forms[form.name].required
        missing = [slot for slot in required if slot not in values]
        if REQUESTED in told:
            asked = told[REQUESTED]
            first = [one for one in missing if action_name(one, slots) == asked]
            missing = [*first, *(one for one in missing if one not in first)] if asked else []
        return replace(
            form,
            values=values,
            judged=judged,
            missing=tuple(missing),
            awaiting_confirmation=form.awaiting_confirmation and not missing,
        )

    def _run(self, name: str, tracker: Tracker, waiting: list[str]) -> bool:
        dispatcher = Dispatcher()
        try:
            events = self._runner.run(name, dispatcher, tracker, domain_json(self._config))
        except Exception as error:
            # An action is somebody else's code: nothing it does may lose the turn. Its message
            # could repeat what the user said, so only its kind is told.
            unsure = isinstance(error, UnsureActionError | TimeoutError)
            return self._fail(name, type(error).__name__, unsure=unsure)
        self._note(ActionExecuted(name))
        self._said.append(name)
        remembered = dict(self.memory)
        before = self._handed_off
        for event in events:
            self._take_in(event, waiting)
        if self._handed_off and not before:
            self._handed_off = self._calls_person("action")
        if events and not self._fits():
            # What it did is done; only what it wanted remembered is not.
            self.memory = remembered
            self._error = f"{name}: TooMuchToRemember"
            _log.error("action %s wants too much remembered", name)
        for message in dispatcher.messages:
            text, response = message.pop("text", None), message.pop("response", None)
            known = isinstance(response, str) and response in self._responses
            if known and not text:
                self.say(str(response), message)
            elif text or response is None:
                custom = message.get("custom") or message.get("json_message")
                self._write(Utterance(str(text or ""), shown_parts({**message, "custom": custom})))
            elif response is not None:
                # What it did is done; only what it wanted to say is not known.
                self._error = f"{name}: UnknownResponse"
                _log.error("action %s wants to say an unknown response", name)
        self._trail += events
        return True

    def _note(self, event: Event) -> None:
        self._events.append(event)
        self._trail.append(event)

    def _ask(self, slot: str | None) -> None:
        if slot != self._asked:
            told = None if slot is None else action_name(slot, self._config.slots)
            self._trail.append(SlotSet(REQUESTED, told))
        self._asked = slot

    def _loop(self, form: str | None) -> str | None:
        """Return what actions call a form."""
        known = self._config.forms.get(form or "")
        return form if known is None else known.name or form

    def _key(self, slot: str) -> str:
        """Return what the bot remembers a slot under: what templates and forms call it."""
        return slot_key(slot, self._config.slots)

    def _take_in(self, event: Event, waiting: list[str]) -> None:
        self._events.append(event)
        kind, name = event["event"], event.get("name")
        if kind == "slot" and isinstance(name, str) and name != REQUESTED:
            self.memory[self._key(name)] = event.get("value")
            if event.get("value") is None:
                del self.memory[self._key(name)]
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

    def _fail(self, name: str, kind: str, *, unsure: bool = False) -> bool:
        _log.error("action %s failed: %s", name, kind)
        self._error = f"{name}: {kind}"
        given, own = self._config.actions, self._config.actions.http.get(name)
        if unsure:
            self.say((own and own.unsure) or given.unsure)
        else:
            self.say((own and own.failed) or given.failed)
        return False

    def _tracker(
        self,
        key: str,
        loop: str | None,
        last: str | None,
        candidates: tuple[Event, ...] = (),
        form: FormState | None = None,
    ) -> Tracker:
        heard, form = self.heard, form or self.form
        known_form = None if form is None else self._config.forms.get(form.name)
        domain = heard.domain if known_form is None else known_form.domain
        known: dict[str, Any] = {}
        for other, state in sorted(heard.state.items(), key=lambda one: one[0] == domain):
            # What no slot of bot.yml is named for is seen of the domain that is spoken of alone.
            listed = [slot for slot in state if other == domain or slot in self._config.slots]
            known |= {slot: heard.known(other, slot) for slot in listed}
        filled = {} if form is None else dict(form.values)
        for slot in () if form is None else form.judged:
            if slot in self.memory:
                filled.pop(slot, None)  # remembered as it is, where the form has a text
        slots = action_slots(self._config.slots, {**known, **self.memory, **filled})
        if self._config.slots and self._config.forms:
            asked = None if self._asked is None else action_name(self._asked, self._config.slots)
            slots[REQUESTED] = asked
        here = tracker_events(self._earlier, heard, self._config)
        return Tracker(
            sender_id=heard.sender or heard.dialogue_id,
            slots=slots,
            latest_message=parse_data(heard, self._config),
            key=f"{heard.dialogue_id}:{key}",
            belief_state=heard.state,
            meant=heard.meant,
            active_domain=heard.domain,
            active_loop={} if loop is None else {"name": self._loop(loop)},
            latest_action_name=last,
            events=(*here, *at(heard, [*self._trail, *candidates])),
            channel=heard.channel,
        )

    def _write(self, said: Utterance) -> None:
        # Of bot.yml, an action or a value: the next turn's prompt has it in its history.
        text = without_frames(said.text)
        if not text.strip() and not said.parts:
            return
        if text.strip():
            self._messages.append(text)
        self._trail.append(replace(said, text=text if text.strip() else "").event())


def _next(form: FormState) -> str | None:
    """Return the slot that a form asks for."""
    return form.missing[0] if form.missing else None
