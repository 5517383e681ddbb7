"""What a turn of a rule or story says, and what it becomes: a rule under a condition.

`intent_flows` reads them from the project, and `story_agreement` settles what stories say.
Example: ``FlowRule(intent="affirm", condition=Condition(after="utter_offer"), names=("f",))`` is
"yes, after the offer, begins the form f".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

Names = tuple[str, ...]
Told = Mapping[str, str | None]
Meant = tuple[tuple[str, str | bool | None], ...]
"""Slots as Rasa's policies see them; ``True`` stands for "whatever it is"."""
Named = tuple[tuple[str, str | None], ...]
"""Entities of a message; None stands for any value."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """What a conditional rule depends on beside its intent.

    Attributes:
        after: the action before the message.
        earlier: an action that was done before in the dialogue.
        form: the form under way.
        slots: (slot, value) pairs; None for no value.
        known: slots that have some value.
        entities: (entity, value) pairs that the message names; None for any value.
        start: whether only the first message counts.
    """

    after: str | None = None
    earlier: str | None = None
    form: str | None = None
    slots: tuple[tuple[str, str | None], ...] = ()
    known: Names = ()
    entities: tuple[tuple[str, str | None], ...] = ()
    start: bool = False

    def weight(self) -> int:
        """Return how much it asks for: the more, the sooner it is looked at."""
        parts = (
            self.after,
            self.earlier,
            self.form,
            *self.slots,
            *self.known,
            *self.entities,
            self.start or None,
        )
        return sum(one is not None for one in parts)


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowRule:
    """What follows an intent under a condition.

    Attributes:
        intent: of the message; None where it follows an action in the same turn.
        condition: what else must be so.
        names: what is done; a form that begins is the last.
        leave: whether the form under way is left.
        again: whether the form under way goes on asking.
        raw: the slots set before the message, with their values.
        left: the form that was left last for another one.
        where: file and line.
    """

    intent: str | None
    condition: Condition
    names: Names
    leave: bool = False
    again: bool = True
    raw: tuple[tuple[str, str | None], ...] = field(default=(), compare=False)
    left: str | None = field(default=None, compare=False)
    where: str = field(default="", compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """One action or response of a turn in a story, with the slots after it.

    Attributes:
        name: its name.
        told: what slots were after it.
        raw: the same with the values that the story tells.
    """

    name: str
    told: Meant = ()
    raw: tuple[tuple[str, str | None], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What one story does after a message.

    Attributes:
        intent: of the message.
        form: the form under way.
        before: the action that the message answers.
        earlier: every action before it.
        slots: what was set before and by the message.
        raw: the same with the values that the story tells.
        entities: what the message names, with values where these count.
        said: the same with every value.
        done: what is done.
        leave: whether the form is left.
        again: whether the form goes on asking.
        where: file and line.
    """

    intent: str
    form: str | None
    before: str | None
    earlier: Names
    slots: Meant
    raw: tuple[tuple[str, str | None], ...]
    entities: Named
    said: Named
    done: tuple[Done, ...]
    leave: bool
    again: bool
    where: str

    @property
    def names(self) -> Names:
        """The names of what is done."""
        return tuple(one.name for one in self.done)

    @property
    def leads(self) -> tuple[Names, bool, bool]:
        """All that follows."""
        return self.names, self.leave, self.again

    def rule(self, condition: Condition) -> FlowRule:
        """Return what follows as a rule."""
        return FlowRule(
            intent=self.intent,
            condition=condition,
            names=self.names,
            leave=self.leave,
            again=self.again,
            where=self.where,
        )


def conditioned(condition: Condition, told: Iterable[tuple[str, str | bool | None]]) -> Condition:
    """Return a condition with slots; a value of ``True`` says "whatever it is"."""
    slots, known = dict(condition.slots), dict.fromkeys(condition.known)
    for name, value in told:
        if isinstance(value, bool):
            known[name] = None
        else:
            slots[name] = value
    return replace(condition, slots=tuple(slots.items()), known=tuple(known))
