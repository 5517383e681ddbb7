"""BotConfig: everything that bot.yml says, in one frozen object.

`bot_file` makes it of the file, and the bot reads it at every turn. Example:
``BotConfig().fallback.response`` is ``"utter_fallback"``. Every key is described in
``docs/bot.md``.
"""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    PositiveInt,
    StringConstraints,
    model_validator,
)

from todserve.bot.bot_phrases import PHRASES, Language
from todserve.bot.expressions import Expression
from todserve.bot.forms.value_check import Check
from todserve.bot.rasa.bot_utterance import SHOWN, shown_parts
from todserve.bot.services.service_config import Address, HandOff, HttpAction
from todserve.runtime.errors import ConfigError
from todserve.runtime.language.dialogue import OUT_OF_SCOPE
from todserve.runtime.values.place import known_zone

HAND_OFF = "action_hand_off"
"""The action that every bot has: a person takes over."""

RESTART = "action_restart"
"""The same: everything is forgotten."""

RESUME = "action_resume_form"
"""The same: the form goes on that was left last for another one."""

PLACEHOLDER = re.compile(r"\{([\w.-]+)\}|\[value_([a-z0-9_]+)\]")
"""What stands in a template for a value."""

_SAID = "utter_"
"""Begins the names of responses alone, as in Rasa."""

_RUN = "action_"
"""Begins the names of actions that ask for a slot."""

_LONGEST_SECONDS = 86_400.0
"""No thread can be waited for as long as one likes."""

Share = Annotated[float, Field(ge=0, le=1)]
Phrase = Annotated[str, StringConstraints(min_length=1)]
Steps = Phrase | Annotated[tuple[Phrase, ...], Field(min_length=1)]
"""What is done: one action or response, or several in their order."""


def in_order(steps: Steps | None) -> tuple[str, ...]:
    """Return what is done as names in their order."""
    if steps is None:
        return ()
    return (steps,) if isinstance(steps, str) else steps


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _as_template(given: object) -> object:
    return {"text": given} if isinstance(given, str) else given


class Template(_Frozen):
    """One way to say something; ``{slot}`` and ``[value_slot]`` are placeholders.

    Attributes:
        text: what is read; None where something is only shown.
        buttons: each with ``title`` and ``payload``.
        quick_replies: the same, where a channel has them.
        elements: of a carousel.
        image: its address.
        attachment: of a channel's own kind.
        custom: JSON for a channel.
        channel: the only channel that says it so, e.g. ``slack``; None for every other one.
        language: the only language that says it so; None for ``BotConfig.language``.
        slots: slot -> the value it must have for this to be said; null for none.
    """

    text: Phrase | None = None
    buttons: tuple[dict[str, JsonValue], ...] = ()
    quick_replies: tuple[dict[str, JsonValue], ...] = ()
    elements: tuple[dict[str, JsonValue], ...] = ()
    image: str | None = None
    attachment: JsonValue = None
    custom: dict[str, JsonValue] = {}
    channel: str | None = None
    language: Language | None = None
    slots: dict[str, str | None] = {}

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.text is None and not shown_parts(self.model_dump()):
            raise ConfigError(
                f"responses: got a template that says nothing; expected text, or one of "
                f"{', '.join(SHOWN)}"
            )
        return self


Templates = Annotated[
    tuple[Annotated[Template, BeforeValidator(_as_template)], ...], Field(min_length=1)
]


class FormEnd(_Frozen):
    """What a form does in the end where some slots have values.

    Attributes:
        slots: slot -> the value it must have; null for none.
        known: slots that must have some value.
        do: what is done.
    """

    slots: dict[str, str | None] = {}
    known: tuple[str, ...] = ()
    do: Steps


