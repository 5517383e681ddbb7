"""Version figures: how many turns each version answered, and what speaks against its answers.

The release routes call it. Example: ``version_figures(database, since=0)[0]["corrected"]``.
"""

from typing import Any

import sqlalchemy as sa

from todserve.gateway.store.database import Database
from todserve.gateway.store.tables import traits

_REASONS = ("refused", "outside", "low_confidence", "unparsed", "disagreement")


def version_figures(database: Database, *, since: int) -> list[dict[str, Any]]:
    """Return the figures of each version that answered turns, the one with most of them first.

    Args:
        database: where the turns are; those of every gateway.
        since: microseconds since 1970; only turns from then on count.
    """
    columns = traits.c

    def counted(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
        return sa.func.sum(sa.case((condition, 1), else_=0))

    turns = sa.func.count().label("turns")
    reading = sa.select(
        columns.model,
        turns,
        *(counted(columns.reasons.contains(name)).label(name) for name in _REASONS),
        counted(columns.corrected.is_(True)).label("corrected"),
        *(counted(columns.verdict == name).label(name) for name in ("right", "wrong")),
    )
    reading = reading.where(columns.created_at >= since).group_by(columns.model)
    with database.reading() as connection:
        rows = connection.execute(reading.order_by(turns.desc(), columns.model)).mappings().all()
    return [dict(row) for row in rows]
