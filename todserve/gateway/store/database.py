"""The database behind the store: one engine, its transactions, its tables brought up to date.

Every part of the store reads and writes through it. Example:
``Database("sqlite:///dialogues.sqlite")``.

SQLite keeps a write-ahead log, so that reading never waits for writing, and syncs it at every
commit (``synchronous=FULL``): what was committed outlives the process and the machine. A
transaction that will write says so when it begins (BEGIN IMMEDIATE): one that only found out later
could not wait for another writer, and would fail.

What befalls the file does not outlast itself: a connection that found it unwritable is not used
again, and a file that is gone or another one is noticed before the next transaction.
"""

import gc
import logging
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection as SqliteConnection
from sqlite3 import Cursor
from sqlite3 import Error as SqliteError
from urllib.parse import urlsplit

import sqlalchemy as sa
import tenacity
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy.pool import ConnectionPoolEntry

from todserve.runtime.errors import ConfigError
from todserve.runtime.private_files import private_file
from todserve.runtime.secret_free import without_secrets

_log = logging.getLogger(__name__)

BUSY_SECONDS = 30
"""How long a transaction waits for other writers of the same SQLite file, all of them together."""

_OPENING_SECONDS = 10
"""The same at the start, when nobody has been promised anything yet; also for PostgreSQL."""

_RENEWAL_SECONDS = 1.0
"""Between two times that all connections are closed for an unusable file."""

_READERS = 8
"""Threads that those who wait to write leave to others."""

_PLACE_SECONDS = 0.25
"""A burst of writers is over by then; behind a lock that somebody keeps, nothing moves."""

_LEAST_BYTES = 1 << 20
"""Room on the disk below which it is as good as full."""

_MIGRATION_LOCK = 0x746F64  # any number; the same for every gateway on a PostgreSQL database
_WRITES = "todserve_writes"
_SECONDS = "todserve_seconds"
_SAME = sa.text("UPDATE alembic_version SET version_num = version_num")
"""A write that changes nothing, to see whether one is taken."""

_NEEDS_ROOM = (
    "SET LOCAL work_mem = '64kB'",
    'SELECT count(*) FROM (SELECT repeat(md5(n::text), 32) COLLATE "C" AS wide'
    f" FROM generate_series(1, {_LEAST_BYTES // 1024}) AS n ORDER BY wide) AS sorted",
)
"""What PostgreSQL can only do with that much room: it sorts in a file, which is gone at once.

On a full disk it still takes a small write, wherever a page has a place left, and nobody but the
server can ask how full its disk is.
"""

_UNUSABLE = {
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_NOTADB,
}
_HELD = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


