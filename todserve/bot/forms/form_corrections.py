"""Corrections inside a form: "no, tuesday", "my name is anna, not hanna", "change the day".

Asked about each message while a form is under way. Example: with the day known and the time asked
for, "no, tuesday" gives ``{"day": "tuesday"}``; "the day is wrong" gives ``{"day": None}``, upon
which the form asks for the day again.

What a model understands needs none of this: its belief state has the new value. These are the
slots that rules fill, most of which take a message only while they are asked for.
"""

import re
import unicodedata
from collections.abc import Iterator

from todserve.bot.bot_config import BotConfig, BotSlot, Form
from todserve.bot.bot_outcome import FormState
from todserve.bot.bot_phrases import Phrases
from todserve.bot.forms.found_values import begins, found_value, names_one, words_of
from todserve.bot.user_message import Heard

_COMMA = re.compile(r"[,;.:!\u2014\u3001\uff0c-]\s*")


def corrected(
    config: BotConfig,
    form: Form,
    before: FormState,
    heard: Heard,
    *,
    agreed: bool | None,
    phrases: Phrases,
) -> dict[str, str | None]:
    """Return slot -> new value of what a message corrects; None asks for it again.

    Args:
        config: the bot.
        form: what is under way.
        before: how far it was before the message.
        heard: the message.
        agreed: whether the message means yes, no or neither.
        phrases: of the language that it is in.
    """
    text = unicodedata.normalize("NFC", heard.user).strip()
    said = words_of(text)
    turned = agreed is False or begins(said, phrases.change) > 0
    named = [slot for slot in form.required if names_one(said, _names(slot, config))]
    for slot in named:
        value = _told(slot, text, config, phrases)
        if value is not None and value != before.values.get(slot):
            return {slot: value}
    if named and (turned or names_one(said, phrases.change)):
        # It says which one is wrong, and not what is right.
        return {slot: None for slot in named[:1] if slot in before.values}
    found = {slot: _by_itself(slot, text, config, phrases) for slot in form.required}
    if any(found.values()):
        # A rule of that slot takes it, unless it is held for an answer, which it cannot be.
        fresh = {slot: one for slot, one in found.items() if one != before.values.get(slot)}
        passed_by = turned and _is_no_answer(before, text, config, phrases)
        return {slot: one for slot, one in fresh.items() if one and passed_by}
    rest = _rest(text, phrases) if turned and not named else ""
    for slot in (before.newest or "", *before.missing[:1]) if rest else ():
        known = config.slots.get(slot)
        if slot in form.required and known is not None:
            value = _taken(known, rest, phrases)
            if value is not None and value != before.values.get(slot):
                return {slot: value}
    return {}


def _names(slot: str, config: BotConfig) -> tuple[str, ...]:
    known = config.slots.get(slot)
    called = () if known is None else known.called
    return called or (slot.replace("_", " "),)


def _by_itself(slot: str, text: str, config: BotConfig, phrases: Phrases) -> str | None:
    """Return the value that words bring a slot whatever is asked for."""
    known = config.slots.get(slot)
    rules = () if known is None else known.fill
    for one in rules:
        if known is not None and not (one.bare or one.asked or one.begins or one.value is not None):
            value = found_value(one, known, text, phrases)
            if value is not None:
                return value
    return None


def _is_no_answer(before: FormState, text: str, config: BotConfig, phrases: Phrases) -> bool:
    """Say whether the slot that is asked for has a check that the words as they are fail."""
    asked = config.slots.get(before.missing[0]) if before.missing else None
    return asked is not None and asked.check is not None and _taken(asked, text, phrases) is None


def _told(slot: str, text: str, config: BotConfig, phrases: Phrases) -> str | None:
    """Return what "the name is anna" tells of the name."""
    known = config.slots.get(slot)
    if known is None:
        return None
    for rest in _after_name(text, _names(slot, config), phrases):
        value = _taken(known, rest, phrases, unchecked=True)
        if value is not None:
            return value  # where it cannot be, the form says why
    return None


def _after_name(text: str, names: tuple[str, ...], phrases: Phrases) -> Iterator[str]:
    either = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    links = "|".join(map(re.escape, sorted(phrases.becomes, key=len, reverse=True)))
    if links:
        link = rf"(?<!\w)(?:{either})\s+(?:{links})\s+(?P<rest>.+)$"
        found = re.search(link, text, re.IGNORECASE | re.DOTALL)
        if found is not None and not begins(words_of(found["rest"]), phrases.change):
            yield found["rest"]


def _rest(text: str, phrases: Phrases) -> str:
    """Return what stands behind "no," at the beginning; a bare "no idea" brings nothing."""
    parts = _COMMA.split(text, maxsplit=1)
    opening = words_of(parts[0])
    opened = begins(opening, (*phrases.deny, *phrases.change))
    if len(parts) == 1 or opened != len(opening):
        # "no wait, tuesday" opens with two of them.
        more = opening[opened:]
        if len(parts) == 1 or begins(more, phrases.change) != len(more):
            return ""
    return parts[1].strip()


def _taken(known: BotSlot, text: str, phrases: Phrases, *, unchecked: bool = False) -> str | None:
    """Return what a slot would be if it were asked for and this were said."""
    for one in known.fill:
        if one.value is None and not one.begins:
            value = found_value(one, known, text.rstrip(".!"), phrases)
            free = unchecked or known.check is None
            if value and (free or (known.check and known.check.allows(value, known.values))):
                return value
    return None
