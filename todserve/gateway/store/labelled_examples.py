"""Examples: single utterances that people typed in and labelled by hand, for training.

The label routes add to it and the export reads it. Example:
``examples.add("a train to ely", "find_train", None)``.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from todserve.gateway.gateway_errors import MissingError
from todserve.gateway.store import tables
from todserve.gateway.store.database import Database
from todserve.gateway.store.dialogue_store import now_in_microseconds
from todserve.gateway.store.records import moment

State = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class ExampleRecord:
    """An utterance that somebody typed in and labelled.

    Attributes:
        example_id: names it.
        text: the utterance.
        intent: the user's intent; None where nobody labelled it.
        belief_state: domain -> slot -> value; None where nobody labelled it.
        created_at: microseconds since 1970.
    """

    example_id: str
    text: str
    intent: str | None
    belief_state: State | None
    created_at: int

    @property
    def place(self) -> tuple[int, str]:
        """Where it stands in a list."""
        return self.created_at, self.example_id

    def view(self) -> dict[str, Any]:
        """Return the example as the API shows it."""
        return {
            "example_id": self.example_id,
            "text": self.text,
            "intent": self.intent,
            "belief_state": self.belief_state,
            "created_at": moment(self.created_at),
        }


class Examples:
    """Reads and writes examples; for any number of threads and processes at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, text: str, intent: str | None, belief_state: State | None) -> ExampleRecord:
        """Store an example."""
        record = ExampleRecord(
            example_id=uuid.uuid4().hex,
            text=text,
            intent=intent,
            belief_state=belief_state,
            created_at=now_in_microseconds(),
        )
        row = {name: getattr(record, name) for name in ExampleRecord.__slots__}
        with self._database.writing() as connection:
            connection.execute(sa.insert(tables.examples).values(**row))
        return record

    def page(
        self, *, limit: int, before: tuple[int, str] | None = None
    ) -> tuple[ExampleRecord, ...]:
        """Return examples, the newest first, after (created_at, example_id) ``before``."""
        columns = tables.examples.c
        reading = sa.select(tables.examples).limit(limit)
        reading = reading.order_by(columns.created_at.desc(), columns.example_id.desc())
        if before is not None:
            order = sa.tuple_(columns.created_at, columns.example_id)
            reading = reading.where(order < sa.tuple_(*map(sa.literal, before)))
        with self._database.reading() as connection:
            return tuple(
                ExampleRecord(**row) for row in connection.execute(reading).mappings().all()
            )

    def delete(self, example_id: str) -> None:
        """Delete an example; ``MissingError`` where there is none."""
        deleting = sa.delete(tables.examples).where(tables.examples.c.example_id == example_id)
        with self._database.writing() as connection:
            if not connection.execute(deleting).rowcount:
                raise MissingError(f"there is no example {example_id}")
        self._database.forget()
