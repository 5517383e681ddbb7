"""Rates of generations that went wrong in themselves: malformed, or at odds with each other.

Stands between the rollout and the report; needs no labels. Example: an act text ``[hotel] phone``
has a slot without an act, so its turn counts as unparsed.
"""

from collections.abc import Sequence

from todserve.evaluation.figure import Figure, share
from todserve.runtime.response import TurnResponse


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
