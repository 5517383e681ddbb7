"""Spoken turns: a labelled turn to start from, and what is made of it.

The spoken maker takes a labelled turn from a corpus and returns a spoken one. Whatever has the
attributes of `LabelledTurn` can be spoken from: the training turns are such.
Example: after ``a hotel in the west`` a spoken turn is ``nope, east`` with the area corrected.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from todserve.runtime.language.dialogue import DELETED, BeliefState, Dialogue, apply_update
from todserve.runtime.language.text import normalise

NO_LOOK_UP = "[db_nores]"
"""The database token of a turn for which nothing was looked up."""

State = dict[str, dict[str, str]]
Acts = tuple[tuple[str, str, str], ...]
History = tuple[tuple[str, str, str], ...]


class LabelledTurn(Protocol):
    """One turn of a dialogue with its past and its labels; None where a corpus annotates none."""

    @property
    def dialogue_id(self) -> str:
        """The publisher's own identifier."""

    @property
    def corpus(self) -> str:
        """Short name of the corpus."""

    @property
    def history(self) -> History:
        """Earlier (user, system, delexicalised system) texts, oldest first."""

    @property
    def previous_state(self) -> State:
        """Belief state before the turn."""

    @property
    def user(self) -> str:
        """What the user says."""

    @property
    def state(self) -> State | None:
        """Belief state after it."""

    @property
    def intent(self) -> str | None:
        """The user's intent."""

    @property
    def acts(self) -> Acts | None:
        """(domain, act, slot) of the reply."""

    @property
    def response(self) -> str | None:
        """The delexicalised reply."""

    @property
    def database_token(self) -> str:
        """What the look-up told the model."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SpokenTurn:
    """A turn as people really say it; the attributes are those of `LabelledTurn`.

    Attributes:
        kind: which kind of saying it is, such as ``correct``; "" as a corpus has it.
    """

    kind: str
    dialogue_id: str
    corpus: str
    history: History
    previous_state: State
    user: str
    state: State | None
    intent: str | None = None
    acts: Acts | None = None
    response: str | None = None
    database_token: str = NO_LOOK_UP


def labelled_turns(dialogue: Dialogue) -> Iterator[SpokenTurn]:
    """Yield a dialogue's turns as ones to speak from, for whoever keeps no training turns."""
    past: list[tuple[str, str, str]] = []
    previous: State = {}
    for turn in dialogue.turns:
        state = None
        if turn.belief_state is not None:
            state = {domain: dict(slots) for domain, slots in turn.belief_state.items()}
        acts = None
        if turn.dialogue_acts is not None:
            acts = tuple((act.domain, act.act, act.slot) for act in turn.dialogue_acts)
        yield SpokenTurn(
            kind="",
            dialogue_id=dialogue.dialogue_id,
            corpus=dialogue.corpus,
            history=tuple(past),
            previous_state=previous,
            user=normalise(turn.user),
            state=state,
            intent=turn.intent,
            acts=acts,
            response=turn.delexicalised_response or None,
        )
        system = normalise(turn.system or "")
        past.append((normalise(turn.user), system, turn.delexicalised_response or system))
        previous = previous if state is None else state


Changes = Mapping[tuple[str, str], str | None]
"""(domain, slot) -> its new value; None withdraws it."""


def changed(state: BeliefState, changes: Changes) -> State:
    """Return ``state`` with ``changes`` applied; a domain without slots disappears."""
    update: State = {}
    for (domain, slot), value in changes.items():
        update.setdefault(domain, {})[slot] = DELETED if value is None else value
    return apply_update(state, update)
