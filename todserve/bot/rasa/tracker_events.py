"""A dialogue as Rasa's tracker tells it: events in order, and messages as its parser reads them.

The bot makes it for an action that is run, and the gateway for Rasa's HTTP API. Example: after one
exchange the events are ``action_session_start``, ``session_started``, ``action_listen``, ``user``,
``action``, ``bot`` and ``action_listen`` again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from todserve.bot.action_events import ActionExecuted, Event, SlotSet
from todserve.bot.bot_config import BotConfig, BotSlot
from todserve.bot.bot_outcome import Outcome
from todserve.bot.rasa.action_slots import (
    REQUESTED,
    action_name,
    action_slots,
    filled_by,
    sources,
    typed,
)
from todserve.bot.user_message import Heard

_LISTEN = "action_listen"
_EXTRACTOR = "todserve"


def tracker_events(
    earlier: Sequence[tuple[Heard, Outcome]], heard: Heard | None, config: BotConfig
) -> Iterator[Event]:
    """Yield what has happened, up to the newest message and what it set.

    Args:
        earlier: the turns that are over.
        heard: the message that is being answered; None where none is.
        config: the bot.
    """
    messages = [message for message, _ in earlier] + ([] if heard is None else [heard])
    begun = [ActionExecuted("action_session_start"), {"event": "session_started"}]
    yield from at(messages[0] if messages else None, [*begun, ActionExecuted(_LISTEN)])
    for message, outcome in earlier:
        events = [*_heard_events(message, config), *outcome.trail, ActionExecuted(_LISTEN)]
        yield from at(message, events)
    if heard is not None:
        yield from at(heard, _heard_events(heard, config))


def at(heard: Heard | None, events: Iterable[Event]) -> Iterator[Event]:
    """Yield events, giving the time of the message to those without a time of their own."""
    for event in events:
        time = event.get("timestamp")
        yield {**event, "timestamp": time or (None if heard is None else heard.at)}


def tracker_state(
    sender: str, earlier: Sequence[tuple[Heard, Outcome]], config: BotConfig
) -> dict[str, Any]:
    """Return a dialogue as Rasa's HTTP API tells its tracker.

    Args:
        sender: whom it is with.
        earlier: its turns.
        config: the bot.
    """
    events = list(tracker_events(earlier, None, config))
    heard, outcome = earlier[-1] if earlier else (None, Outcome())
    known = {
        slot: None if heard is None else heard.known(domain, slot)
        for domain, slots in ({} if heard is None else heard.state).items()
        for slot in slots
    }
    form = outcome.form
    slots = action_slots(config.slots, {**known, **outcome.memory, **(form.values if form else {})})
    asked = form.missing[0] if form is not None and form.missing else None
    slots[REQUESTED] = None if asked is None else action_name(asked, config.slots)
    called = None if form is None else config.forms.get(form.name)
    ran = next((one["name"] for one in reversed(events) if one["event"] == "action"), None)
    return {
        "sender_id": sender,
        "slots": slots,
        "latest_message": {} if heard is None else parse_data(heard, config),
        "latest_event_time": events[-1]["timestamp"],
        "followup_action": None,
        "paused": outcome.handed_off,
        "events": events,
        "latest_input_channel": None if heard is None else heard.channel,
        "active_loop": (
            {} if form is None else {"name": (called.name if called else None) or form.name}
        ),
        "latest_action_name": ran,
        "latest_action": {"action_name": ran},
    }


def parse_data(heard: Heard, config: BotConfig) -> dict[str, Any]:
    """Return a message as Rasa's parser would have read it."""
    intent = {"name": heard.intent, "confidence": heard.confidence}
    ranked = [{"name": name, "confidence": share} for name, share in heard.ranking]
    return {
        "text": heard.user,
        "message_id": heard.message_id,
        "intent": intent,
        "intent_ranking": ranked or [intent],
        "entities": list(_entities(heard, config.slots)),
        "metadata": dict(heard.metadata),
    }


def _heard_events(heard: Heard, config: BotConfig) -> Iterator[Event]:
    read = parse_data(heard, config)
    yield {
        "event": "user",
        "timestamp": None,
        "text": heard.user,
        "parse_data": read,
        "input_channel": heard.channel,
        "message_id": heard.message_id,
        "metadata": dict(heard.metadata),
    }
    for domain, slot in heard.changed:
        value = typed(heard.known(domain, slot), config.slots.get(slot))
        yield SlotSet(action_name(slot, config.slots), value)


def _entities(heard: Heard, slots: Mapping[str, BotSlot]) -> Iterator[dict[str, Any]]:
    """Yield what a message names: by a phrase of bot.yml, by a payload, or as it was read."""
    for name, value in heard.entities.items():
        yield {"entity": name, "value": value}
    for name, values in heard.said.items():
        for value in values:
            yield {"entity": name, "value": value, "confidence_entity": 1.0}
    said = heard.user.casefold()
    for (domain, slot), confidence in heard.changed.items():
        shown = heard.known(domain, slot)
        if shown is None or any(slot in filled_by(entity, slots) for entity in heard.said):
            continue
        source = sources(slot, slots)[0]
        found: dict[str, Any] = {"entity": source.entity, "value": shown}
        if shown.casefold() in said:
            start = said.index(shown.casefold())
            found |= {"start": start, "end": start + len(shown)}
        found |= {"confidence_entity": confidence, "extractor": _EXTRACTOR}
        for kind, given in (("role", source.role), ("group", source.group)):
            if given is not None:
                found |= {kind: given, f"confidence_{kind}": confidence}
        yield found
