"""Filters of the list of dialogues, such as "corrected", as SQL conditions.

Behind the list of dialogues. Example: ``sa.select(dialogues).where(found_by("wrong"))``.
"""

from typing import Literal

import sqlalchemy as sa

from todserve.gateway.store.records import LABELLED
from todserve.gateway.store.tables import corrections, dialogues

Filter = Literal[
    "low_confidence", "unparsed", "disagreement", "handed_off", "corrected", "right", "wrong"
]

_JUDGED = ("right", "wrong")


def found_by(name: Filter) -> sa.ColumnElement[bool]:
    """Return the condition of a filter on ``dialogues``.

    Args:
        name: a `Filter`: a flag, ``corrected`` where somebody said what would have been
            right, ``right`` or ``wrong`` where a turn is judged so and has not been run again.
    """
    if name == "corrected":
        # A verdict alone corrects nothing, nor does a turn that was run again.
        return _some_step(corrections, sa.or_(*(_has(corrections, key) for key in LABELLED)))
    if name in _JUDGED:
        later = corrections.alias()
        overruled = sa.exists().where(
            later.c.dialogue_id == corrections.c.dialogue_id,
            later.c.position == corrections.c.position,
            later.c.step > corrections.c.step,
            sa.or_(_has(later, "verdict"), _has(later, "answer")),
        )
        judged = corrections.c.content["verdict"].as_string() == name
        return _some_step(corrections, sa.and_(judged, ~overruled))
    return dialogues.c[name].is_(True)


def _some_step(steps: sa.Table, condition: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    mine = steps.c.dialogue_id == dialogues.c.dialogue_id
    return sa.exists().where(mine, condition).correlate(dialogues)


def _has(steps: sa.FromClause, key: str) -> sa.ColumnElement[bool]:
    found: sa.ColumnElement[bool] = steps.c.content[key].as_string().is_not(None)
    return found
