"""Databases of strangers: opens SQLite files that somebody else made, to read them and no more.

The knowledge base opens its file with it. A SQLite file is a program as well as data: views and
computed columns run when they are read, triggers when something is written, and any may never end
or make gigabytes of a few bytes. A file that has one is refused, nothing but reading is allowed,
and a question has a limit to its steps and its answer to its size. Example:
``connect(Path("knowledge.sqlite")).execute("SELECT domain FROM meta")``.
"""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from todserve.runtime.errors import ConfigError

MOST_BYTES = 1 << 16
"""Of one row."""

MOST_ANSWER_BYTES = 1 << 28
"""That one answer takes in memory: more than a million names."""

_ROW_BYTES, _VALUE_BYTES = 56, 56  # of Python, beside a value's own
_MOST_FILE_BYTES = 1 << 32
_MOST_STEPS = 200_000_000  # of SQLite's machine: seconds; counted, so that a slow disk is no fault
_STEPS_AT_ONCE = 1_000_000
_ROWS_AT_ONCE = 1_000
_FUNCTIONS = frozenset({"coalesce", "count", "max", "min"})  # what look-ups call
_LIMITS = (
    (sqlite3.SQLITE_LIMIT_LENGTH, MOST_BYTES),
    (sqlite3.SQLITE_LIMIT_ATTACHED, 0),
    (sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH, 0),
    (sqlite3.SQLITE_LIMIT_WORKER_THREADS, 0),
)
_PROGRAMS = """
    SELECT count(*) FROM sqlite_master WHERE type NOT IN ('table', 'index')
        OR (type = 'table' AND (rootpage = 0 OR EXISTS (
            SELECT 1 FROM pragma_table_xinfo(sqlite_master.name) WHERE hidden <> 0)))
"""


class LimitedConnection(sqlite3.Connection):
    """A connection on which every question begins with all its steps."""

    steps = 0

    def cursor(self, factory: Any = sqlite3.Cursor) -> Any:
        """Return a cursor; every question is asked through one."""
        self.steps = 0
        return super().cursor(factory)

    def is_over(self) -> bool:
        """Count steps, and say whether the question under way has used up its own."""
        self.steps += _STEPS_AT_ONCE
        return self.steps > _MOST_STEPS


def connect(path: Path) -> LimitedConnection:
    """Open a SQLite file to read its tables.

    Raises:
        ConfigError: it is too large, or holds views, triggers or tables that are programs.
        sqlite3.Error: it is no SQLite file.
    """
    if path.stat().st_size > _MOST_FILE_BYTES:
        raise ConfigError(f"{path} has more than {_MOST_FILE_BYTES} bytes; expected a smaller one")
    # immutable: no lock files, so a read-only archive folder will do.
    address = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    connection = sqlite3.connect(
        address, uri=True, check_same_thread=False, factory=LimitedConnection
    )
    try:
        for limit, most in _LIMITS:
            connection.setlimit(limit, most)
        connection.set_progress_handler(connection.is_over, _STEPS_AT_ONCE)
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA query_only = ON")
        (programs,) = connection.execute(_PROGRAMS).fetchone()
        if programs:
            raise ConfigError(
                f"{path} holds {programs} views, triggers or computed tables; expected plain "
                "tables alone; do not use the file unless you trust who wrote it"
            )
        connection.set_authorizer(_allows)
    except BaseException:
        connection.close()
        raise
    return connection


def _allows(action: int, first: str | None, second: str | None, *_: object) -> int:
    reads = action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_TRANSACTION)
    counts = action == sqlite3.SQLITE_FUNCTION and second in _FUNCTIONS
    # SQLAlchemy asks this of every file before anything else.
    asks = action == sqlite3.SQLITE_PRAGMA and first == "read_uncommitted" and second is None
    return sqlite3.SQLITE_OK if reads or counts or asks else sqlite3.SQLITE_DENY


def limited_rows(fetch: Callable[[int], Sequence[Any]]) -> list[tuple[Any, ...]]:
    """Return the rows that ``fetch``, asked for so many at a time, gives until there are no more.

    Raises:
        ConfigError: together they take more memory than one answer may.
    """
    rows = [tuple(row) for row in fetch(_ROWS_AT_ONCE)]
    size = 0
    more = rows if len(rows) == _ROWS_AT_ONCE else []
    while more:
        size += sum(_ROW_BYTES + sum(map(_size, row)) for row in more)
        if size > MOST_ANSWER_BYTES:
            raise ConfigError(
                f"{len(rows)} rows of a database take more than {MOST_ANSWER_BYTES >> 20} MiB of "
                "memory; expected fewer or shorter values in one column"
            )
        more = [tuple(row) for row in fetch(_ROWS_AT_ONCE)]
        rows += more
    return rows


def _size(value: object) -> int:
    return _VALUE_BYTES + (len(value) if isinstance(value, str | bytes) else 0)
