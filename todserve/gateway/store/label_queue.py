"""The queue: turns that nobody has judged or corrected, the ones most worth a look first.

The labelling routes read it for people who judge turns. Example: ``queue.page(limit=20)`` are the
twenty turns that the model doubted most, wrote most strangely, or about which people disagree.
"""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from todserve.gateway.store.database import Database
from todserve.gateway.store.records import moment
from todserve.gateway.store.tables import corrections, traits, turns

QueuePlace = tuple[int, int, str, int]
"""Worth, when it was said, dialogue and position of a turn."""


@dataclass(frozen=True, kw_only=True, slots=True)
class QueuedTurn:
    """A turn to look at; ``reasons`` are those of ``turn_traits``."""

    dialogue_id: str
    index: int
    created_at: int
    user: str
    intent: str | None
    domain: str | None
    reasons: tuple[str, ...]
    worth: int

    @property
    def place(self) -> QueuePlace:
        """Where it stands in the queue."""
        return self.worth, self.created_at, self.dialogue_id, self.index

    def view(self) -> dict[str, Any]:
        """Return the turn as the API lists it."""
        return {
            "dialogue_id": self.dialogue_id,
            "index": self.index,
            "created_at": moment(self.created_at),
            "user": self.user,
            "intent": self.intent,
            "domain": self.domain,
            "reasons": list(self.reasons),
        }


class LabelQueue:
    """Reads what is worth labelling; for any number of threads and processes at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(
        self, *, limit: int, before: QueuePlace | None = None, second: str | None = None
    ) -> tuple[tuple[QueuedTurn, ...], int]:
        """Return the turns most worth a look, and how many wait in all.

        Args:
            limit: how many at most.
            before: the place to go on after.
            second: a person: instead, the turns that others have judged and this one has not.
        """
        columns = traits.c
        wanted = _judged_by_others(second) if second else _waiting()
        order = (columns.worth, columns.created_at, columns.dialogue_id, columns.position)
        mine = sa.and_(
            turns.c.dialogue_id == columns.dialogue_id, turns.c.position == columns.position
        )
        reading = sa.select(*order, turns.c.user, columns.intent, columns.domain, columns.reasons)
        reading = reading.join_from(traits, turns, mine).where(wanted)
        if before is not None:
            reading = reading.where(sa.tuple_(*order) < sa.tuple_(*map(sa.literal, before)))
        reading = reading.order_by(*(one.desc() for one in order)).limit(limit)
        counting = sa.select(sa.func.count()).select_from(traits).where(wanted)
        with self._database.reading() as connection:
            found = connection.execute(reading).all()
            waiting = connection.execute(counting).scalar_one()
        return tuple(
            QueuedTurn(
                dialogue_id=row.dialogue_id,
                index=row.position,
                created_at=row.created_at,
                user=row.user,
                intent=row.intent,
                domain=row.domain,
                reasons=tuple(row.reasons.split()),
                worth=row.worth,
            )
            for row in found
        ), int(waiting)


def _waiting() -> sa.ColumnElement[bool]:
    return sa.and_(traits.c.settled.is_(False), traits.c.worth > 0)


def _judged_by_others(person: str) -> sa.ColumnElement[bool]:
    judged = sa.and_(
        corrections.c.dialogue_id == traits.c.dialogue_id,
        corrections.c.position == traits.c.position,
        corrections.c.content["verdict"].as_string().is_not(None),
    )
    others = sa.exists().where(judged, corrections.c.author != person).correlate(traits)
    own = sa.exists().where(judged, corrections.c.author == person).correlate(traits)
    return sa.and_(traits.c.verdict.is_not(None), others, ~own)
