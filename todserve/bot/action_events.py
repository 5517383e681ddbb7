"""Events: what an action returns, such as "remember this slot", as dictionaries in Rasa's JSON.

Actions make them, and the bot applies them to what it remembers of the dialogue. Example:
``SlotSet("reference", "k3x9ab27")`` equals ``{"event": "slot", "name": "reference", "value":
"k3x9ab27", "timestamp": None}``.

Source of names and keys: the events of rasa-sdk 3, so that either library's may be returned.
"""

from typing import Any

Event = dict[str, Any]
"""One event; ``event`` says which."""


class SlotSet(Event):
    """The bot remembers a value; None forgets it."""

    def __init__(self, key: str, value: object = None) -> None:
        super().__init__(event="slot", name=key, value=value, timestamp=None)


class FollowupAction(Event):
    """Another action is to run, or another response is to be said, in the same turn."""

    def __init__(self, name: str) -> None:
        super().__init__(event="followup", name=name, timestamp=None)


class ActiveLoop(Event):
    """A form begins, as the bot notes; None leaves the form, which an action may ask for too."""

    def __init__(self, name: str | None) -> None:
        super().__init__(event="active_loop", name=name, timestamp=None)


class ConversationPaused(Event):
    """A person takes over: the bot says nothing more until the dialogue is resumed."""

    def __init__(self) -> None:
        super().__init__(event="pause", timestamp=None)


class AllSlotsReset(Event):
    """The bot forgets every value."""

    def __init__(self) -> None:
        super().__init__(event="reset_slots", timestamp=None)


class Restarted(Event):
    """The bot forgets every value and leaves its form."""

    def __init__(self) -> None:
        super().__init__(event="restart", timestamp=None)


class ActionExecuted(Event):
    """An action ran; noted by the bot itself."""

    def __init__(self, name: str) -> None:
        super().__init__(event="action", name=name, timestamp=None)
