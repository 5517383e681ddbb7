"""Joint goal accuracy and slot F1: are the belief states right?

`corpus_scores` calls it with the outcomes of a rollout. Example: a state with one wrong slot of
five is not a joint goal, but four of its slots still count for the F1.
"""

from collections.abc import Iterable

from todserve.evaluation.figures import Figure, f1, share
from todserve.runtime.language.dialogue import BeliefState
from todserve.runtime.language.schema import Schema

Pair = tuple[BeliefState, BeliefState]
"""(predicted state, the corpus's state) after one turn."""


def belief_scores(pairs: Iterable[Pair], schema: Schema) -> tuple[Figure, Figure]:
    """Return joint goal accuracy (share of turns whose whole state is right) and slot F1 (micro).

    Both states are spelled as the schema does before they are compared, exactly; a label that
    the schema refuses stays as it is, and so can never be met.
    """
    turns = exact = right = predicted_slots = expected_slots = 0
    for predicted, expected in pairs:
        got, wanted = slots_of(predicted, schema), slots_of(expected, schema)
        turns += 1
        exact += got == wanted
        right += len(got & wanted)
        predicted_slots += len(got)
        expected_slots += len(wanted)
    return (
        Figure(
            name="joint_goal_accuracy",
            value=share(exact, turns),
            of=turns,
            unit="turns",
            note="whole state exactly right",
        ),
        Figure(
            name="slot_f1",
            value=f1(right, predicted_slots, expected_slots),
            of=expected_slots,
            unit="slots",
            note="micro, over (domain, slot, value) of every turn's whole state",
        ),
    )


def slots_of(state: BeliefState, schema: Schema) -> frozenset[tuple[str, str, str]]:
    """Return the (domain, slot, value) of a state, spelled as the schema does."""
    return frozenset(
        (domain, slot, schema.normalise_value(domain, slot, value) or value)
        for domain, slots in state.items()
        for slot, value in slots.items()
    )