class Form(_Frozen):
    """What is to be known before an action runs.

    Attributes:
        name: what rules, fillings and actions call it; None for the intent that begins it.
        domain: whose slots of the belief state count.
        opening: what is said or done before it asks first.
        required: slot -> the response or action that asks for it, in the order of asking.
        suggested: required slots that the look-up may fill with what the bot offered.
        confirm: the response that asks whether to go on; None runs the action at once.
        action: what is done in the end.
        ends: what is done instead where slots have values; the first that holds.
        validate_action: judges new values before they count, e.g. ``validate_pay_form``.
        stays: whether a message about something else is answered and the form goes on; else such
            a message leaves the form.
        corrects: whether "no, tuesday" and "change the name" are taken for corrections of what
            rules filled.
        forgets: whether its values are forgotten once it has ended, so that the next time it asks
            for all of them.
    """

    name: Phrase | None = None
    domain: str
    opening: Steps | None = None
    required: dict[str, str] = Field(min_length=1)
    suggested: tuple[str, ...] = ()
    confirm: str | None = None
    action: Steps
    ends: tuple[FormEnd, ...] = ()
    validate_action: str | None = None
    stays: bool = False
    corrects: bool = True
    forgets: bool = False


class SlotType(StrEnum):
    """What a slot holds, in Rasa's words."""

    TEXT = "text"
    BOOL = "bool"
    FLOAT = "float"
    CATEGORICAL = "categorical"
    LIST = "list"
    ANY = "any"


class Filling(_Frozen):
    """A rule by which a slot gets its value, whatever the model makes of the message.

    Attributes:
        intents: of the message; none for any.
        unless: intents that the message must not have.
        value: what the slot becomes; None for the user's words as they are.
        pattern: a regular expression; what its group ``value`` finds in the words, else all that
            it finds, is the value, and without a find there is none.
        listed: whether the value is the one of the slot's ``values`` that the words name.
        form: the form that must be under way; "" for none at all, None for whichever.
        asked: whether the slot must be what the form asks for.
        begins: whether only the message counts that begins the form.
    """

    intents: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    value: str | None = None
    pattern: Phrase | None = None
    listed: bool = False
    form: str | None = None
    asked: bool = False
    begins: bool = False

    @model_validator(mode="after")
    def _takes_one_thing(self) -> Self:
        given = [self.value is not None, self.pattern is not None, self.listed]
        if sum(given) > 1:
            raise ConfigError("fill: got several of value, pattern and listed; expected one")
        if self.pattern is not None:
            Expression(self.pattern, place="fill.pattern")
        return self

    @property
    def bare(self) -> bool:
        """Whether the user's words are the value as they are."""
        return self.value is None and self.pattern is None and not self.listed


class SlotSource(_Frozen):
    """An entity that fills a slot.

    Attributes:
        entity: its name.
        role: which it has.
        group: which it is in.
        forms: of which one must be under way ("" for none at all); empty for always.
        asked: whether the slot must be what the form asks for.
        intents: of the message; none for any.
        unless: intents that the message must not have.
    """

    entity: str
    role: str | None = None
    group: str | None = None
    forms: tuple[str, ...] = ()
    asked: bool = False
    intents: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()

    @property
    def conditional(self) -> bool:
        """Whether it does not always fill the slot."""
        return bool(self.forms or self.asked or self.intents or self.unless)


class BotSlot(_Frozen):
    """A slot's type, first value and sources, beyond what the model understands of it.

    Attributes:
        name: what actions call it; None for the name that it has here.
        type: of its value, as actions are given it.
        values: the closed list of a categorical slot, as people write them.
        spellings: further values as people write them; a model knows them in small letters alone.
        initial: its value at the start of a dialogue.
        understood: whether the model fills it.
        influences: whether it influences the conversation, for actions that read the domain.
        fill: rules that fill it; the first that holds decides.
        entities: what actions know its values as; the entity of its name where none is listed.
        check: what a value must be before a form takes it.
        called: what people call it, as in "change the time".
        examples: messages that bring a value of it, by which ``tod bot check`` tries its forms.
    """

    name: str | None = None
    type: SlotType = SlotType.TEXT
    values: tuple[str, ...] = ()
    spellings: tuple[str, ...] = ()
    initial: JsonValue = None
    understood: bool = True
    influences: bool = True
    fill: tuple[Filling, ...] = ()
    entities: tuple[SlotSource, ...] = ()
    check: Check | None = None
    called: tuple[Phrase, ...] = ()
    examples: tuple[Phrase, ...] = ()

    @model_validator(mode="after")
    def _lists_what_it_names(self) -> Self:
        listing = any(one.listed for one in self.fill) or (self.check and self.check.listed)
        if listing and not self.values:
            raise ConfigError("slots: got listed without values; expected values; list them")
        return self


