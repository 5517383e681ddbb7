"""The nouns of the project as classes: dialogue, turn, dialogue act, belief state.

Corpora are read into them, and the pipeline, the trainer and the benchmarks all work with them;
standard library only. Example:
``Turn(user="a train to ely", belief_state={"train": {"destination": "ely"}})``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

BeliefState = Mapping[str, Mapping[str, str]]
"""domain -> slot -> value. Absent means not mentioned; the empty state is ``{}``."""

Slots = Mapping[str, tuple[str, ...]]
"""domain -> slots of it."""

GENERAL = "general"
"""Domain of acts, and intent of utterances, that concern no service: thanks, goodbye, yes."""

OUT_OF_SCOPE = "out_of_scope"
"""Intent, and act of the domain ``general``, of what no service can do: the weather, a joke."""

DONTCARE = "dontcare"
"""The value of a slot the user has declared indifferent."""

DELETED = "none"
"""In a belief-state UPDATE only: the slot is withdrawn. Never a value of a state."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DialogueAct:
    """One act of the system, e.g. ``train / inform / leave``.

    ``slot`` is "" for acts without one (``general / bye``).
    """

    domain: str
    act: str
    slot: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """A user utterance, what it means, and the system's reply to it.

    ``None`` always means "this corpus does not annotate it", never "empty".

    Attributes:
        user: the user's utterance, plain text.
        belief_state: the whole state after the utterance.
        intent: the user's intent, e.g. ``find_restaurant``.
        active_domain: the domain the turn is about.
        dialogue_acts: the acts of the system's reply, in annotation order.
        system: the system's reply, plain text.
        delexicalised_response: the reply with values replaced by ``[value_slot]``.
        placeholders: (slot, surface text) of each placeholder, in order of appearance.
        database_matches: entities of the active domain that satisfy the state.
    """

    user: str
    belief_state: BeliefState | None = None
    intent: str | None = None
    active_domain: str | None = None
    dialogue_acts: tuple[DialogueAct, ...] | None = None
    system: str | None = None
    delexicalised_response: str | None = None
    placeholders: tuple[tuple[str, str], ...] = ()
    database_matches: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Dialogue:
    """The turns of one conversation, in order.

    Attributes:
        dialogue_id: the publisher's own identifier.
        corpus: short name of the corpus, e.g. ``multiwoz21``.
        split: ``train``, ``dev`` or ``test``.
        turns: at least one turn.
    """

    dialogue_id: str
    corpus: str
    split: str
    turns: tuple[Turn, ...] = field(default=())


def state_update(previous: BeliefState, current: BeliefState) -> dict[str, dict[str, str]]:
    """Return what turned ``previous`` into ``current``.

    New and changed slots carry their value; withdrawn slots carry ``DELETED``.
    """
    update: dict[str, dict[str, str]] = {}
    for domain, slots in current.items():
        known = previous.get(domain, {})
        changed = {slot: value for slot, value in slots.items() if known.get(slot) != value}
        if changed:
            update[domain] = changed
    for domain, slots in previous.items():
        kept = current.get(domain, {})
        for slot in slots:
            if slot not in kept:
                update.setdefault(domain, {})[slot] = DELETED
    return update


def apply_update(previous: BeliefState, update: BeliefState) -> dict[str, dict[str, str]]:
    """Return ``previous`` with ``update`` applied; domains left empty disappear."""
    merged = {domain: dict(slots) for domain, slots in previous.items()}
    for domain, slots in update.items():
        target = merged.setdefault(domain, {})
        for slot, value in slots.items():
            if value == DELETED:
                target.pop(slot, None)
            else:
                target[slot] = value
    return {domain: slots for domain, slots in merged.items() if slots}
