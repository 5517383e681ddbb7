"""A form tried out: a person who answers whatever it asks, to see that it comes to its end.

``tod bot check`` tries every form so. Example: a form whose day must be listed and whose only
example is no listed one never ends: ``FormTrial(config).fault("book")`` names the day.

The person says what bot.yml has examples of, or lists, or what lies in a range; what a model
understands is taken for understood. No action runs, and nobody is called.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from todserve.bot.action_events import Event
from todserve.bot.bot import Bot
from todserve.bot.bot_config import (
    HAND_OFF,
    RESTART,
    RESUME,
    BotConfig,
    BotSlot,
    Filling,
    Form,
    SlotType,
    in_order,
)
from todserve.bot.bot_outcome import FormState, Outcome
from todserve.bot.bot_phrases import PHRASES
from todserve.bot.dialogue_tracker import Tracker
from todserve.bot.message_dispatcher import Dispatcher
from todserve.bot.user_message import Heard

_SOME = {SlotType.BOOL: "true", SlotType.FLOAT: "1"}
_ANYTHING = "anything"
_TRIES = 3
"""Of one answer: an example that is refused twice will be refused for ever."""


class FormFault(NamedTuple):
    """Why a form does not come to its end.

    Attributes:
        form: its name.
        slot: what it asks for again and again; None where it cannot even begin.
        why: what is missing, and what would help.
        certain: whether nothing else could help it; an action that runs before might set a slot.
    """

    form: str
    slot: str | None
    why: str
    certain: bool = True


class _Nothing:
    """Runs no action; each goes well."""

    def names(self) -> frozenset[str]:
        return frozenset()

    def run(
        self, name: str, dispatcher: Dispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[Event]:
        return []


class FormTrial:
    """Fills in the forms of one bot.

    Args:
        config: the bot.
    """

    def __init__(self, config: BotConfig) -> None:
        self._config = config
        # Nothing else than the form is to decide what is done.
        self._bot = Bot(config, _Nothing())

    def faults(self) -> list[FormFault]:
        """Return why forms do not come to their ends; nothing where all do."""
        found = (self.fault(key) for key in self._config.forms)
        return [one for one in found if one is not None]

    def fault(self, key: str) -> FormFault | None:
        """Return why a form does not come to its end; None where it does.

        Args:
            key: the intent that begins it, as it stands under ``forms``.
        """
        form, name = self._config.forms[key], self._config.form_name(key)
        if not self._config.model and not self._begins(key):
            return FormFault(
                name,
                None,
                "nothing begins it; expected an intent of its name under intents, a rule or a "
                "phrase that leads to it",
            )
        # Begun as if by whatever leads to it: only its own way is tried.
        required = tuple(form.required)
        state = FormState(
            name=key, values={}, missing=required, awaiting_confirmation=False, since=""
        )
        memory = {**self._config.initial_values(), **self._begun_with(form)}
        outcome = Outcome(form=state, memory=memory)
        asked: list[str] = []
        heard = _message(0, "-", form)
        for index in range(1, 2 + (_TRIES + 1) * len(required)):
            state = outcome.form or state
            if outcome.form is None or outcome.form.name != key:
                # Its end may have begun another form.
                ended = _ended(form, outcome, self._config)
                return None if ended else self._left(name, heard.user)
            if not state.missing:
                heard = self._agreeing(index, form)
            else:
                slot = state.missing[0]
                answers = [*self._answers(slot)]
                if form.required[slot].startswith("action_"):
                    return None  # the action that asks knows what it takes
                if asked.count(slot) >= min(_TRIES, len(answers)):
                    return self._refusing(name, slot, answers)
                heard = self._answering(index, form, slot, answers[asked.count(slot)])
                asked.append(slot)
            outcome = self._bot.turn(heard, outcome)
        return FormFault(name, None, "it asks for its yes again and again; does 'words' hold one?")

    def _begun_with(self, form: Form) -> dict[str, str]:
        """Return slot -> value that the message which begins the form brings, whatever it is."""
        slots = {slot: self._config.slots.get(slot, BotSlot()) for slot in form.required}
        return {
            slot: one.value or _ANYTHING
            for slot, known in slots.items()
            for one in known.fill
            if one.begins
        }

    def _begins(self, key: str) -> bool:
        config, name = self._config, self._config.form_name(key)
        named = {*config.intents, *_payloads(config)}
        led = [
            *config.actions.phrases.values(),
            *(one for steps in config.actions.intents.values() for one in in_order(steps)),
            *(one for rule in config.rules for one in in_order(rule.do)),
        ]
        return key in named or name in led

    def _answers(self, slot: str) -> Iterator[str]:
        """Yield what a person could say for a slot, the likeliest first."""
        known = self._config.slots.get(slot, BotSlot())
        check = known.check
        yield from known.examples
        yield from known.values
        if check is not None and (check.least is not None or check.most is not None):
            number = check.least if check.least is not None else check.most
            yield f"{number:g}"
        if check is not None and (check.earliest is not None or check.latest is not None):
            days = check.earliest if check.earliest is not None else check.latest
            yield (datetime.now(UTC).date() + timedelta(days=(days or 0))).isoformat()
        if known.examples or known.values or (check is not None and check.pattern is not None):
            return
        if any(one.pattern for one in known.fill) and not any(one.bare for one in known.fill):
            return
        yield _SOME.get(known.type, _ANYTHING)

    def _answering(self, index: int, form: Form, slot: str, answer: str) -> Heard:
        known = self._config.slots.get(slot, BotSlot())
        heard = _message(index, answer, form)
        if known.understood and self._config.model:
            changed = {(form.domain, slot): 1.0}
            return replace(heard, state={form.domain: {slot: answer}}, changed=changed)
        rules = self._rules(slot, form)
        # Words alone first: what an intent stands for is said by having that.
        for rule in sorted(rules, key=lambda one: one.value is not None):
            if rule.intents:
                return replace(heard, intent=rule.intents[0], outright=True)
            break
        return heard

    def _rules(self, slot: str, form: Form) -> list[Filling]:
        known = self._config.slots.get(slot, BotSlot())
        names = {key: self._config.form_name(key) for key, one in self._config.forms.items()}
        own = {names[key] for key, one in self._config.forms.items() if one is form}
        return [one for one in known.fill if not one.begins and one.form in (None, *own)]

    def _agreeing(self, index: int, form: Form) -> Heard:
        words = self._config.words.affirm or PHRASES[self._config.language].affirm
        return _message(index, words[0], form)

    def _refusing(self, name: str, slot: str, answers: list[str]) -> FormFault:
        config = self._config
        known, form = (
            config.slots.get(slot, BotSlot()),
            config.forms[config.form_called(name) or ""],
        )
        if not (known.understood and config.model) and not self._rules(slot, form):
            why = (
                "neither the model nor a rule fills it; expected a way to finish the form; add "
                f"slots.{slot}.fill, or an action that sets it"
            )
            return FormFault(name, slot, why, certain=not config.named_actions())
        if not answers:
            why = f"nobody knows what could be said; expected slots.{slot}.examples; add one"
            return FormFault(name, slot, why)
        why = (
            f"it does not take {', '.join(map(repr, answers[:_TRIES]))}; let slots.{slot}.fill and "
            "check take one of them, or add examples that they take"
        )
        return FormFault(name, slot, why)

    def _left(self, name: str, user: str) -> FormFault:
        return FormFault(
            name,
            None,
            f"{user!r} leaves it; expected an answer to its question; something else in bot.yml "
            "takes these words",
        )


def _payloads(config: BotConfig) -> Iterator[str]:
    """Yield the intents that buttons say."""
    for templates in config.responses.values():
        for template in templates:
            for one in (*template.buttons, *template.quick_replies):
                yield str(one.get("payload", "")).lstrip("/").partition("{")[0]


def _ended(form: Form, outcome: Outcome, config: BotConfig) -> bool:
    """Say whether a form was left by doing what it is there for."""
    steps = [*in_order(form.action), *(one for end in form.ends for one in in_order(end.do))]
    unseen = any(
        one in (HAND_OFF, RESTART, RESUME) or config.form_named(one) is not None for one in steps
    )
    return unseen or bool({*steps} & {*outcome.said})


def _message(index: int, user: str, form: Form) -> Heard:
    return Heard(
        dialogue_id="trial",
        message_id=str(index),
        index=index,
        user=user,
        domain=form.domain,
    )
