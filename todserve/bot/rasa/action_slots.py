"""Slots as actions know them: the names and types of the domain that they were written for.

The bot translates its belief state, texts under labels, into these before an action sees it.
Example: with ``slots: {seats: {type: float}}``, ``action_slots(slots, {"seats": "2"})`` is
``{"seats": 2.0}``.
"""

import math
from collections.abc import Mapping
from typing import Any

from todserve.bot.bot_config import BotConfig, BotSlot, SlotSource, SlotType

REQUESTED = "requested_slot"
"""The slot in which Rasa keeps what a form asks for."""

_TRUE = ("true", "yes", "1", "on")
_FALSE = ("false", "no", "0", "off")


def action_name(key: str, slots: Mapping[str, BotSlot]) -> str:
    """Return what actions call a slot."""
    known = slots.get(key)
    return key if known is None else known.name or key


def slot_key(name: str, slots: Mapping[str, BotSlot]) -> str:
    """Return what the belief state calls a slot that an action names."""
    return next((key for key, known in slots.items() if (known.name or key) == name), name)


def sources(key: str, slots: Mapping[str, BotSlot]) -> tuple[SlotSource, ...]:
    """Return the entities that fill a slot, the one of its own name where none is listed."""
    known = slots.get(key)
    listed = () if known is None else known.entities
    return listed or (SlotSource(entity=action_name(key, slots)),)


def filled_by(entity: str, slots: Mapping[str, BotSlot]) -> list[str]:
    """Return the slots that an entity fills; where none is listed, one of its own name."""
    return [key for key in slots if entity in [one.entity for one in sources(key, slots)]] or [
        entity
    ]


def typed(value: Any, slot: BotSlot | None) -> Any:
    """Return a value as its slot's type has it; what the type cannot hold stays as it is."""
    if slot is None or value is None:
        return value
    if slot.type == SlotType.LIST:
        return value if isinstance(value, list) else [value]
    if not isinstance(value, str):
        return value
    plain = value.strip().casefold()
    if slot.type == SlotType.BOOL and plain in (*_TRUE, *_FALSE):
        return plain in _TRUE
    if slot.type == SlotType.FLOAT:
        return _number(value)
    if slot.type == SlotType.CATEGORICAL:
        return next((one for one in slot.values if one.casefold() == plain), value)
    return value


def action_slots(slots: Mapping[str, BotSlot], known: Mapping[str, Any]) -> dict[str, Any]:
    """Return the slots as an action sees them; those that are listed are there unset, too.

    Args:
        slots: of bot.yml.
        known: slot -> value, as the bot names slots.
    """
    found = {
        action_name(key, slots): typed(slot.initial, slot) if slot.initial is not None else None
        for key, slot in slots.items()
    }
    for key, value in known.items():
        if value is not None or action_name(key, slots) not in found:
            found[action_name(key, slots)] = typed(value, slots.get(key))
    return found


def domain_json(config: BotConfig) -> dict[str, Any]:
    """Return a bot in the JSON of Rasa's domain, as actions are given it."""
    return {
        "intents": sorted({*config.forms, *config.actions.intents}),
        "entities": sorted(
            {one.entity for key in config.slots for one in sources(key, config.slots)}
        ),
        "slots": {
            action_name(key, config.slots): {
                "type": str(slot.type),
                "initial_value": slot.initial,
                "influence_conversation": slot.influences,
                **({"values": list(slot.values)} if slot.values else {}),
                "mappings": [
                    {"type": "from_entity"}
                    | one.model_dump(include={"entity", "role", "group"}, exclude_none=True)
                    for one in sources(key, config.slots)
                ],
            }
            for key, slot in config.slots.items()
        },
        "responses": {
            name: [one.model_dump(exclude_defaults=True) for one in templates]
            for name, templates in config.responses.items()
        },
        "forms": {
            form.name or begun_by: {
                "required_slots": [action_name(slot, config.slots) for slot in form.required]
            }
            for begun_by, form in config.forms.items()
        },
        "actions": sorted(config.named_actions()),
        "session_config": {},
    }


def value_text(value: Any) -> str:
    """Return a value as people write it: three seats are 3, whatever kind of number they are."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _number(value: str) -> Any:
    try:
        number = float(value)
    except ValueError:
        return value
    return number if math.isfinite(number) else value
