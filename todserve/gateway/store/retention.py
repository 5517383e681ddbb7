"""Retention: dialogues that nobody touched for long are deleted in the background.

`gateway_app` runs it while the gateway runs. Example: ``Retention(database, days=30)`` between
``start`` and ``close`` deletes what was last said or corrected more than thirty days ago.

Each deletion is one short transaction whose condition holds at that very moment, so any number of
gateways may do the same, and a dialogue in which something is being said right now stays.
"""

import logging
import threading

import sqlalchemy as sa

from todserve.gateway.store.database import Database
from todserve.gateway.store.dialogue_store import now_in_microseconds
from todserve.gateway.store.tables import corrections, dialogues

_log = logging.getLogger(__name__)
_PAUSE_SECONDS = 600.0
_AT_ONCE = 100
"""Dialogues in one transaction; a message waits for no more than that."""
_MICROSECONDS_A_DAY = 86_400 * 1_000_000


class Retention:
    """Deletes dialogues that nobody touched for long, in a thread of its own.

    Args:
        database: of the dialogues.
        days: without a turn or a correction; 0 keeps everything.
        pause: seconds between two rounds.
    """

    def __init__(self, database: Database, *, days: float, pause: float = _PAUSE_SECONDS) -> None:
        self._database = database
        self._days = days
        self._pause = pause
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="retention", daemon=True)

    def start(self) -> None:
        """Start the thread; does nothing where dialogues are kept for ever."""
        if self._days:
            self._thread.start()

    def close(self) -> None:
        """Stop, after the transaction under way."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def sweep(self) -> int:
        """Delete what is too old; returns how many dialogues that were."""
        total = 0
        while not self._stopping.is_set():
            deleted = self._delete()
            total += deleted
            if deleted < _AT_ONCE:
                break
        if total:
            self._database.forget()
            _log.info("%d dialogues deleted that nobody touched for %g days", total, self._days)
        return total

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.sweep()
            except sa.exc.SQLAlchemyError as error:
                # The next round tries again; messages are answered meanwhile.
                _log.error("old dialogues were not deleted: %s", type(error).__name__)
            self._stopping.wait(self._pause)

    def _delete(self) -> int:
        now = now_in_microseconds()
        oldest = now - round(self._days * _MICROSECONDS_A_DAY)
        touched = sa.exists().where(
            corrections.c.dialogue_id == dialogues.c.dialogue_id,
            corrections.c.created_at >= oldest,
        )
        free = sa.or_(dialogues.c.lease_holder.is_(None), dialogues.c.lease_until < now)
        old = sa.and_(dialogues.c.updated_at < oldest, ~touched, free)
        some = sa.select(dialogues.c.dialogue_id).where(old).limit(_AT_ONCE)
        with self._database.writing() as connection:
            # Whatever is being written to right now is left to the next round. Once the rest is
            # locked the condition is asked again: only a second statement of PostgreSQL's sees
            # what was committed while the first one looked.
            locked = connection.execute(some.with_for_update(skip_locked=True)).scalars().all()
            deleting = sa.delete(dialogues).where(dialogues.c.dialogue_id.in_(locked), old)
            return int(connection.execute(deleting).rowcount)
