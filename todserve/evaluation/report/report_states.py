"""Belief states taken apart: by domain, and by how far into the dialogue a turn is.

The HTML report calls it with the outcomes of a rollout. Example: a hotel state that is wrong while
the train's is right lowers the hotel's joint goal accuracy alone.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from todserve.evaluation.figures import f1, share
from todserve.evaluation.metrics.belief_scores import slots_of
from todserve.evaluation.rollout import Outcome
from todserve.evaluation.suites.multiwoz.multiwoz_inform_success import DialogueOutcome
from todserve.runtime.language.schema import Schema

SlotValue = tuple[str, str, str]
"""(domain, slot, value), spelled as the schema does."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparedTurn:
    """A turn whose state the corpus labels, and both states as sets."""

    outcome: Outcome
    expected: AbstractSet[SlotValue]
    predicted: AbstractSet[SlotValue]

    @property
    def right(self) -> bool:
        """The whole state is exactly right, as for joint goal accuracy."""
        return self.expected == self.predicted


@dataclass(frozen=True, kw_only=True, slots=True)
class DomainRow:
    """How often the belief state of one domain is right.

    Attributes:
        domain: its name.
        turns: turns at which it stands in the corpus's state or in the model's.
        joint_goal_accuracy: share of them where all its slots are exactly right.
        slot_f1: micro, over its slots at those turns.
        goals: dialogues whose goal has it; None where none were judged.
        inform: share of them where what was offered meets the goal.
        success: share of them where besides, everything asked for was told; where Inform failed
            anywhere in the dialogue, it was not.
    """

    domain: str
    turns: int
    joint_goal_accuracy: float | None
    slot_f1: float | None
    goals: int | None = None
    inform: float | None = None
    success: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class TurnNumberRow:
    """Turns of one number, from 1, and the share of them whose whole state is right."""

    number: int
    turns: int
    joint_goal_accuracy: float


def compared(outcomes: Sequence[Outcome], schema: Schema) -> list[ComparedTurn]:
    """Return the turns that have a labelled state."""
    return [
        ComparedTurn(
            outcome=one,
            expected=slots_of(one.turn.belief_state, schema),
            predicted=slots_of(one.state, schema),
        )
        for one in outcomes
        if one.turn.belief_state is not None
    ]


def domain_rows(
    turns: Sequence[ComparedTurn], endings: Mapping[str, DialogueOutcome]
) -> tuple[DomainRow, ...]:
    """Return a row for every domain of a state or a goal, by name.

    Args:
        turns: of all dialogues.
        endings: dialogue id -> how it ended; empty where goals were not judged.
    """
    states: dict[str, list[tuple[AbstractSet[SlotValue], AbstractSet[SlotValue]]]]
    states = defaultdict(list)
    for one in turns:
        for domain in {slot[0] for slot in one.expected | one.predicted}:
            expected, predicted = (
                {slot for slot in state if slot[0] == domain}
                for state in (one.expected, one.predicted)
            )
            states[domain].append((expected, predicted))
    ends = defaultdict(list)
    for ending in endings.values():
        for domain, end in ending.domains.items():
            ends[domain].append(end)
    rows = []
    for domain in sorted({*states, *ends}):
        pairs, judged = states[domain], ends[domain]
        rows.append(
            DomainRow(
                domain=domain,
                turns=len(pairs),
                joint_goal_accuracy=share(
                    sum(expected == predicted for expected, predicted in pairs), len(pairs)
                ),
                slot_f1=f1(
                    sum(len(expected & predicted) for expected, predicted in pairs),
                    sum(len(predicted) for _, predicted in pairs),
                    sum(len(expected) for expected, _ in pairs),
                ),
                goals=len(judged) if endings else None,
                inform=share(sum(end.inform for end in judged), len(judged)),
                success=share(sum(end.success is True for end in judged), len(judged)),
            )
        )
    return tuple(rows)


def by_turn_number(turns: Sequence[ComparedTurn]) -> tuple[TurnNumberRow, ...]:
    """Return joint goal accuracy by the turn's number in its dialogue."""
    counted = Counter(one.outcome.index for one in turns)
    right = Counter(one.outcome.index for one in turns if one.right)
    return tuple(
        TurnNumberRow(
            number=index + 1,
            turns=counted[index],
            joint_goal_accuracy=right[index] / counted[index],
        )
        for index in sorted(counted)
    )
