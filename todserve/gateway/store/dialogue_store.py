"""The store: dialogues and turns that outlive every process once they are acknowledged.

The gateway's speaker appends each turn to it before the message is acknowledged. Example:
``store.append(lease, user="hello", message_id="1", answer=answer, timing_ms={})``.

A turn is appended in one transaction that also counts it and gives the dialogue back; when
``append`` returns, the transaction has been synced to disk. There is no moment at which a turn is
half there, and the table itself refuses a second turn of the same place or message id.
"""

import hashlib
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from todserve.gateway.gateway_errors import BusyError, ConflictError, MissingError
from todserve.gateway.store.database import Database
from todserve.gateway.store.dialogue_leases import Lease
from todserve.gateway.store.records import DialogueRecord, TurnRecord
from todserve.gateway.store.row_mapping import (
    FLAGS,
    dialogue_in,
    marks_in,
    missing,
    record_of,
    turns_in,
)
from todserve.gateway.store.tables import corrections, dialogues, traits, turns
from todserve.gateway.store.turn_traits import refresh, traits_of


class Store:
    """Reads and writes dialogues; for any number of threads and processes at once.

    Args:
        database: where they are.
        begun: called for each dialogue that begins.
        falls_to: model and id of a new dialogue -> the version on trial that answers it, if one.
        low_confidence: an answer with a confidence below this is worth a look.
    """

    def __init__(
        self,
        database: Database,
        *,
        begun: Callable[[], None] = lambda: None,
        falls_to: Callable[[str, str], str | None] = lambda *_: None,
        low_confidence: float = 0.5,
    ) -> None:
        self._database = database
        self._begun = begun
        self._falls_to = falls_to
        self._low_confidence = low_confidence

    def create(
        self, *, model: str, user_id: str | None = None, owner: str | None = None
    ) -> DialogueRecord:
        """Begin a dialogue."""
        row = self._new_row(model, user_id, None, owner)
        with self._database.writing() as connection:
            connection.execute(sa.insert(dialogues).values(**row))
        self._begun()
        return record_of(row)

    def begin(
        self, *, model: str, user_id: str | None, owner: str | None, key: str | None
    ) -> tuple[DialogueRecord, bool]:
        """Begin a dialogue, once for each key that a client gives; None begins one every time.

        Returns:
            The dialogue, and whether the key had begun it before.

        Raises:
            ConflictError: the key began one of another user or model.
        """
        if key is None:
            return self.create(model=model, user_id=user_id, owner=owner), False
        # Of the key and whose it is, so that one owner's key never meets another's.
        known_as = hashlib.sha256(f"{owner or ''}\n{key}".encode()).hexdigest()[:32]
        row = self._new_row(model, user_id, None, owner, known_as)
        try:
            with self._database.writing() as connection:
                connection.execute(sa.insert(dialogues).values(**row))
        except sa.exc.IntegrityError:
            known = self.dialogue(row["dialogue_id"], owner=owner)
            if (known.model, known.user_id) != (model, user_id):
                raise ConflictError(
                    "Idempotency-Key: it began a dialogue of another user or model already; give "
                    "every dialogue a key of its own"
                ) from None
            return known, True
        self._begun()
        return record_of(row), False

    def of_sender(
        self, sender: str, *, model: str, alive_since: int, owner: str | None = None
    ) -> str:
        """Return the sender's dialogue; begins one where there is none since ``alive_since``.

        The same sender of another owner is somebody else.
        """
        known_as = sender if owner is None else _of_owner(sender, owner)
        mine = dialogues.c.sender == known_as
        reading = sa.select(dialogues.c.dialogue_id, dialogues.c.updated_at).where(mine)
        with self._database.reading() as connection:
            row = connection.execute(reading).one_or_none()
        if row is not None and row.updated_at >= alive_since:
            return str(row.dialogue_id)
        new = self._new_row(model, sender, known_as, owner)
        old = sa.update(dialogues).where(mine, dialogues.c.updated_at < alive_since)
        try:
            with self._database.writing() as connection:
                connection.execute(old.values(sender=None))
                connection.execute(sa.insert(dialogues).values(**new))
        except sa.exc.IntegrityError:
            # Another message of the sender was first.
            with self._database.reading() as connection:
                return str(connection.execute(reading).one().dialogue_id)
        self._begun()
        return str(new["dialogue_id"])

    def sender_dialogue(self, sender: str, *, owner: str | None = None) -> DialogueRecord | None:
        """Return the dialogue that a sender is in or was in last; None where there is none."""
        known_as = sender if owner is None else _of_owner(sender, owner)
        reading = sa.select(dialogues).where(dialogues.c.sender == known_as)
        with self._database.reading() as connection:
            row = connection.execute(reading).mappings().one_or_none()
        return None if row is None else record_of(row)

    def dialogue(self, dialogue_id: str, *, owner: str | None = None) -> DialogueRecord:
        """Return a dialogue; ``MissingError`` where there is none, or it is not the owner's."""
        with self._database.reading() as connection:
            return dialogue_in(connection, dialogue_id, owner)

    def before(
        self, dialogue_id: str, message_id: str, *, newest: int, owner: str | None = None
    ) -> tuple[DialogueRecord, tuple[TurnRecord, ...], TurnRecord | None]:
        """Return what a message needs: its dialogue, the newest turns, and its own if stored."""
        this = turns.c.dialogue_id == dialogue_id
        place = sa.select(turns.c.position).where(this, turns.c.message_id == message_id)
        with self._database.reading() as connection:
            record = dialogue_in(connection, dialogue_id, owner)
            found = connection.execute(place).scalar()
            known = turns_in(connection, dialogue_id, None if found is not None else newest)
        return record, known[-newest:], None if found is None else known[found]

    def turns(self, dialogue_id: str) -> tuple[TurnRecord, ...]:
        """Return a dialogue's turns in order."""
        with self._database.reading() as connection:
            return turns_in(connection, dialogue_id, None)

    def append(
        self,
        lease: Lease,
        *,
        user: str,
        message_id: str,
        answer: Mapping[str, Any],
        timing_ms: Mapping[str, float],
        handed_off: bool = False,
        bot: Mapping[str, Any] | None = None,
    ) -> TurnRecord:
        """Store a turn after the last one, and give the dialogue back.

        Args:
            lease: the right to.
            user: what the user said.
            message_id: the client's key for it.
            answer: the model endpoint's answer as JSON.
            timing_ms: stage -> milliseconds, of the gateway.
            handed_off: whether a person had taken over after it.
            bot: what the bot made of the answer; None without a bot.

        Raises:
            BusyError: the lease went to another gateway meanwhile; nothing is stored.
            MissingError: the dialogue has been deleted meanwhile.
        """
        now = now_in_microseconds()
        turn = TurnRecord(
            index=0,
            user=user,
            message_id=message_id,
            answer=answer,
            timing_ms=timing_ms,
            created_at=now,
            bot=bot,
            answered_at=now,
        )
        found = traits_of(turn, low_confidence=self._low_confidence)
        # What was raised once stays so for the dialogue.
        raised = {name: True for name in FLAGS if name in found.reasons}
        if handed_off or bot is not None:
            raised["handed_off"] = handed_off  # a bot may have taken it back
        with self._database.writing() as connection:
            counted = {"turns": dialogues.c.turns + 1, "updated_at": now, "last_user": user}
            place = self._release(connection, lease, **counted, **raised) - 1
            row: dict[str, Any] = {
                "message_id": message_id,
                "user": user,
                "answer": dict(answer),
                "timing_ms": dict(timing_ms),
                "created_at": now,
                "bot": None if bot is None else dict(bot),
            }
            where = {"dialogue_id": lease.dialogue_id, "position": place}
            connection.execute(sa.insert(turns).values(**where, **row))
            connection.execute(sa.insert(traits).values(**where, created_at=now, **found.row()))
        lease.released = True
        return replace(turn, index=place)

    def correct(
        self,
        lease: Lease,
        contents: Mapping[int, Mapping[str, Any]],
        *,
        author: str | None = None,
    ) -> None:
        """Store one step of corrections, turn -> content, and give the dialogue back.

        Args:
            lease: the right to.
            contents: of each turn that is corrected or was run again.
            author: who corrects, where that is known.

        Raises:
            BusyError, MissingError: as ``append``.
        """
        now = now_in_microseconds()
        mine = corrections.c.dialogue_id == lease.dialogue_id
        with self._database.writing() as connection:
            self._release(connection, lease)
            last = connection.execute(sa.select(sa.func.max(corrections.c.step)).where(mine))
            step = (last.scalar() or 0) + 1
            rows = [
                {
                    "dialogue_id": lease.dialogue_id,
                    "step": step,
                    "position": place,
                    "content": dict(content),
                    "created_at": now,
                    "author": author,
                }
                for place, content in contents.items()
            ]
            connection.execute(sa.insert(corrections), rows)
            self._refresh(connection, lease, min(contents))
        lease.released = True

    def undo(self, lease: Lease) -> None:
        """Take the newest step of corrections back, and give the dialogue back.

        Raises:
            BusyError, MissingError: as ``append``; the latter also where nothing is corrected.
        """
        mine = corrections.c.dialogue_id == lease.dialogue_id
        newest = sa.select(sa.func.max(corrections.c.step)).where(mine).scalar_subquery()
        with self._database.writing() as connection:
            self._release(connection, lease)
            undoing = sa.delete(corrections).where(mine, corrections.c.step == newest)
            undone = undoing.returning(corrections.c.position)
            places = connection.execute(undone).scalars().all()
            if not places:
                raise MissingError("nothing stands corrected in this dialogue")
            self._refresh(connection, lease, min(places))
        lease.released = True

    def resume(self, lease: Lease) -> None:
        """Let the bot go on where a person had taken over, and give the dialogue back.

        Raises:
            BusyError, MissingError: as ``append``.
        """
        with self._database.writing() as connection:
            self._release(connection, lease, handed_off=False)
        lease.released = True

    def delete(self, dialogue_id: str, *, owner: str | None = None) -> None:
        """Delete a dialogue with all that was said; ``MissingError`` as of ``dialogue``."""
        deleting = _owned(sa.delete(dialogues), owner)
        deleting = deleting.where(dialogues.c.dialogue_id == dialogue_id)
        with self._database.writing() as connection:
            if not connection.execute(deleting).rowcount:
                raise missing(dialogue_id)
        self._database.forget()

    def delete_user(self, user_id: str, *, owner: str | None = None) -> int:
        """Delete every dialogue of a user, or the owner's of them; returns how many there were."""
        with self._database.writing() as connection:
            deleting = _owned(sa.delete(dialogues), owner)
            deleting = deleting.where(dialogues.c.user_id == user_id)
            deleted = connection.execute(deleting).rowcount
        self._database.forget()
        return deleted

    def page(
        self,
        *,
        limit: int,
        before: tuple[int, str] | None = None,
        conditions: Sequence[sa.ColumnElement[bool]] = (),
        owner: str | None = None,
    ) -> tuple[DialogueRecord, ...]:
        """Return dialogues, the newest first, each with the marks of its first turns.

        Args:
            limit: how many at most.
            before: (created_at, dialogue_id) to go on after.
            conditions: only dialogues that fulfil all of them, see ``dialogue_filters``.
            owner: only this one's dialogues.
        """
        order = sa.tuple_(dialogues.c.created_at, dialogues.c.dialogue_id)
        reading = sa.select(dialogues).limit(limit)
        reading = reading.order_by(dialogues.c.created_at.desc(), dialogues.c.dialogue_id.desc())
        if before is not None:
            reading = reading.where(order < sa.tuple_(*map(sa.literal, before)))
        reading = reading.where(*conditions)
        if owner is not None:
            reading = reading.where(dialogues.c.owner == owner)
        with self._database.reading() as connection:
            found = [record_of(row) for row in connection.execute(reading).mappings()]
            marks = marks_in(connection, [one.dialogue_id for one in found])
        return tuple(replace(one, marks=marks.get(one.dialogue_id, ())) for one in found)

    def models(self, *, most: int) -> dict[str, int]:
        """Return who answered what is remembered, as ``tod/1.0``, and how many turns each."""
        turns_of = sa.func.count().label("turns")
        reading = sa.select(traits.c.model, turns_of).group_by(traits.c.model)
        reading = reading.order_by(turns_of.desc(), traits.c.model).limit(most)
        with self._database.reading() as connection:
            return {row.model: row.turns for row in connection.execute(reading)}

    def _new_row(
        self,
        model: str,
        user_id: str | None,
        sender: str | None,
        owner: str | None,
        dialogue_id: str | None = None,
    ) -> dict[str, Any]:
        now = now_in_microseconds()
        dialogue_id = dialogue_id or uuid.uuid4().hex
        return {
            "dialogue_id": dialogue_id,
            "user_id": user_id,
            "sender": sender,
            "model": model,
            "created_at": now,
            "updated_at": now,
            "turns": 0,
            "last_user": None,
            "owner": owner,
            "version": self._falls_to(model, dialogue_id),
            **dict.fromkeys(FLAGS, False),
        }

    def _refresh(self, connection: sa.Connection, lease: Lease, first: int) -> None:
        refresh(connection, lease.dialogue_id, first=first, low_confidence=self._low_confidence)

    def _release(self, connection: sa.Connection, lease: Lease, **values: object) -> int:
        """Give the dialogue back in the transaction that uses it; returns how many turns it has.

        Where the lease is held no more, nothing else of the transaction comes to be.
        """
        this = dialogues.c.dialogue_id == lease.dialogue_id
        giving = sa.update(dialogues).where(this, dialogues.c.lease_holder == lease.holder)
        giving = giving.values(lease_holder=None, **values)
        held = connection.execute(giving.returning(dialogues.c.turns)).scalar()
        if held is not None:
            return int(held)
        dialogue_in(connection, lease.dialogue_id)
        raise BusyError("another gateway took the dialogue over; send the message again")


def now_in_microseconds() -> int:
    """Return the time as the store writes it."""
    return time.time_ns() // 1000


def _owned(deleting: sa.Delete, owner: str | None) -> sa.Delete:
    return deleting if owner is None else deleting.where(dialogues.c.owner == owner)


def _of_owner(sender: str, owner: str) -> str:
    # As long as its column allows, whatever the sender is called.
    return f"{owner}:{hashlib.sha256(sender.encode()).hexdigest()}"
