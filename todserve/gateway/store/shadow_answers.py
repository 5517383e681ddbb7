"""Shadow answers: in which turns another version answered otherwise, and how.

Shadow traffic writes them into the store, the release routes read them, and they are deleted with
their turns. Example: ``answers.add(dialogue_id, 0, "2.0", [])`` says that version 2.0 answered the
first turn alike.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from todserve.gateway.store.database import Database
from todserve.gateway.store.dialogue_store import now_in_microseconds
from todserve.gateway.store.records import moment
from todserve.gateway.store.tables import shadows, traits, turns


class ShadowAnswers:
    """Reads and writes them; for any number of threads and processes at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self, dialogue_id: str, index: int, version: str, differences: Sequence[Mapping[str, Any]]
    ) -> None:
        """Keep how a version answered a turn; nothing where the turn was deleted meanwhile.

        Raises:
            SQLAlchemyError: it could not be written.
        """
        row = {
            "dialogue_id": dialogue_id,
            "position": index,
            "version": version,
            "created_at": now_in_microseconds(),
            "aspects": " ".join(str(one["aspect"]) for one in differences),
            "differences": [*map(dict, differences)] or None,
        }
        turn = sa.and_(turns.c.dialogue_id == dialogue_id, turns.c.position == index)
        with self._database.writing() as connection:
            if connection.execute(sa.select(sa.literal(1)).where(turn)).first() is not None:
                connection.execute(sa.insert(shadows).values(**row))

    def figures(self, version: str, *, since: int) -> dict[str, Any]:
        """Return how many turns a version was asked since then, how many differ, and in what."""
        columns = shadows.c
        reading = sa.select(columns.aspects, sa.func.count().label("turns"))
        reading = reading.where(columns.version == version, columns.created_at >= since)
        with self._database.reading() as connection:
            rows = connection.execute(reading.group_by(columns.aspects)).all()
        counted: Counter[str] = Counter()
        for row in rows:
            counted.update(dict.fromkeys(row.aspects.split(), row.turns))
        return {
            "turns": sum(row.turns for row in rows),
            "different": sum(row.turns for row in rows if row.aspects),
            "aspects": dict(sorted(counted.items())),
        }

    def different(self, version: str, *, since: int, limit: int) -> list[dict[str, Any]]:
        """Return the newest turns that a version answered otherwise, as the API shows them."""
        columns = shadows.c
        reading = sa.select(
            columns.dialogue_id,
            columns.position,
            columns.created_at,
            columns.differences,
            turns.c.user,
            traits.c.model,
        )
        for table in (turns, traits):
            mine = sa.and_(
                table.c.dialogue_id == columns.dialogue_id, table.c.position == columns.position
            )
            reading = reading.join(table, mine)
        reading = reading.where(
            columns.version == version, columns.created_at >= since, columns.aspects != ""
        )
        reading = reading.order_by(columns.created_at.desc()).limit(limit)
        with self._database.reading() as connection:
            rows = connection.execute(reading).all()
        return [
            {
                "dialogue_id": row.dialogue_id,
                "index": row.position,
                "created_at": moment(row.created_at),
                "user": row.user,
                "model": row.model,
                "differences": row.differences,
            }
            for row in rows
        ]
