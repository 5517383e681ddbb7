"""Bot: decides what is said and done with the model's answer.

The gateway's speaker calls it after the model answered and before the turn is stored. Example:
``Bot(config).turn(heard, Outcome()).messages`` is ``("For what day?",)``.

For one message there is one decision: it depends on nothing but the message, the model's answer
and the outcome of the turn before, so a message that is sent again is answered alike.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace

from todserve.bot.action_runners import Runners
from todserve.bot.actions import ActionRunner
from todserve.bot.bot_config import RESTART, BotConfig, Form, SlotType, in_order
from todserve.bot.bot_outcome import FormState, Outcome
from todserve.bot.bot_phrases import PHRASES
from todserve.bot.bot_turn import Doing
from todserve.bot.expressions import Expression
from todserve.bot.forms.form_corrections import corrected
from todserve.bot.forms.form_dialogue import Move, advance, filled, rule_for
from todserve.bot.rasa.action_slots import filled_by, typed
from todserve.bot.rasa.entity_conditions import entities_placed
from todserve.bot.rasa.judged_values import judged_before, new_values
from todserve.bot.rasa.two_stage_fallback import clarified, denies
from todserve.bot.response_templates import Responses
from todserve.bot.services.person_call import PersonCall
from todserve.bot.services.secret_values import Secrets
from todserve.bot.user_message import Heard, agrees
from todserve.runtime.language.dialogue import OUT_OF_SCOPE


class Bot:
    """One bot; for any number of dialogues and threads.

    Args:
        config: what bot.yml says.
        runner: runs its actions; None runs them as bot.yml says, and calls a person as it says.

    Raises:
        ConfigError: an action cannot be run, or a secret is missing.
    """

    def __init__(self, config: BotConfig, runner: ActionRunner | None = None) -> None:
        self._config = config
        secrets = Secrets()
        self._runner = Runners(config, secrets) if runner is None else runner
        # In a trial nobody is called.
        self._desk = PersonCall(config, secrets) if runner is None else None
        self._responses = Responses(config)
        own = PHRASES[config.language]
        self._book = re.compile(own.book or r"(?!)", re.IGNORECASE)
        self._reference = re.compile(own.reference or r"(?!)", re.IGNORECASE)
        self._phrases = [
            (Expression(pattern), name) for pattern, name in config.actions.phrases.items()
        ]
        self._intents = [
            (Expression(pattern), intent)
            for intent, patterns in config.intents.items()
            for pattern in patterns
        ]

    @property
    def config(self) -> BotConfig:
        """What bot.yml says."""
        return self._config

    def filled_by(self, entity: str) -> list[str]:
        """Return the slots that an entity fills."""
        return filled_by(entity, self._config.slots)

    def turn(
        self, heard: Heard, past: Outcome, earlier: Sequence[tuple[Heard, Outcome]] = ()
    ) -> Outcome:
        """Answer a message; only actions do anything beyond the outcome.

        Args:
            heard: the message.
            past: the outcome of the turn before; an empty one at the start.
            earlier: the turns before, in order, as actions are told them.
        """
        given_back = False
        if past.handed_off:
            given_back = self._waited_long_enough(heard, past)
            if not given_back:
                return Outcome(
                    memory=past.memory,
                    form=past.form,
                    handed_off=True,
                    handed_off_at=past.handed_off_at,
                    done=past.done,
                    left=past.left,
                )
        if heard.index == 0:
            past = replace(past, memory={**self._config.initial_values(), **past.memory})
        heard, asked_for = self._asked_for(replace(heard, state=self._config.spelled(heard.state)))
        heard = self._named(heard)
        asked_for = asked_for or self._asked_of_rasa(heard)
        heard = clarified(heard, past, self._config)
        heard, strayed, placed = entities_placed(heard, past, self._config)
        heard = judged_before(heard, past.form, self._config)
        doing = Doing(self._config, self._responses, self._runner, heard, past, earlier, self._desk)
        if given_back:
            doing.say(self._config.hand_off.back)
        for _, slot in heard.changed:
            doing.memory.pop(slot, None)  # what the user says now is newer
        self._remember(doing)
        doing.settle_language()
        doing.remember(placed)
        if asked_for is not None:
            doing.hold(None)
            doing.perform(asked_for)
        elif self._begins_anew(heard):
            doing.hold(None)
        elif past.form is None and denies(heard, past, self._config):
            doing.rephrase()
        elif not self._fill(doing, past.form, past):
            self._answer(doing, past)
        return replace(doing.outcome(), strayed=strayed)

    def _asked_for(self, heard: Heard) -> tuple[Heard, str | None]:
        """Return what the first phrase that was said leads to, and the message with its groups."""
        text = unicodedata.normalize("NFC", heard.user)
        for pattern, name in self._phrases:
            groups = pattern.groups(text)
            if groups is not None:
                return replace(heard, entities=groups), name
        return heard, None

    def _asked_of_rasa(self, heard: Heard) -> str | None:
        """Return what the payload ``/restart`` leads to where bot.yml says nothing of it."""
        return RESTART if self._is_rasas(heard, "restart") else None

    def _begins_anew(self, heard: Heard) -> bool:
        """Say whether a web chat tells that it was opened: to Rasa that is no message."""
        return self._is_rasas(heard, "session_start")

    def _is_rasas(self, heard: Heard, intent: str) -> bool:
        config = self._config
        ruled = {rule.intent for rule in config.rules}
        own = {*config.actions.intents, *config.small_talk, *config.forms, *ruled}
        return heard.outright and heard.intent == intent and intent not in own

    def _named(self, heard: Heard) -> Heard:
        """Return a message with the intent that bot.yml knows it by, whatever the model calls it.

        A payload says its intent itself, and the model has nothing to do with that either.
        """
        if heard.outright:
            return heard
        text = unicodedata.normalize("NFC", heard.user)
        for pattern, intent in self._intents:
            groups = pattern.groups(text)
            if groups is not None:
                entities = {**heard.entities, **groups}
                return replace(heard, intent=intent, confidence=1.0, entities=entities)
        return heard

    def _waited_long_enough(self, heard: Heard, past: Outcome) -> bool:
        """Say whether no person gave the dialogue back in the time that one may take."""
        seconds = self._config.hand_off.back_after
        if seconds is None or heard.at is None or past.handed_off_at is None:
            return False
        return heard.at - past.handed_off_at >= seconds

    def _remember(self, doing: Doing) -> None:
        """Remember what a payload says that no slot of the belief state holds."""
        slots = self._config.slots
        for entity, values in doing.heard.said.items():
            for key in filled_by(entity, slots):
                if all(key not in known for known in doing.heard.state.values()):
                    slot = slots.get(key)
                    many = slot is not None and slot.type == SlotType.LIST
                    doing.memory[key] = typed(list(values) if many else values[-1], slot)

    def _fill(self, doing: Doing, before: FormState | None, past: Outcome) -> bool:
        """Go on with a form, or begin one; False where the message is none of its business."""
        heard = doing.heard
        phrases = PHRASES[doing.language]
        agreed = agrees(heard, self._config, doing.language)
        if self._means_something_else(heard, before):
            agreed = None  # "cancel my order" is no bare "no"
        sure = not self._doubtful(heard)
        if before is None:
            asks_for_one = self._reference.search(heard.user) and not self._book.search(heard.user)
            if asks_for_one or heard.intent == OUT_OF_SCOPE:
                return False  # "what was my reference?" begins no other booking
        name = self._begun_by(doing, past) if before is None else before.name
        form = self._config.forms.get(name or "")
        begun = self._config.form_name(name) if form is not None and name and not before else None
        fixed = self._corrected(doing, before, form, agreed)
        ruled = filled(
            self._config,
            heard,
            before,
            begun=begun,
            agreed=agreed,
            sure=sure,
            bare=not fixed,
            phrases=phrases,
        )
        ruled |= {slot: value for slot, value in fixed.items() if value is not None}
        if form is not None:
            ruled |= _said_outright(heard, form, self._config)
        doing.remember(ruled)
        unknown = [slot for slot in fixed if slot not in ruled]
        if before is not None and form is not None and unknown:
            self._ask_again(doing, form, before, unknown[0])
            return True
        wanted = {slot for slot in ruled if form is not None and slot in form.required}
        if before is not None:
            if heard.intent == OUT_OF_SCOPE and not wanted:
                return self._go_back(doing, before)
            answers = bool(wanted)
            if form is not None and sure and not wanted and self._chatted(doing, before, form):
                return True
            if form is not None and sure and self._interrupted(doing, before, form, past, answers):
                return True
        unsure = not wanted and (self._misheard(heard) or not sure)
        if begun is not None and form is not None and not unsure:
            doing.perform(self._opening(doing, past, form))
        if name is None or form is None:
            # A form that bot.yml had when the dialogue began may be gone.
            doing.hold(None)
            return before is not None and self._fill(doing, None, past)
        move, after = advance(
            name, form, before, heard, memory=doing.memory, agreed=agreed, ruled=ruled
        )
        told = before is not None and (agreed is not None or after.values != before.values)
        if not wanted and (self._misheard(heard) or (not told and not sure)):
            doing.miss()
            return True
        if not self._config.model and before is not None and not told and heard.intent is None:
            doing.miss()
            if not doing.handed_off:
                self._ask(doing, form, before)
            return True
        if move is Move.LEFT and before is not None:
            if form.stays and self._answered(doing, before, form, past):
                return True
            begun = self._begun_by(doing, past)
            doing.leave(begun if begun in self._config.forms else None)
            return self._fill(doing, None, past)
        if before is not None and before.judged:
            after = replace(after, judged=before.judged)
        if move is not Move.REFUSED and new_values(before, after):
            if before is None:
                doing.hold(after)
            after = doing.judged(form, before, after)
            move = Move.ASK if after.missing else move
            if doing.give_up() and doing.handed_off:
                doing.hold(after)
                return True
        doing.hold(after)
        if move is Move.REFUSED:
            doing.say("utter_form_left")
            doing.hold(None)
            doing.forget(form)
        elif move is Move.ASK:
            doing.perform(form.required[after.missing[0]], loop=name)
        elif move is Move.CONFIRM and form.confirm is not None:
            doing.say(form.confirm)
        else:
            done = doing.perform(doing.end_of(form), key=after.since, loop=name)
            # Where it failed after a confirmation, the form stays: yes tries again under one key.
            # What it did may have begun another one.
            if (done or form.confirm is None) and doing.form is after:
                doing.hold(None)
                doing.forget(form)
        return True

    def _means_something_else(self, heard: Heard, before: FormState | None) -> bool:
        """Say whether bot.yml itself knows the message for something else than the form."""
        words, intent = self._config.words, heard.intent
        own = (before and before.name, *words.affirm_intents, *words.deny_intents)
        return intent in self._config.intents and intent not in own

    def _corrected(
        self, doing: Doing, before: FormState | None, form: Form | None, agreed: bool | None
    ) -> dict[str, str | None]:
        """Return what the message corrects in a form, where the model brings nothing new to it."""
        if before is None or form is None or not form.corrects:
            return {}
        if any(domain == form.domain for domain, _ in doing.heard.changed):
            return {}
        return corrected(
            self._config,
            form,
            before,
            doing.heard,
            agreed=agreed,
            phrases=PHRASES[doing.language],
        )

    def _ask_again(self, doing: Doing, form: Form, before: FormState, slot: str) -> None:
        """Ask for a value that is wrong, of which nobody has said yet what is right."""
        after = doing.without(before, slot)
        doing.hold(after)
        self._ask(doing, form, after)

    def _chatted(self, doing: Doing, before: FormState, form: Form) -> bool:
        """Answer small talk inside a form, which then asks again; False where it is something else.

        A message that brings a value of the form besides is the form's.
        """
        said = self._config.small_talk.get(doing.heard.intent or "")
        if said is None or any(domain == form.domain for domain, _ in doing.heard.changed):
            return False
        doing.say(said)
        doing.hold(before)
        self._ask(doing, form, before)
        return True

    def _opening(self, doing: Doing, past: Outcome, form: Form) -> tuple[str, ...]:
        """Return what is done before a form asks: what its rule says, else what it says itself."""
        rule = rule_for(self._config, doing.heard, past, None, doing.memory)
        return in_order(form.opening) if rule is None else in_order(rule.do)[:-1]

    def _interrupted(
        self, doing: Doing, before: FormState, form: Form, past: Outcome, answers: bool
    ) -> bool:
        """Do what a rule says inside a form; False where no rule says anything.

        A message that ``answers`` the form's question leaves only rules about what came before.
        """
        called = self._config.form_name(before.name)
        rule = rule_for(self._config, doing.heard, past, called, doing.memory)
        if rule is None or (answers and rule.after is None):
            return False
        after = advance(before.name, form, before, doing.heard, memory=doing.memory, agreed=None)[1]
        names = in_order(rule.do)
        if names[-1] == called:
            names = names[:-1]  # it goes on by itself
        if rule.leave:
            doing.hold(None)
        doing.perform(names)
        if doing.form is before:
            doing.hold(after)
            if rule.again:
                self._ask(doing, form, after)
        return True

    def _answered(self, doing: Doing, before: FormState, form: Form, past: Outcome) -> bool:
        """Answer what the form does not ask for, and ask again; False where another one begins."""
        begun = self._begun_by(doing, past)
        if begun is not None and begun in self._config.forms and begun != before.name:
            return False
        self._answer(doing, past)
        if doing.form is before:
            self._ask(doing, form, before)
        return True

    def _ask(self, doing: Doing, form: Form, state: FormState) -> None:
        if state.missing:
            doing.perform(form.required[state.missing[0]], loop=state.name)
        elif form.confirm is not None:
            doing.say(form.confirm)

    def _begun_by(self, doing: Doing, past: Outcome) -> str | None:
        """Return the form that a message begins: its intent's, or that of a booking it asks for."""
        heard = doing.heard
        rule = rule_for(self._config, heard, past, None, doing.memory)
        if rule is not None:
            return self._config.form_called(in_order(rule.do)[-1])
        if heard.intent in self._config.forms:
            return heard.intent
        if not self._book.search(heard.user) or self._reference.search(heard.user):
            return heard.intent
        # Nobody must know how the model calls it: "book a table" is enough, where it is clear.
        wanted = [
            name for name, form in self._config.forms.items() if heard.domain in (None, form.domain)
        ]
        return wanted[0] if len(wanted) == 1 else heard.intent

    def _go_back(self, doing: Doing, before: FormState) -> bool:
        """Answer what lies outside, and ask again what the form waits for."""
        form = self._config.forms.get(before.name)
        if form is None:
            return False
        doing.say_as_model()
        doing.hold(before)
        self._ask(doing, form, before)
        return True

    def _tells_a_booking(self, heard: Heard) -> bool:
        """Say whether the message asks for a booking's reference, or the model tells of one.

        Where an action books, only an action knows.
        """
        booking = any(form.domain == heard.domain for form in self._config.forms.values())
        if not self._config.forms or not (booking or heard.domain is None):
            return False
        return "reference" in heard.told or self._reference.search(heard.user) is not None

    def _answer(self, doing: Doing, past: Outcome) -> None:
        rule = rule_for(self._config, doing.heard, past, None, doing.memory)
        intent = doing.heard.intent or ""
        if rule is None:
            named = in_order(self._config.actions.intents.get(intent))
            named = named or in_order(self._config.small_talk.get(intent))
        else:
            named = in_order(rule.do)
        if doing.heard.intent == OUT_OF_SCOPE and not named:
            doing.say_as_model()  # what it can do; nothing was misunderstood
        elif self._misheard(doing.heard) or self._doubtful(doing.heard):
            doing.miss()
        elif named:
            doing.perform(named)
        elif self._tells_a_booking(doing.heard):
            booked = doing.memory.get("reference") is not None
            doing.say("utter_reference" if booked else "utter_nothing_booked")
        elif self._config.model:
            doing.say_as_model()
        else:
            doing.miss()

    def _doubtful(self, heard: Heard) -> bool:
        return heard.confidence is not None and heard.confidence < self._config.fallback.intent

    def _misheard(self, heard: Heard) -> bool:
        # A slot from an earlier turn is no news, however sure the model is of it today.
        threshold = self._config.fallback.slot
        return any(one is not None and one < threshold for one in heard.changed.values())


def _said_outright(heard: Heard, form: Form, config: BotConfig) -> dict[str, str]:
    """Return slot -> value that a payload says of a form, where no belief state has it."""
    return {
        slot: values[-1]
        for entity, values in heard.said.items()
        for slot in filled_by(entity, config.slots)
        if slot in form.required and all(slot not in known for known in heard.state.values())
    }
