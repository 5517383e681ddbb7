"""Which slot a value belongs to where an entity fills several, each under a condition.

The bot calls it before it decides. Example: with ``size`` filled by ``number`` inside ``shoe_form``
and ``rating`` by the same entity inside ``survey_form``, a model that takes "5" for the size while
the survey is under way is corrected: the value is the rating's.
"""

from collections.abc import Iterator
from dataclasses import replace

from todserve.bot.bot_config import BotConfig, SlotSource
from todserve.bot.bot_outcome import Outcome
from todserve.bot.user_message import Heard


def entities_placed(
    heard: Heard, past: Outcome, config: BotConfig
) -> tuple[Heard, dict[str, str], dict[str, str]]:
    """Return a message whose state has only what conditions allow.

    Args:
        heard: the message as the model understood it.
        past: the turn before.
        config: the bot.

    Returns:
        The message; slot -> value of what no condition allows, which later states repeat; and
        slot -> value of what belongs to another slot than the model said.
    """
    state = {domain: dict(slots) for domain, slots in heard.state.items()}
    changed = dict(heard.changed)
    strayed: dict[str, str] = {}
    placed: dict[str, str] = {}
    for domain, slots in heard.state.items():
        for slot, value in slots.items():
            known = config.slots.get(slot)
            if known is None or not all(one.conditional for one in known.entities or (_ALWAYS,)):
                continue
            fresh = (domain, slot) in changed
            if not fresh and past.strayed.get(slot) != value:
                continue
            if fresh and any(_holds(slot, one, heard, past, config) for one in known.entities):
                continue
            strayed[slot] = value
            del state[domain][slot]
            changed.pop((domain, slot), None)
            if fresh:
                for other in _others(slot, known.entities, heard, past, config):
                    placed.setdefault(other, value)
    return replace(heard, state=state, changed=changed), strayed, placed


_ALWAYS = SlotSource(entity="")


def _others(
    slot: str, sources: tuple[SlotSource, ...], heard: Heard, past: Outcome, config: BotConfig
) -> Iterator[str]:
    """Yield the slots that the same entity fills now."""
    for name, known in config.slots.items():
        for one in known.entities:
            same = any(_alike(one, source) for source in sources)
            if name != slot and same and _holds(name, one, heard, past, config):
                yield name
                break


def _holds(slot: str, source: SlotSource, heard: Heard, past: Outcome, config: BotConfig) -> bool:
    form = past.form
    called = config.form_name(form.name) if form and form.name in config.forms else None
    if heard.intent is not None:
        if source.intents and heard.intent not in source.intents:
            return False
        if heard.intent in source.unless:
            return False
    if source.asked and (form is None or not form.missing or form.missing[0] != slot):
        return False
    if not source.forms or (called or "") in source.forms:
        return True
    # Said before any form is under way, what can be meant only one way is meant so.
    return called is None and _only(source, config)


def _only(source: SlotSource, config: BotConfig) -> bool:
    meant = [
        name
        for name, known in config.slots.items()
        if any(_alike(one, source) for one in known.entities or (SlotSource(entity=name),))
    ]
    return len(meant) == 1


def _alike(one: SlotSource, other: SlotSource) -> bool:
    return (one.entity, one.role, one.group) == (other.entity, other.role, other.group)
