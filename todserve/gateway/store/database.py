"""The database behind the store: one engine, its transactions, its tables brought up to date.

Behind everything that is remembered. Example: ``Database("sqlite:///dialogues.sqlite")``.

SQLite keeps a write-ahead log, so that reading never waits for writing, and syncs it at every
commit (``synchronous=FULL``): what was committed outlives the process and the machine. A
transaction that will write says so when it begins (BEGIN IMMEDIATE): one that only found out later
could not wait for another writer, and would fail.
"""

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from sqlite3 import Connection as SqliteConnection
from sqlite3 import Cursor, OperationalError
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
"""How long a transaction waits for another writer of the same SQLite file."""

_MIGRATION_LOCK = 0x746F64  # any number; the same for every gateway on a PostgreSQL database
_WRITES = "todserve_writes"


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
            if is_sqlite and address.database:
                _keep_private(address)
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
            self._turn_to_write: AbstractContextManager[object] = (
                threading.Lock() if is_sqlite else nullcontext()
            )
            if is_sqlite:
                sa.event.listen(self.engine, "connect", _set_up)
                sa.event.listen(self.engine, "begin", _begin)
            self._migrate()
        except (sa.exc.SQLAlchemyError, ImportError, OSError, ValueError) as error:
            told = without_secrets(str(error))
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
        with self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self, *, synced: bool = True) -> Iterator[sa.Connection]:
        """Open a transaction that writes; it is committed when the block ends.

        Args:
            synced: whether it must outlive the machine, too. SQLite syncs it at the latest
                together with the next one that must, so their order stays.
        """
        with self._turn_to_write, self.engine.connect() as connection:
            connection = connection.execution_options(**{_WRITES: "FULL" if synced else "NORMAL"})
            with connection.begin():
                yield connection

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

    def _migrate(self) -> None:
        config = Config()
        folder = str(Path(__file__).parent / "migrations").replace("%", "%%")
        config.set_main_option("script_location", folder)
        config.set_main_option("path_separator", "os")
        # Gateways that start at once wait here for the first one.
        with self.writing() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


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


def _keep_private(address: sa.URL) -> None:
    """Make the file, and what stands beside it already, its owner's alone.

    SQLite gives its log and its index of the log the mode of the file that they belong to.
    """
    name = str(address.database)
    if name.startswith("file:"):
        name = urlsplit(name).path
    path = Path(name)
    private_file(path)
    for beside in (f"{path}-wal", f"{path}-shm", f"{path}-journal"):
        if os.path.lexists(beside):
            private_file(Path(beside))


def _set_up(connection: SqliteConnection, _: ConnectionPoolEntry) -> None:
    # The driver begins transactions at a moment of its own otherwise.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
    _keep_a_log(cursor)
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    # What a person had deleted is overwritten, not only forgotten.
    cursor.execute("PRAGMA secure_delete=ON")
    cursor.close()


@tenacity.retry(
    # Only the first connection ever has anything to change; those that open at that moment are
    # told at once that the file is locked, whatever busy_timeout says.
    retry=tenacity.retry_if_exception_type(OperationalError),
    stop=tenacity.stop_after_delay(BUSY_SECONDS),
    wait=tenacity.wait_fixed(0.01),
    reraise=True,
)
def _keep_a_log(cursor: Cursor) -> None:
    cursor.execute("PRAGMA journal_mode=WAL")


def _begin(connection: sa.Connection) -> None:
    syncing = connection.get_execution_options().get(_WRITES)
    if syncing is not None:
        connection.exec_driver_sql(f"PRAGMA synchronous={syncing}")
    connection.exec_driver_sql("BEGIN" if syncing is None else "BEGIN IMMEDIATE")
