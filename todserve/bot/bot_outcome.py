"""Outcome: what the bot said and did after one message; stored with its turn.

The bot returns one for each message. Example: ``Outcome.read(turn.bot).memory`` is what the bot
remembers after a turn.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from todserve.bot.action_events import Event
from todserve.bot.rasa.bot_utterance import Utterance, channel_messages

_LISTS = ("messages", "said", "events", "trail", "done", "left")


@dataclass(frozen=True, kw_only=True, slots=True)
class FormState:
    """A form that is under way.

    Attributes:
        name: the intent that began it.
        values: slot -> value of what is known.
        missing: slots that are not, in the order of asking.
        awaiting_confirmation: whether the user was asked to confirm the values.
        since: id of the message that brought the newest value: the values' idempotency key.
        judged: slot -> the value that was heard, and what its form's validation made of it: a
            value, or None for one that was refused.
        newest: the slot whose value came last.
    """

    name: str
    values: Mapping[str, str]
    missing: tuple[str, ...]
    awaiting_confirmation: bool
    since: str
    judged: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    newest: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What the bot said and did after one message.

    Attributes:
        messages: what the user reads, in order; none while a person has taken over.
        said: responses, acts and actions that made the messages, by name and in order.
        events: what happened, in Rasa's JSON.
        memory: slot -> value that the bot remembers after the turn.
        form: the form that is under way after the turn.
        handed_off: whether a person has taken over.
        handed_off_at: since when, in seconds since 1970; None where that is not known.
        fallback: whether the bot did not understand.
        misses: turns in a row that it did not.
        error: ``action: type of the error``, where one failed.
        trail: events and messages in their order, as Rasa's tracker has them.
        done: what was said and done in the turns before, each name once, the newest last.
        left: the forms that were left for another one, the newest last.
        stage: what a two-stage fallback waits for; None where none is under way.
        suggested: the intent that it asked about.
        strayed: slot -> value that the model understands and no condition of the slot allows.
    """

    messages: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    events: tuple[Event, ...] = ()
    memory: Mapping[str, Any] = field(default_factory=dict)
    form: FormState | None = None
    handed_off: bool = False
    handed_off_at: float | None = None
    fallback: bool = False
    misses: int = 0
    error: str | None = None
    trail: tuple[Event, ...] = ()
    done: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    stage: str | None = None
    suggested: str | None = None
    strayed: Mapping[str, str] = field(default_factory=dict)

    @property
    def shown(self) -> tuple[dict[str, Any], ...]:
        """The messages with all that a channel can show."""
        return channel_messages(self.trail)

    @classmethod
    def read(cls, stored: Mapping[str, Any] | None) -> "Outcome":
        """Return what was stored; nothing at all for None."""
        if stored is None:
            return cls()
        given = dict(stored)
        form = given.get("form")
        if form is not None:
            given["form"] = FormState(**{**form, "missing": tuple(form["missing"])})
        if "trail" not in given:  # from before there was one
            said = [Utterance(text).event() for text in given["messages"]]
            given["trail"] = [*given["events"], *said]
        given |= {name: tuple(given.get(name, ())) for name in _LISTS}
        return cls(**given)

    def as_json(self) -> dict[str, Any]:
        """Return what is to be stored."""
        stored = {one.name: getattr(self, one.name) for one in fields(self)}
        form = self.form
        if form is not None:
            stored["form"] = {one.name: getattr(form, one.name) for one in fields(form)}
            stored["form"] |= {"values": dict(form.values), "missing": list(form.missing)}
            stored["form"]["judged"] = {name: list(one) for name, one in form.judged.items()}
        stored |= {name: list(stored[name]) for name in _LISTS}
        return stored | {"memory": dict(self.memory), "strayed": dict(self.strayed)}
