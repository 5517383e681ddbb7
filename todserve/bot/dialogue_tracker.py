"""Tracker: the dialogue as an action sees it, under the names that actions of Rasa use.

Handed to an action. Example: ``tracker.get_slot("people")`` is ``"4"``.

Its names are those of rasa-sdk's tracker, so that an action written for the one reads the other;
``current_state()`` is the JSON that an action server is sent.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from todserve.bot.action_events import Event


@dataclass(frozen=True, kw_only=True, slots=True)
class Tracker:
    """The slots, the newest message and the dialogue before it, as an action finds them.

    Attributes:
        sender_id: whom the dialogue is with, as its channel names people; else its id.
        slots: slot -> value: the active domain's belief state, over it what the bot remembers,
            over that the values of the form that is complete. Slots that bot.yml declares have
            their names and types there, and are there unset, too.
        latest_message: ``text``, ``message_id``, ``intent`` (``name``, ``confidence``),
            ``intent_ranking`` and ``entities`` (each ``entity``, ``value`` and more) of the
            user's message.
        belief_state: domain -> slot -> value, all domains.
        meant: domain -> slot -> what the value means (``{"type": "date", "value": "2026-12-04"}``),
            where the model's schema gives the slot a type.
        active_domain: the domain the turn is about.
        active_loop: ``{"name": ...}`` while a form is under way or just complete, else empty.
        latest_action_name: the action before this one in the same turn.
        events: what has happened in the dialogue so far, in Rasa's JSON.
        channel: on which the message came.
        key: idempotency key. The same when the same message is sent again, and while the same
            values of a form are confirmed again; another one otherwise. Two actions in one turn
            share it.
    """

    sender_id: str
    slots: Mapping[str, Any]
    latest_message: Mapping[str, Any]
    key: str
    belief_state: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    meant: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    active_domain: str | None = None
    active_loop: Mapping[str, Any] = field(default_factory=dict)
    latest_action_name: str | None = None
    events: Sequence[Event] = ()
    channel: str = "rest"

    def get_slot(self, key: str) -> Any:
        """Return a slot's value; None where it has none."""
        return self.slots.get(key)

    def meaning(self, slot: str) -> Mapping[str, Any] | None:
        """Return what a slot's value means; None where the model tells nothing of it."""
        for domain in sorted(self.meant, key=lambda one: one != self.active_domain):
            if self.belief_state.get(domain, {}).get(slot) == self.slots.get(slot):
                return self.meant[domain].get(slot)
        return None

    def get_latest_entity_values(self, entity_type: str) -> Iterator[str]:
        """Yield the values of the message's entities of one type."""
        for entity in self.latest_message.get("entities") or ():
            if entity.get("entity") == entity_type:
                yield entity["value"]

    def current_state(self) -> dict[str, Any]:
        """Return the tracker in Rasa's JSON, with our own facts under ``todserve``."""
        return {
            "sender_id": self.sender_id,
            "slots": dict(self.slots),
            "latest_message": dict(self.latest_message),
            "latest_event_time": self.events[-1].get("timestamp") if self.events else None,
            "followup_action": None,
            "paused": False,
            "events": list(self.events),
            "latest_input_channel": self.channel,
            "active_loop": dict(self.active_loop),
            "latest_action_name": self.latest_action_name,
            "latest_action": {"action_name": self.latest_action_name},
            "todserve": {
                "key": self.key,
                "belief_state": {name: dict(slots) for name, slots in self.belief_state.items()},
                "meant": {name: dict(slots) for name, slots in self.meant.items()},
                "active_domain": self.active_domain,
            },
        }