class Database:
    """An open database whose tables are those of this version.

    Args:
        url: SQLAlchemy URL, e.g. ``sqlite:///dialogues.sqlite`` or ``postgresql+psycopg://...``.
        connections: transactions at once.

    Raises:
        ConfigError: the URL cannot be understood or opened, or a newer version changed the tables.
    """

    def __init__(self, url: str, *, connections: int = 64) -> None:
        try:
            address = _address(url)
            is_sqlite = address.get_backend_name() == "sqlite"
            if is_sqlite and address.database in (None, "", ":memory:"):
                raise ConfigError("database: got SQLite in memory; expected sqlite:///NAME")
            self._file: _File | None = None
            self._was_unusable = False
            self._renewed = -_RENEWAL_SECONDS
            if is_sqlite and address.database:
                self._file = _File(_keep_private(address))
            if (
                address.get_backend_name() == "postgresql"
                and "connect_timeout" not in address.query
            ):
                waiting = {"connect_timeout": str(_OPENING_SECONDS)}
                address = address.update_query_dict(waiting)
            # Parameters are what people said; no error message and no log may show them.
            self.engine = sa.create_engine(
                address,
                hide_parameters=True,
                pool_size=connections,
                max_overflow=8,
                pool_pre_ping=not is_sqlite,
            )
            # SQLite has one writer at a time and lets the others try again after a pause that
            # grows; those of this process wait here instead, and each is let in at once.
            self._writers = _Writers(most=max(1, connections - _READERS)) if is_sqlite else None
            if is_sqlite:
                sa.event.listen(self.engine, "connect", _set_up)
                sa.event.listen(self.engine, "begin", _begin)
                sa.event.listen(self.engine, "handle_error", self._let_go)
            self._migrate()
        except (sa.exc.SQLAlchemyError, ImportError, OSError, ValueError) as error:
            # The driver's own error, in a line; SQLAlchemy adds addresses of its manual.
            told = without_secrets(" ".join(str(getattr(error, "orig", None) or error).split()))
            if address.password:
                told = told.replace(str(address.password), "***")
            raise ConfigError(
                f"database: cannot open it ({type(error).__name__}: {told}); expected an "
                "SQLAlchemy URL that can be written to, such as sqlite:///dialogues.sqlite"
            ) from None
        except CommandError as error:
            raise ConfigError(
                f"database: its tables are not those of any version known here ({error}); expected "
                "ones of this version or before; use the todserve that last opened it"
            ) from error

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Open a transaction that only reads."""
        self._look_at_the_file()
        with self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(
        self, *, synced: bool = True, seconds: float = BUSY_SECONDS
    ) -> Iterator[sa.Connection]:
        """Open a transaction that writes; it is committed when the block ends.

        Args:
            synced: whether it must outlive the machine, too. SQLite syncs it at the latest
                together with the next one that must, so their order stays.
            seconds: how long it waits for others that write to the same SQLite file, in this
                process and elsewhere, together.

        Raises:
            sa.exc.SQLAlchemyError: it may not be written to, or not yet.
        """
        end = time.monotonic() + seconds
        self._look_at_the_file()
        with self._turn_to_write(end), self.engine.connect() as connection:
            how = {_WRITES: "FULL" if synced else "NORMAL", _SECONDS: end - time.monotonic()}
            connection = connection.execution_options(**how)
            with connection.begin():
                yield connection

    @contextmanager
    def snapshot(self) -> Iterator[sa.Connection]:
        """Open a transaction that only reads, and sees one moment however long it takes."""
        self._look_at_the_file()
        with self.engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    def writable(self) -> bool:
        """Say whether it takes a write right now, by writing what stands there already.

        A disk that has hardly any room left is none that does.
        """
        try:
            if self._file is not None and self._file.room() < _LEAST_BYTES:
                return False
            with self.writing(synced=False, seconds=1.0) as connection:
                connection.execute(_SAME)
                if connection.dialect.name == "postgresql":
                    for statement in _NEEDS_ROOM:
                        connection.exec_driver_sql(statement)
        except (sa.exc.SQLAlchemyError, OSError):
            return False
        return True

    def forget(self) -> None:
        """Overwrite what was deleted in SQLite's log too, as far as nobody is reading it now."""
        if self.engine.dialect.name != "sqlite":
            return
        connection = self.engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
        except SqliteError as error:
            # What was deleted is gone from the tables all the same; the next one overwrites both.
            _log.warning("SQLite's log was not emptied: %s", type(error).__name__)
        finally:
            connection.close()

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    @contextmanager
    def _turn_to_write(self, end: float) -> Iterator[None]:
        if self._writers is None:
            yield
            return
        with self._writers.turn(end):
            yield

    def _look_at_the_file(self) -> None:
        """Open SQLite's file anew where it was unusable, or is another one than it was."""
        if self._file is None:
            return
        replaced = self._file.replaced()
        now = time.monotonic()
        # While it stays unusable every message would do all this in vain.
        if replaced or (self._was_unusable and now - self._renewed >= _RENEWAL_SECONDS):
            self._was_unusable, self._renewed = False, now
            self.engine.dispose()
            # SQLite keeps what all connections share until the last of them is gone, and the one
            # that failed hangs by its error's traceback, in a circle.
            gc.collect()

    def _let_go(self, context: sa.engine.ExceptionContext) -> None:
        """Have no connection kept once the file was unusable: it may be usable for the next one.

        One that was opened while the file could only be read would never write again.
        """
        if _code(context.original_exception) in _UNUSABLE:
            context.is_disconnect = self._was_unusable = True

    def _migrate(self) -> None:
        config = Config()
        folder = str(Path(__file__).parent / "migrations").replace("%", "%%")
        config.set_main_option("script_location", folder)
        config.set_main_option("path_separator", "os")
        # Gateways that start at once wait here for the first one.
        with self.writing(seconds=_OPENING_SECONDS) as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.execute(_SAME)


def sqlite_file(url: str) -> Path | None:
    """Return the file of SQLite's address; None of any other.

    Raises:
        ConfigError: the address cannot be understood.
    """
    address = _address(url)
    if address.get_backend_name() != "sqlite" or not address.database:
        return None
    name = str(address.database)
    return Path(urlsplit(name).path if name.startswith("file:") else name)


