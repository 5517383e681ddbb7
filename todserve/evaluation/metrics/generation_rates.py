"""Rates of generations that went wrong in themselves: malformed, invented, or at odds.

`corpus_scores` calls it; it compares with no label of the turn, only with the labels there are.
Works on responses alone, so a running server is judged as a checkpoint is. Example: an act text
``[hotel] phone`` has a slot without an act, so its turn counts as unparsed.
"""

from collections.abc import Sequence

from todserve.evaluation.figures import Figure, share
from todserve.evaluation.metrics.invented_labels import INVENTED, Labels, invented
from todserve.runtime.language.tasks import TASKS
from todserve.runtime.wire.response import TurnResponse


def generation_rates(answers: Sequence[TurnResponse | None]) -> tuple[Figure, ...]:
    """Return the shares of refused turns, of turns with unparsed pieces, and of disagreements.

    Args:
        answers: of every turn; None where the request was refused.
    """
    given = [one for one in answers if one is not None]
    judged = [one.consistent for one in given if one.consistent is not None]
    return (
        Figure(
            name="refused",
            value=share(len(answers) - len(given), len(answers)),
            of=len(answers),
            unit="turns",
        ),
        Figure(
            name="unparsed",
            value=share(sum(bool(one.unparsed) for one in given), len(given)),
            of=len(given),
            unit="turns",
            note="some piece of some generation was not understood",
        ),
        Figure(
            name="disagreement",
            value=share(judged.count(False), len(judged)),
            of=len(judged),
            unit="turns",
            note="acts and reply name different slots; people's own: 0.06",
        ),
    )


def task_rates(answers: Sequence[TurnResponse | None], labels: Labels) -> tuple[Figure, ...]:
    """Return, per task, the shares of turns with unparsed pieces and with invented labels.

    Args:
        answers: of every turn, all four tasks asked; None where the request was refused.
        labels: all there are.
    """
    given = [one for one in answers if one is not None]
    turns = len(given)
    unparsed = [
        Figure(
            name=f"unparsed_{task}",
            value=share(sum(bool(one.unparsed.get(task)) for one in given), turns),
            of=turns,
            unit="turns",
            note="some piece of this generation was not understood",
        )
        for task in TASKS
    ]
    found = [invented(one, labels) for one in given]
    return (
        *unparsed,
        *(
            Figure(
                name=kind,
                value=share(sum(kind in kinds for kinds in found), turns),
                of=turns,
                unit="turns",
                note=note,
            )
            for kind, note in INVENTED.items()
        ),
    )
