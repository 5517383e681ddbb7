"""Intent accuracy and dialogue-act F1: are the labels of a turn right?

`corpus_scores` calls it with the outcomes of a rollout. Example: predicted
``inform phone, reqmore`` against ``inform phone, inform address`` is one right of two and of two:
F1 0.5.
"""

from collections.abc import Iterable, Set

from todserve.evaluation.figures import Figure, f1, share
from todserve.runtime.language.dialogue import DialogueAct


def intent_accuracy(pairs: Iterable[tuple[str | None, str]]) -> Figure:
    """Return the share of turns whose predicted intent (None: none) is the corpus's."""
    turns = right = 0
    for predicted, expected in pairs:
        turns += 1
        right += predicted == expected
    return Figure(name="intent_accuracy", value=share(right, turns), of=turns, unit="turns")


def dialogue_act_f1(pairs: Iterable[tuple[Set[DialogueAct], Set[DialogueAct]]]) -> Figure:
    """Return the micro-F1 of next acts; pairs are (predicted, the corpus's) of one reply.

    Several replies can be good; the corpus shows one. So this measures likeness to MultiWOZ's
    wizards, not quality.
    """
    right = predicted_acts = expected_acts = 0
    for predicted, expected in pairs:
        right += len(predicted & expected)
        predicted_acts += len(predicted)
        expected_acts += len(expected)
    return Figure(
        name="dialogue_act_f1",
        value=f1(right, predicted_acts, expected_acts),
        of=expected_acts,
        unit="acts",
        note="next acts, micro, over (domain, act, slot)",
    )