class _File:
    """SQLite's file: whether it is the one that was opened, and what room it has."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known = self._found()
        self._lock = threading.Lock()

    def replaced(self) -> bool:
        """Say whether another file has taken its place since it was last asked.

        Raises:
            sa.exc.DisconnectionError: there is none. SQLite would go on writing to what nobody
                can open any more.
        """
        with self._lock:
            known, self._known = self._known, self._found()
            if self._known is None:
                if known is not None:
                    _log.error("the database's file is gone; nothing is stored until it is back")
                raise sa.exc.DisconnectionError("the database's file is gone")
            if self._known != known:
                _log.warning("the database's file is another one than before; it is opened anew")
            return self._known != known

    def room(self) -> int:
        """Return the bytes that its disk has left for us."""
        return shutil.disk_usage(self._path.parent).free

    def _found(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino


class _Writers:
    """Those of this process that wait to write: one writes, not all others may wait.

    Whoever reads needs a thread, too, and those that wait hold theirs.
    """

    def __init__(self, *, most: int) -> None:
        self._one = threading.Lock()
        self._places = threading.BoundedSemaphore(most)

    @contextmanager
    def turn(self, end: float) -> Iterator[None]:
        """Hold the turn while the block runs.

        Raises:
            sa.exc.TimeoutError: it did not come until ``end``, or too many wait already.
        """
        if not self._places.acquire(timeout=_PLACE_SECONDS):
            raise sa.exc.TimeoutError("too many wait to write")
        try:
            if not self._one.acquire(timeout=max(0.0, end - time.monotonic())):
                raise sa.exc.TimeoutError("others write for too long")
            try:
                yield
            finally:
                self._one.release()
        finally:
            self._places.release()


def _address(url: str) -> sa.URL:
    try:
        return sa.make_url(url)
    except (sa.exc.SQLAlchemyError, ValueError) as error:
        # Its message may hold a piece of the address, and that piece may be of a password.
        raise ConfigError(
            f"database: no address ({type(error).__name__}); expected an SQLAlchemy URL such as "
            "sqlite:///dialogues.sqlite or postgresql+psycopg://USER:PASSWORD@HOST/NAME; write "
            "what is no letter or digit of a password as %XX"
        ) from None


def _keep_private(address: sa.URL) -> Path:
    """Make the file, and what stands beside it already, its owner's alone; return the file.

    SQLite gives its log and its index of the log the mode of the file that they belong to.
    """
    name = str(address.database)
    path = Path(urlsplit(name).path if name.startswith("file:") else name)
    private_file(path)
    for beside in (f"{path}-wal", f"{path}-shm", f"{path}-journal"):
        if os.path.lexists(beside):
            private_file(Path(beside))
    return path


def _set_up(connection: SqliteConnection, _: ConnectionPoolEntry) -> None:
    # The driver begins transactions at a moment of its own otherwise.
    connection.isolation_level = None
    cursor = connection.cursor()
    _keep_a_log(cursor)
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    # What a person had deleted is overwritten, not only forgotten.
    cursor.execute("PRAGMA secure_delete=ON")
    cursor.close()


def _code(error: BaseException | None) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


@tenacity.retry(
    # Only the first connection ever has anything to change; those that open at that moment are
    # told at once that the file is locked, whatever busy_timeout says.
    retry=tenacity.retry_if_exception(lambda error: _code(error) in _HELD),
    stop=tenacity.stop_after_delay(_OPENING_SECONDS),
    wait=tenacity.wait_fixed(0.01),
    reraise=True,
)
def _keep_a_log(cursor: Cursor) -> None:
    cursor.execute("PRAGMA journal_mode=WAL")


def _begin(connection: sa.Connection) -> None:
    options = connection.get_execution_options()
    syncing = options.get(_WRITES)
    left = options.get(_SECONDS, BUSY_SECONDS)
    milliseconds = max(0, round(1000 * left)) if left < BUSY_SECONDS - 1 else 1000 * BUSY_SECONDS
    if connection.info.get(_SECONDS) != milliseconds:
        connection.exec_driver_sql(f"PRAGMA busy_timeout={milliseconds}")
        connection.info[_SECONDS] = milliseconds
    if syncing is not None:
        connection.exec_driver_sql(f"PRAGMA synchronous={syncing}")
    connection.exec_driver_sql("BEGIN" if syncing is None else "BEGIN IMMEDIATE")
