"""Leases: one message of a dialogue at a time, whichever of several gateways it came to.

The gateway's speaker holds one while it asks the model. Example:
``with leases.hold(dialogue_id) as lease: store.append(lease, turn)``.

A lease is two columns of the dialogue's row: who holds it and until when. An open transaction or
a lock of the database would not do while the model is asked: SQLite has one writer for the whole
file, so one dialogue would stop all others, and PostgreSQL's locks would keep one connection busy
for each message under way. Setting two columns is the same short UPDATE in every database.

A living gateway renews what it holds; the leases of one that was killed run out by themselves.
A lease can thus be lost to another gateway, if this one stood still for longer than it lasts.
That costs time, never order: a turn is appended only where the row still names its holder, in the
transaction that stores it. Clocks of several machines therefore decide only how long to wait.
"""

import logging
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa
import tenacity

from todserve.gateway.gateway_errors import BusyError, MissingError
from todserve.gateway.store.database import Database
from todserve.gateway.store.tables import dialogues

_log = logging.getLogger(__name__)
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.01, 0.2


@dataclass(kw_only=True, slots=True)
class Lease:
    """The right of one process to append to one dialogue; ``released`` once it was given back."""

    dialogue_id: str
    holder: str
    released: bool = False


class Leases:
    """Gives out leases for one gateway process, and renews them.

    Args:
        database: where the dialogues are.
        seconds: how long a lease lasts without renewal.
        patience: seconds to wait for a dialogue.
        most: messages of one dialogue at once, the one being answered included. Each keeps a
            thread, and all of them together must not keep every thread from other dialogues.
    """

    def __init__(
        self, database: Database, *, seconds: float, patience: float, most: int = 16
    ) -> None:
        self._database = database
        self._seconds = seconds
        self._patience = patience
        self._most = most
        self._held: dict[str, str] = {}
        self._queues: dict[str, tuple[threading.Lock, int]] = {}
        self._guard = threading.Lock()
        self._closing = threading.Event()
        self._renewing = threading.Thread(target=self._renew, name="leases", daemon=True)
        self._renewing.start()

    @contextmanager
    def hold(self, dialogue_id: str) -> Iterator[Lease]:
        """Wait for the dialogue, and hold it while the block runs.

        Raises:
            MissingError: there is no such dialogue.
            BusyError: it was not free in time, or too many wait for it.
        """
        deadline = time.monotonic() + self._patience
        with self._queue(dialogue_id, deadline):
            lease = self._take(dialogue_id, deadline)
            try:
                yield lease
            finally:
                with self._guard:
                    del self._held[lease.holder]
                if not lease.released:
                    self._give_back(lease)

    def close(self) -> None:
        """Stop renewing."""
        self._closing.set()
        self._renewing.join()

    @contextmanager
    def _queue(self, dialogue_id: str, deadline: float) -> Iterator[None]:
        """Let one thread of this process at a time ask the database for the dialogue."""
        with self._guard:
            lock, waiting = self._queues.get(dialogue_id, (threading.Lock(), 0))
            if waiting >= self._most:
                raise _busy()
            self._queues[dialogue_id] = lock, waiting + 1
        try:
            if not lock.acquire(timeout=max(0.0, deadline - time.monotonic())):
                raise _busy()
            try:
                yield
            finally:
                lock.release()
        finally:
            with self._guard:
                lock, waiting = self._queues.pop(dialogue_id)
                if waiting > 1:
                    self._queues[dialogue_id] = lock, waiting - 1

    def _take(self, dialogue_id: str, deadline: float) -> Lease:
        holder = uuid.uuid4().hex
        if not self._set(dialogue_id, holder, at_once=True):
            patient = tenacity.Retrying(
                stop=tenacity.stop_before_delay(max(0.0, deadline - time.monotonic())),
                # The second part keeps those who wait from coming back at the same moment.
                wait=tenacity.wait_exponential(multiplier=_SHORTEST_PAUSE, max=_LONGEST_PAUSE)
                + tenacity.wait_random(0, _SHORTEST_PAUSE),
                retry=tenacity.retry_if_result(lambda held: not held),
                retry_error_callback=lambda _: False,
            )
            if not patient(self._set, dialogue_id, holder, at_once=False):
                raise _busy()
        with self._guard:
            self._held[holder] = dialogue_id
        return Lease(dialogue_id=dialogue_id, holder=holder)

    def _set(self, dialogue_id: str, holder: str, *, at_once: bool) -> bool:
        """Write the holder if nobody else holds the dialogue.

        Nothing is synced: after a crash of the machine nobody holds anything.
        """
        now = _now()
        free = sa.or_(dialogues.c.lease_holder.is_(None), dialogues.c.lease_until < now)
        this = dialogues.c.dialogue_id == dialogue_id
        if not at_once:
            # Looking first keeps those who wait from queueing up as writers.
            with self._database.reading() as connection:
                row = connection.execute(sa.select(free).where(this)).one_or_none()
            if row is None:
                raise MissingError(f"there is no dialogue {dialogue_id}")
            if not row[0]:
                return False
        until = now + round(self._seconds * 1e6)
        taking = sa.update(dialogues).where(this, free)
        with self._database.writing(synced=False) as connection:
            done = connection.execute(taking.values(lease_holder=holder, lease_until=until))
            return done.rowcount == 1

    def _give_back(self, lease: Lease) -> None:
        mine = dialogues.c.lease_holder == lease.holder
        this = dialogues.c.dialogue_id == lease.dialogue_id
        freeing = sa.update(dialogues).where(this, mine).values(lease_holder=None)
        try:
            with self._database.writing(synced=False) as connection:
                connection.execute(freeing)
        except sa.exc.SQLAlchemyError as error:
            # It runs out by itself; the fault that led here must not be hidden by this one.
            _log.warning("a lease was not given back: %s", type(error).__name__)
        lease.released = True

    def _renew(self) -> None:
        while not self._closing.wait(self._seconds / 3):
            with self._guard:
                held = dict(self._held)
            if not held:
                continue
            until = _now() + round(self._seconds * 1e6)
            # By the dialogues' own key: only that spares reading every dialogue there is.
            these = dialogues.c.dialogue_id.in_([*held.values()])
            mine = dialogues.c.lease_holder.in_([*held])
            renewing = sa.update(dialogues).where(these, mine)
            try:
                with self._database.writing(synced=False) as connection:
                    connection.execute(renewing.values(lease_until=until))
            except sa.exc.SQLAlchemyError as error:
                _log.warning("leases were not renewed: %s", type(error).__name__)


def _now() -> int:
    return time.time_ns() // 1000


def _busy() -> BusyError:
    return BusyError("the message before this one is still being answered; send it again")