class Rule(_Frozen):
    """What is done after an intent where more than the intent decides.

    Attributes:
        intent: of the message; None where ``after`` has just been done in the same turn.
        after: the response or action that the turn before must have ended with.
        earlier: a response or action that must have been done before in the dialogue.
        form: the form that must be under way; None for none.
        slots: slot -> the value it must have; null for none.
        known: slots that must have some value.
        entities: entity -> the value with which the message must name it; null for any.
        start: whether only the first message of a dialogue counts.
        do: actions and responses; the last may be a form, which begins.
        leave: whether the form is left.
        again: whether the form under way asks again afterwards.
    """

    intent: str | None = None
    after: str | None = None
    earlier: str | None = None
    form: str | None = None
    slots: dict[str, str | None] = {}
    known: tuple[str, ...] = ()
    entities: dict[str, str | None] = {}
    start: bool = False
    do: Steps
    leave: bool = False
    again: bool = True

    @model_validator(mode="after")
    def _has_a_beginning(self) -> Self:
        if self.intent is None and self.after is None:
            raise ConfigError("rules: got neither intent nor after; expected one of them")
        return self


class TwoStage(_Frozen):
    """How the bot asks about what it did not understand before it gives up.

    Attributes:
        ask: response or action that asks whether the likeliest intent was meant; a response may say
            ``{intent}``, and is shown with buttons for yes and no.
        rephrase: response or action that asks to say it differently.
        denied: intent of a message that says no to ``ask``; its button's.
        names: intent -> what people are asked; its own name, with spaces, where none is listed.
        give_up: what is done after the fallback's response.
    """

    ask: str = "utter_ask_affirmation"
    rephrase: str = "utter_ask_rephrase"
    denied: str = OUT_OF_SCOPE
    names: dict[str, Phrase] = {}
    give_up: Steps | None = None


class Fallback(_Frozen):
    """When the bot says that it did not understand.

    Attributes:
        intent: below this confidence of the intent.
        slot: below this confidence of a slot that the turn changed.
        response: what it says then.
        hand_off_after: so many such turns in a row hand over to a person; None never does.
        hand_off: what it says when it hands over.
        two_stage: how it asks first; None says ``response`` at once.
    """

    intent: Share = 0.0
    slot: Share = 0.0
    response: str = "utter_fallback"
    hand_off_after: PositiveInt | None = None
    hand_off: str = "utter_hand_off"
    two_stage: TwoStage | None = None


class Actions(_Frozen):
    """Which actions there are, and what runs them outside forms.

    Attributes:
        intents: intent -> actions and responses.
        phrases: regular expression (of RE2, see ``expressions``) found in what the user said, in
            whatever case -> action, or response; its named groups become entities of the message.
        module: Python file beside bot.yml, or dotted module, whose actions run in this process.
        settings: handed to the module's actions.
        http: action -> the service that does it.
        endpoint: action server for every action that neither the module nor a service does.
        timeout: seconds that an action of the module or the server may take.
        failed: what the bot says when one raises.
        unsure: what it says when nobody knows whether one was done, since no answer came.
    """

    intents: dict[str, Steps] = {}
    phrases: dict[str, str] = {}
    module: str | None = None
    settings: dict[str, JsonValue] = {}
    http: dict[Phrase, HttpAction] = {}
    endpoint: Address | None = None
    timeout: float = Field(10.0, gt=0, le=_LONGEST_SECONDS)
    failed: str = "utter_action_failed"
    unsure: str = "utter_action_unsure"


class Words(_Frozen):
    """What counts as yes and as no, in place of the language's own lists.

    Attributes:
        affirm: whole utterances, or their beginnings, that mean yes.
        deny: the same for no.
        affirm_intents: intents that mean yes.
        deny_intents: intents that mean no.
    """

    affirm: tuple[Phrase, ...] = ()
    deny: tuple[Phrase, ...] = ()
    affirm_intents: tuple[str, ...] = ("affirm",)
    deny_intents: tuple[str, ...] = ("deny",)


