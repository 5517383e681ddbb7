"""Actions that really book: a table of bookings, a reference for each, and a cancel.

Run by the gateway, in its process, after the user said yes. An action may run again for the same
message, when the gateway was killed before it stored the turn. So each booking stands under
``tracker.key``, and the database takes a key once: the second run finds what the first one did.
"""

import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from todserve.bot.action_events import Event, SlotSet
from todserve.bot.dialogue_tracker import Tracker
from todserve.bot.message_dispatcher import Dispatcher
from todserve.runtime.private_files import private_file

DATABASE = f"sqlite:///{Path(__file__).parent / 'bookings.sqlite'}"
"""Where bookings are kept unless bot.yml says ``settings: {database: ...}``."""

_LETTERS = "abcdefghjkmnpqrstuvwxyz"
_DIGITS = "23456789"
_ATTEMPTS = 5

bookings = sa.Table(
    "bookings",
    sa.MetaData(),
    sa.Column("reference", sa.String(8), primary_key=True),
    sa.Column("key", sa.String(256), nullable=False, unique=True),
    sa.Column("dialogue_id", sa.String(64), nullable=False, index=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("day", sa.Text, nullable=False),
    sa.Column("time", sa.Text, nullable=False),
    sa.Column("people", sa.Text, nullable=False),
    # Nanoseconds since 1970, so that the latest of a dialogue is known.
    sa.Column("created_at", sa.BigInteger, nullable=False),
    # The key of the message that cancelled it: a message sent again must not cancel another one.
    sa.Column("cancelled_by", sa.String(256), nullable=True, unique=True),
)


class Bookings:
    """The table; for any number of threads and processes.

    Args:
        url: SQLAlchemy URL.
    """

    def __init__(self, url: str) -> None:
        address = sa.make_url(url)
        sqlite = address.get_backend_name() == "sqlite"
        if sqlite and address.database:
            # Who eats where is nobody else's to read.
            private_file(Path(address.database))
        arguments = {"timeout": 30} if sqlite else {}
        self._engine = sa.create_engine(url, connect_args=arguments, hide_parameters=True)
        with self._engine.begin() as connection:
            connection.execute(sa.schema.CreateTable(bookings, if_not_exists=True))

    def book(self, key: str, dialogue_id: str, values: Mapping[str, str]) -> str:
        """Book once for a key; returns the reference, the same one every time."""
        for _ in range(_ATTEMPTS):
            row = {
                "reference": _reference(),
                "key": key,
                "dialogue_id": dialogue_id,
                "created_at": time.time_ns(),
                **values,
            }
            try:
                with self._engine.begin() as connection:
                    connection.execute(sa.insert(bookings).values(**row))
                return str(row["reference"])
            except sa.exc.IntegrityError:
                # Booked before under this key, or, hardly ever, the reference is taken.
                found = self._one(bookings.c.key == key)
                if found is not None:
                    return found
        raise RuntimeError("no free reference")

    def cancel(self, key: str, dialogue_id: str, reference: str | None) -> str | None:
        """Cancel once for a key; returns the reference of what is cancelled, None for nothing.

        Args:
            key: of the message that asks for it.
            dialogue_id: whose latest booking is meant where there is no reference.
            reference: of the booking that is meant.
        """
        for _ in range(_ATTEMPTS):
            before = self._one(bookings.c.cancelled_by == key)
            if before is not None:
                return before
            standing = bookings.c.cancelled_by.is_(None)
            named = bookings.c.reference == reference
            meant = bookings.c.dialogue_id == dialogue_id if reference is None else named
            found = self._one(meant & standing)
            if found is None:
                return None
            cancelling = sa.update(bookings).where(bookings.c.reference == found, standing)
            try:
                with self._engine.begin() as connection:
                    if connection.execute(cancelling.values(cancelled_by=key)).rowcount:
                        return found
            except sa.exc.IntegrityError:
                # The same message was quicker in another process.
                continue
        raise RuntimeError("others cancel what is to be cancelled")

    def _one(self, condition: sa.ColumnElement[bool]) -> str | None:
        newest = sa.select(bookings.c.reference).where(condition)
        with self._engine.connect() as connection:
            return connection.execute(
                newest.order_by(bookings.c.created_at.desc()).limit(1)
            ).scalar()


class BookRestaurant:
    """Books the table of a complete form."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._bookings = Bookings(settings.get("database", DATABASE))

    def name(self) -> str:
        """Return the name that bot.yml calls it by."""
        return "book_restaurant"

    def run(
        self, dispatcher: Dispatcher, tracker: Tracker, domain: Mapping[str, Any]
    ) -> list[Event]:
        """Book, and say the reference."""
        values = {slot: str(tracker.slots[slot]) for slot in ("name", "day", "time", "people")}
        reference = self._bookings.book(tracker.key, tracker.sender_id, values)
        dispatcher.utter_message(response="utter_booked", reference=reference)
        return [SlotSet("reference", reference)]


class CancelBooking:
    """Cancels the booking whose reference was said, else the dialogue's latest."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._bookings = Bookings(settings.get("database", DATABASE))

    def name(self) -> str:
        """Return the name that bot.yml calls it by."""
        return "cancel_booking"

    def run(
        self, dispatcher: Dispatcher, tracker: Tracker, domain: Mapping[str, Any]
    ) -> list[Event]:
        """Cancel, and say what was cancelled."""
        said = next(tracker.get_latest_entity_values("reference"), None)
        reference = None if said is None else said.lower()
        cancelled = self._bookings.cancel(tracker.key, tracker.sender_id, reference)
        if cancelled is None:
            dispatcher.utter_message(response="utter_nothing_to_cancel")
            return []
        dispatcher.utter_message(response="utter_cancelled", reference=cancelled)
        return [SlotSet("reference", None)]


def _reference() -> str:
    # The digit at the end tells it from a word; letters that look like digits are left out.
    return "".join(secrets.choice(_LETTERS) for _ in range(7)) + secrets.choice(_DIGITS)
