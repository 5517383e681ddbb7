"""Forms and rules: what to do next for an action that needs values and a yes.

The bot asks it about each message before it says anything. Example: with the day still missing,
``advance(...)`` is ``(Move.ASK, FormState(missing=("day",), ...))``.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from todserve.bot.bot_config import BotConfig, Form, Rule
from todserve.bot.bot_outcome import FormState, Outcome
from todserve.bot.bot_phrases import PHRASES, Phrases
from todserve.bot.forms.found_values import found_value
from todserve.bot.rasa.action_slots import filled_by
from todserve.bot.user_message import Heard


class Move(StrEnum):
    """What the bot does next about a form."""

    ASK = "ask"
    """Ask for the first missing slot."""
    CONFIRM = "confirm"
    """Ask whether the values are right."""
    RUN = "run"
    """Run the action."""
    REFUSED = "refused"
    """The user said no: leave the form, and say so."""
    LEFT = "left"
    """The user speaks of something else: leave the form, and answer that."""


def advance(
    name: str,
    form: Form,
    before: FormState | None,
    heard: Heard,
    *,
    memory: Mapping[str, Any],
    agreed: bool | None,
    ruled: Mapping[str, str] | None = None,
) -> tuple[Move, FormState]:
    """Return what follows a message, and the form after it.

    Args:
        name: the intent that begins the form.
        form: what it needs.
        before: the form before the message; None begins it.
        heard: the message.
        memory: what the bot remembers; counts where the belief state has nothing.
        agreed: whether the message means yes, no or neither.
        ruled: slot -> value that rules make of the message, see `filled`.
    """
    values = _gathered(form, before, heard, memory)
    values |= {slot: value for slot, value in (ruled or {}).items() if slot in form.required}
    missing = tuple(slot for slot in form.required if slot not in values)
    changed = before is None or values != before.values
    old = {} if before is None else before.values
    fresh = [slot for slot in values if values[slot] != old.get(slot)]
    after = FormState(
        name=name,
        values=values,
        missing=missing,
        awaiting_confirmation=not missing and form.confirm is not None,
        since=heard.message_id if before is None or changed else before.since,
        newest=fresh[-1] if fresh else None if before is None else before.newest,
    )
    # A new value speaks louder than a yes or no beside it: "no, for five people".
    if before is not None and not changed:
        if agreed is False:
            return Move.REFUSED, after
        if agreed and before.awaiting_confirmation:
            return Move.RUN, after
        if agreed is None and heard.intent not in (None, name):
            return Move.LEFT, after
    if missing:
        return Move.ASK, after
    return Move.RUN if form.confirm is None else Move.CONFIRM, after


def filled(
    config: BotConfig,
    heard: Heard,
    before: FormState | None,
    *,
    begun: str | None = None,
    agreed: bool | None,
    sure: bool = True,
    bare: bool = True,
    phrases: Phrases | None = None,
) -> dict[str, str]:
    """Return slot -> value of all that the rules under ``slots`` make of a message.

    Args:
        config: the bot.
        heard: the message.
        before: the form that is under way.
        begun: name of the form that the message begins; None for none.
        agreed: whether the message means yes, no or neither.
        sure: whether the model is sure enough of the intent.
        bare: whether the user's words as they are may be a value.
        phrases: of the language of the message; None for those of ``config.language``.
    """
    phrases = phrases or PHRASES[config.language]
    current = begun
    if before is not None and before.name in config.forms:
        current = config.form_name(before.name)
    asked = before.missing[0] if before is not None and before.missing else None
    intents = {heard.intent} if sure and heard.intent is not None else set()
    # Whoever says "no" says what the intent for it says, whatever the model calls it.
    if agreed is not None:
        words = config.words
        intents = {*(words.affirm_intents if agreed else words.deny_intents), *intents}
    # What bot.yml knows for something else is no name: "thank you".
    own = (before and before.name, *config.words.affirm_intents, *config.words.deny_intents)
    known_for = intents & {*config.small_talk, *config.intents} - {*own}
    found: dict[str, str] = {}
    wordy: set[str] = set()
    named: set[str] = set()
    brought = {slot for _, slot in heard.changed}
    for slot, known in config.slots.items():
        if known.understood and slot in brought:
            continue  # what the model made of the words is more than the words
        for one in known.fill:
            if (
                (not one.intents or intents & set(one.intents))
                and not intents & set(one.unless)
                and (one.form is None or one.form == (current or ""))
                and (not one.asked or slot == asked)
                and (not one.begins or begun is not None)
                and (not one.bare or (bare and known_for <= {*one.intents}))
            ):
                value = found_value(one, known, heard.user, phrases)
                if value is not None:
                    found[slot] = value
                    if one.value is None:
                        (wordy if one.bare else named).add(slot)
                    break
    return _one_meaning(found, wordy, named, before)


def _one_meaning(
    found: dict[str, str], wordy: set[str], named: set[str], before: FormState | None
) -> dict[str, str]:
    """Return what a message brings where its words are a value, and one stands in them, too.

    "Tuesday" is the day and no name, while the day is not known; in a note that is asked for when
    it is, it changes nothing.
    """
    known = {} if before is None else before.values
    if not (wordy and named):
        return found
    left_out = wordy if any(slot not in known for slot in named) else named
    return {slot: value for slot, value in found.items() if slot not in left_out}


def rule_for(
    config: BotConfig, heard: Heard, past: Outcome, form: str | None, memory: Mapping[str, Any]
) -> Rule | None:
    """Return the first rule that holds for a message.

    Args:
        config: the bot.
        heard: the message.
        past: the turn before.
        form: name of the form that is under way.
        memory: what the bot remembers.
    """
    for one in config.rules:
        if (
            one.intent is not None
            and one.intent == heard.intent
            and one.form == form
            and (one.after is None or one.after in past.said)
            and (one.earlier is None or one.earlier in (*past.done, *past.said))
            and (not one.start or heard.index == 0)
            and all(_names(heard, name, one.entities[name], config) for name in one.entities)
            and heard.meets(one.slots, one.known, memory)
        ):
            return one
    return None


def rule_after(
    config: BotConfig, name: str, heard: Heard, form: str | None, memory: Mapping[str, Any]
) -> Rule | None:
    """Return the first rule for what follows a response or action in the same turn.

    Args:
        config: the bot.
        name: what has just been said or done.
        heard: the message.
        form: name of the form that is under way.
        memory: what the bot remembers.
    """
    return next(
        (
            one
            for one in config.rules
            if one.intent is None
            and (one.after, one.form) == (name, form)
            and heard.meets(one.slots, one.known, memory)
        ),
        None,
    )


def _names(heard: Heard, entity: str, value: str | None, config: BotConfig) -> bool:
    """Say whether a message names an entity, with a value where one is asked for."""
    told = [*heard.said.get(entity, ())]
    if entity in heard.entities:
        told.append(heard.entities[entity])
    said = heard.user.casefold()
    for slot in filled_by(entity, config.slots):
        for domain in heard.state:
            known = heard.known(domain, slot)
            # What is said once more is named as well, though it changes nothing.
            fresh = (domain, slot) in heard.changed or str(known).casefold() in said
            if known is not None and fresh:
                told.append(known)
    wanted = None if value is None else value.casefold()
    return any(wanted in (None, one.casefold()) for one in told)


def _gathered(
    form: Form, before: FormState | None, heard: Heard, memory: Mapping[str, Any]
) -> dict[str, str]:
    values = {}
    for slot in form.required:
        # What was once known stays known: a model forgets a slot more often than a user means it.
        known = heard.known(form.domain, slot) or _kept(slot, form, before, heard)
        if known is None and memory.get(slot) is not None:
            known = str(memory[slot])
        if known is None and slot in form.suggested:
            known = _offered(slot, form, heard)
        if known is not None:
            values[slot] = known
    return values


def _kept(slot: str, form: Form, before: FormState | None, heard: Heard) -> str | None:
    value = None if before is None else before.values.get(slot)
    if slot not in form.suggested or heard.domain != form.domain:
        return value
    found = [str(one[slot]) for one in heard.results if slot in one]
    # What was only suggested must still satisfy the user's wishes.
    return value if value in found or heard.matches is None else None


def _offered(slot: str, form: Form, heard: Heard) -> str | None:
    """Return the value that the bot spoke of last, else the look-up's first."""
    if heard.domain != form.domain:
        return None
    found = [str(one[slot]) for one in heard.results if one.get(slot)]
    replied = heard.replied.casefold()
    spoken_of = [value for value in found if value.casefold() in replied]
    spoken_of.sort(key=lambda value: replied.index(value.casefold()))
    return next(iter(spoken_of or found), None)