class BotConfig(_Frozen):
    """All that bot.yml says of a bot; unknown keys are rejected.

    Attributes:
        language: of the phrases that the bot brings along.
        languages: further ones that it speaks.
        time_zone: in which a form says what today is, such as ``Europe/Berlin``.
        model: whether a model reads the messages; without one, ``intents``, buttons and the slots'
            own rules do.
        intents: intent -> regular expressions; a message that one is found in has the intent.
        small_talk: intent -> what is said to it, whatever form is under way.
        seed: of the choice among several templates.
        responses: name, or act as ``domain-act-slot``, ``domain-act`` or ``act`` -> templates.
        forms: intent that begins it -> form; what only rules begin stands under its own name.
        slots: slot -> what is known of it; what is not listed is as the model understands it.
        rules: what is done under conditions; the first that holds decides.
        fallback: when the bot did not understand.
        hand_off: how a person is called.
        actions: what it does.
        words: what it takes for yes and no.
    """

    language: Language = Language.EN
    languages: tuple[Language, ...] = ()
    time_zone: Phrase = "UTC"
    model: bool = True
    seed: int = 7
    intents: dict[Phrase, Annotated[tuple[Phrase, ...], Field(min_length=1)]] = {}
    small_talk: dict[Phrase, Phrase] = {}
    responses: dict[str, Templates] = {}
    forms: dict[str, Form] = {}
    slots: dict[str, BotSlot] = {}
    rules: tuple[Rule, ...] = ()
    fallback: Fallback = Fallback()
    hand_off: HandOff = HandOff()
    actions: Actions = Actions()
    words: Words = Words()

    @model_validator(mode="after")
    def _whole(self) -> Self:
        try:
            known_zone(self.time_zone)
        except ValueError as error:
            raise ConfigError(f"time_zone: {error}") from None
        known = self.said()
        for place, name in self._responses_named():
            if name not in known:
                raise ConfigError(
                    f"{place}: got {name!r}, and no such response; expected one of "
                    f"{', '.join(sorted(known))}; add it under responses"
                )
        for intent, form in self.forms.items():
            stray = sorted({*form.suggested} - {*form.required})
            if stray:
                raise ConfigError(
                    f"forms.{intent}.suggested: got {stray[0]!r}; expected slots of required "
                    f"({', '.join(form.required)})"
                )
        names = {self.form_name(one) for one in self.forms}
        for place, named in self._forms_named():
            if named and named not in names:
                raise ConfigError(
                    f"{place}: got {named!r}, and no such form; expected one of "
                    f"{', '.join(sorted(names)) or 'none'}; correct the name"
                )
        for name in sorted(self.named_actions()):
            if name.startswith(_SAID):
                raise ConfigError(
                    f"actions: got {name!r}, and no such response; expected one of "
                    f"{', '.join(sorted(known))}; add it under responses"
                )
        for pattern in self.actions.phrases:
            Expression(pattern)
        for intent, patterns in self.intents.items():
            for pattern in patterns:
                Expression(pattern, place=f"intents.{intent}")
        for name, service in self.actions.http.items():
            strange = sorted({*service.remember} - {*service.gives})
            if strange:
                raise ConfigError(
                    f"actions.http.{name}.remember: got {strange[0]!r}; expected one of gives "
                    f"({', '.join(service.gives) or 'nothing'})"
                )
            self._says_what_is_given(name, service)
        elsewhere = self.named_actions() - {*self.actions.http}
        if elsewhere and self.actions.module is None and self.actions.endpoint is None:
            raise ConfigError(
                f"actions: got neither module nor endpoint; expected one of them, since "
                f"{min(elsewhere)!r} must run somewhere"
            )
        return self

    def named_actions(self) -> frozenset[str]:
        """Return the actions that something leads to; what is a response is none."""
        named = {
            *(one.validate_action for one in self.forms.values() if one.validate_action),
            *(one.check.action for one in self.slots.values() if one.check and one.check.action),
            *self.actions.phrases.values(),
        }
        for form in self.forms.values():
            for steps in (form.opening, form.action, *(one.do for one in form.ends)):
                named |= {*in_order(steps)}
            named |= {one for one in form.required.values() if one.startswith(_RUN)}
        for steps in self.actions.intents.values():
            named |= {*in_order(steps)}
        for rule in self.rules:
            named |= {one for one in in_order(rule.do) if self.form_called(one) is None}
        two_stage = self.fallback.two_stage
        if two_stage is not None:
            named |= {two_stage.ask, two_stage.rephrase, *in_order(two_stage.give_up)}
        forms = {form.name for form in self.forms.values()}
        return frozenset(named - forms - {HAND_OFF, RESTART, RESUME, *self.said()})

    def form_name(self, begun_by: str) -> str:
        """Return what a form is called: its name, else the intent that begins it."""
        return self.forms[begun_by].name or begun_by

    def form_called(self, name: str) -> str | None:
        """Return the key under ``forms`` of a form by its name; None where there is none."""
        return next((key for key in self.forms if self.form_name(key) == name), None)

    def form_named(self, name: str) -> str | None:
        """Return the same of forms with a name of their own: an action may be called as an intent.

        Such a form can be begun wherever an action can be run.
        """
        return next((key for key, form in self.forms.items() if form.name == name), None)

    def initial_values(self) -> dict[str, JsonValue]:
        """Return the slots that have a value from the start."""
        return {name: slot.initial for name, slot in self.slots.items() if slot.initial is not None}

    def spelled(self, state: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
        """Return a belief state with its values as people write them, where slots tell it."""
        return {
            domain: {slot: self._written(slot, value) for slot, value in slots.items()}
            for domain, slots in state.items()
        }

    def _written(self, slot: str, value: str) -> str:
        known = self.slots.get(slot)
        written = () if known is None else (*known.values, *known.spellings)
        return next((one for one in written if one.lower() == value.lower()), value)

    def unfilled(self) -> list[tuple[str, str]]:
        """Return (form, slot) where neither the model nor a rule fills what the form asks for.

        Such a form asks for ever, unless an action sets the slot.
        """
        found = []
        for key, form in self.forms.items():
            name = self.form_name(key)
            for slot in form.required:
                known = self.slots.get(slot)
                if known is None or known.understood or known.initial is not None:
                    continue
                if not any(one.form in (None, name) for one in known.fill):
                    found.append((name, slot))
        return list(dict.fromkeys(found))

    def said(self) -> frozenset[str]:
        """Return the responses that can be said: its own, and those that every bot has."""
        return frozenset({*self.responses, *PHRASES[self.language].responses})

    def _says_what_is_given(self, name: str, service: HttpAction) -> None:
        """Refuse a response about an action that tells what nobody has given.

        It would be told of an older answer, or of the model's guess.
        """
        told = {one for form in self.forms.values() for one in form.required}
        told |= {*service.gives, *service.send, *self.slots}
        for template in self.responses.get(service.says or "", ()):
            for found in PLACEHOLDER.findall(template.text or ""):
                slot = found[0] or found[1]
                if slot not in told:
                    raise ConfigError(
                        f"actions.http.{name}.says: got {service.says!r} with {{{slot}}}, which "
                        "neither the answer nor a slot must have; expected it under gives; add it"
                    )

    def _forms_named(self) -> Iterable[tuple[str, str | None]]:
        for place, rule in enumerate(self.rules):
            yield f"rules.{place}.form", rule.form
        for slot, known in self.slots.items():
            for place, one in enumerate(known.fill):
                yield f"slots.{slot}.fill.{place}.form", one.form

    def _responses_named(self) -> Iterable[tuple[str, str]]:
        yield "fallback.response", self.fallback.response
        yield "fallback.hand_off", self.fallback.hand_off
        yield "actions.failed", self.actions.failed
        yield "actions.unsure", self.actions.unsure
        yield "hand_off.failed", self.hand_off.failed
        yield "hand_off.back", self.hand_off.back
        for intent, name in self.small_talk.items():
            yield f"small_talk.{intent}", name
        for slot, known in self.slots.items():
            if known.check is not None:
                yield f"slots.{slot}.check.refused", known.check.refused
        for action, service in self.actions.http.items():
            named = (service.says, service.failed, service.unsure, *service.statuses.values())
            for said in named:
                if said is not None:
                    yield f"actions.http.{action}", said
        for intent, form in self.forms.items():
            for slot, name in form.required.items():
                if not name.startswith(_RUN):
                    yield f"forms.{intent}.required.{slot}", name
            if form.confirm is not None:
                yield f"forms.{intent}.confirm", form.confirm
