"""Row mapping: turns rows of the store's tables into the records that the gateway works with.

Beneath the store, inside its transactions. Example:
``turns_in(connection, dialogue_id, 20)`` are the newest twenty turns, as people corrected them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from todserve.gateway.gateway_errors import MissingError
from todserve.gateway.store.records import (
    LABELLED,
    DialogueRecord,
    TurnMark,
    TurnRecord,
    standing_verdict,
)
from todserve.gateway.store.tables import corrections, dialogues, traits, turns

FLAGS = ("low_confidence", "unparsed", "disagreement", "handed_off", "refused", "outside")
"""What a dialogue is found by; each is a column."""

MARKED = 100
"""Turns of a dialogue whose marks a list shows."""


def record_of(row: Mapping[Any, Any]) -> DialogueRecord:
    """Return a row of the table of dialogues as a record."""
    return DialogueRecord(
        flags=tuple(name for name in FLAGS if row[name]),
        of_sender=row["sender"] is not None,
        **{
            name: row[name]
            for name in ("dialogue_id", "user_id", "model", "created_at", "updated_at")
            + ("turns", "last_user", "owner", "version")
        },
    )


def dialogue_in(
    connection: sa.Connection, dialogue_id: str, owner: str | None = None
) -> DialogueRecord:
    """Return a dialogue; ``MissingError`` where there is none, or it is not the owner's."""
    reading = sa.select(dialogues).where(dialogues.c.dialogue_id == dialogue_id)
    row = connection.execute(reading).mappings().one_or_none()
    # Somebody else's is answered as none is: that it exists is told to nobody.
    if row is None or owner not in (None, row["owner"]):
        raise missing(dialogue_id)
    return record_of(row)


def turns_in(
    connection: sa.Connection, dialogue_id: str, newest: int | None
) -> tuple[TurnRecord, ...]:
    """Return the turns in order; only the ``newest`` ones if a number is given."""
    these = turns.c.dialogue_id == dialogue_id
    reading = sa.select(turns).where(these).order_by(turns.c.position.desc())
    rows = connection.execute(reading.limit(newest)).all()
    steps = sa.select(corrections).where(corrections.c.dialogue_id == dialogue_id)
    if rows:
        steps = steps.where(corrections.c.position >= rows[-1].position)
    found = connection.execute(steps.order_by(corrections.c.step)).all()
    merged: dict[int, dict[str, Any]] = {}
    times: dict[int, int] = {}
    answered: dict[int, int] = {}
    labelled: dict[int, int] = {}
    authors: dict[int, str | None] = {}
    verdicts: dict[int, dict[str, str]] = {}
    for step in found:
        # What was corrected later stands; what it says nothing about stays as it was.
        content = merged.setdefault(step.position, {})
        judged = verdicts.setdefault(step.position, {})
        if "answer" in step.content:
            # They judged the answer before.
            content.pop("verdict", None)
            judged.clear()
            answered[step.position] = step.created_at
        content.update(step.content)
        if "verdict" in step.content:
            judged.pop(step.author or "", None)
            judged[step.author or ""] = step.content["verdict"]
            content["verdict"] = standing_verdict(judged)
        if any(key in step.content for key in LABELLED):
            labelled[step.position] = step.created_at
        times[step.position] = step.created_at
        authors[step.position] = step.author
    return tuple(
        TurnRecord(
            index=row.position,
            user=row.user,
            message_id=row.message_id,
            answer=row.answer,
            timing_ms=row.timing_ms,
            created_at=row.created_at,
            bot=row.bot,
            correction=merged.get(row.position, {}),
            corrected_at=times.get(row.position),
            author=authors.get(row.position),
            verdicts=verdicts.get(row.position, {}),
            labelled_at=labelled.get(row.position, 0),
            answered_at=answered.get(row.position, row.created_at),
        )
        for row in reversed(rows)
    )


def marks_in(
    connection: sa.Connection, dialogue_ids: Sequence[str]
) -> dict[str, tuple[TurnMark, ...]]:
    """Return the marks of each dialogue's first turns, by its id."""
    columns = (traits.c.intent, traits.c.domain, traits.c.verdict, traits.c.corrected)
    reading = sa.select(traits.c.dialogue_id, traits.c.position, traits.c.reasons, *columns)
    these = traits.c.dialogue_id.in_(dialogue_ids)
    reading = reading.where(these, traits.c.position < MARKED).order_by(traits.c.position)
    found: dict[str, list[TurnMark]] = {}
    for row in connection.execute(reading):
        mark = TurnMark(
            index=row.position,
            intent=row.intent,
            domain=row.domain,
            verdict=row.verdict,
            corrected=row.corrected,
            reasons=tuple(row.reasons.split()),
        )
        found.setdefault(row.dialogue_id, []).append(mark)
    return {dialogue_id: tuple(marks) for dialogue_id, marks in found.items()}


def missing(dialogue_id: str) -> MissingError:
    """Return the error for a dialogue that does not exist."""
    return MissingError(f"there is no dialogue {dialogue_id}")
