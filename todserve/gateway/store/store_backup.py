"""Store backup: everything that is remembered in one file, and back into any empty database.

``tod dialogues`` calls it. Gateways go on while a backup is made: it shows one moment. What was
made of SQLite may go into PostgreSQL, and the other way round. Example:
``back_up(database, Path("monday.backup"))`` and ``restore(other, Path("monday.backup"))``.

The file is gzipped JSON lines: what it is of, some rows of one table a line, and at its end how
many there are, so that half a file is told from a whole one.
"""

import gzip
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from todserve.gateway.store.database import Database
from todserve.gateway.store.tables import metadata
from todserve.runtime.errors import ConfigError, DataError
from todserve.runtime.private_files import private_file
from todserve.runtime.untrusted.json_text import parse_json
from todserve.runtime.whole_files import written_whole

_KIND = "tod-dialogues"
_AT_ONCE = 200
"""Rows in one line."""
_RIGHT = "lease_holder"
"""Who was writing at that moment is nobody's business later."""


def back_up(database: Database, file: Path) -> dict[str, int]:
    """Write all dialogues, corrections and examples to a file that only its owner may read.

    Returns:
        table -> rows.

    Raises:
        OSError: the file cannot be written; one of before stays as it was.
    """
    counted = Counter({table.name: 0 for table in metadata.sorted_tables})
    with written_whole(file) as partial:
        private_file(partial)
        with (
            gzip.open(partial, "wt", encoding="utf-8") as lines,
            database.snapshot() as connection,
        ):
            _write(lines, {"kind": _KIND, "version": _version(connection)})
            for table in metadata.sorted_tables:
                reading = connection.execution_options(yield_per=_AT_ONCE).execute(sa.select(table))
                for some in reading.mappings().partitions():
                    rows = [dict(row) for row in some]
                    if _RIGHT in table.columns:
                        rows = [row | {_RIGHT: None} for row in rows]
                    counted[table.name] += len(rows)
                    _write(lines, {"table": table.name, "rows": rows})
            _write(lines, {"end": counted})
    return dict(counted)


def restore(database: Database, file: Path) -> dict[str, int]:
    """Put everything of a backup into a database that holds nothing yet, all of it or nothing.

    Returns:
        table -> rows.

    Raises:
        ConfigError: the database holds something, or the file is no whole backup of this version.
        OSError: the file cannot be read.
    """
    counted = Counter({table.name: 0 for table in metadata.sorted_tables})
    with database.writing() as connection:
        for table in metadata.sorted_tables:
            if connection.execute(sa.select(sa.func.count()).select_from(table)).scalar():
                raise ConfigError(
                    f"the database holds {table.name} already; expected an empty one; name a new "
                    "one, and let the gateway use that"
                )
        lines = _lines(file)
        _check(file, next(lines, None), _version(connection))
        ended = False
        for line in lines:
            if ended:
                raise _broken(file, "lines after its end")
            if "end" in line:
                ended = line["end"] == dict(counted)
                continue
            table, rows = _rows(file, line)
            connection.execute(sa.insert(table), rows)
            counted[table.name] += len(rows)
        if not ended:
            raise _broken(file, "only a part of one")
    return dict(counted)


def _write(lines: Any, line: Mapping[str, Any]) -> None:
    lines.write(json.dumps(line, ensure_ascii=False) + "\n")


def _version(connection: sa.Connection) -> str:
    return str(connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar())


def _lines(file: Path) -> Iterator[Mapping[str, Any]]:
    try:
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            for line in lines:
                found = parse_json(line)
                if not isinstance(found, dict):
                    raise _broken(file, "a line that is no object")
                yield found
    except (EOFError, gzip.BadGzipFile, UnicodeDecodeError, DataError) as error:
        raise _broken(file, type(error).__name__) from None


def _check(file: Path, head: Mapping[str, Any] | None, version: str) -> None:
    if head is None or head.get("kind") != _KIND:
        raise _broken(file, "another file")
    if head.get("version") != version:
        raise ConfigError(
            f"{file}: got a backup of tables of version {head.get('version')}; expected {version}; "
            "restore it with the todserve that made it, and start this one on that database"
        )


def _rows(file: Path, line: Mapping[str, Any]) -> tuple[sa.Table, list[dict[str, Any]]]:
    table = metadata.tables.get(str(line.get("table")))
    rows = line.get("rows")
    if table is None or not isinstance(rows, list):
        raise _broken(file, "a line without a table of ours")
    names = {*table.columns.keys()}
    if not all(isinstance(row, dict) and row.keys() == names for row in rows):
        raise _broken(file, f"rows that are none of {table.name}")
    return table, rows


def _broken(file: Path, got: str) -> ConfigError:
    return ConfigError(
        f"{file}: got {got}; expected a whole backup that `tod dialogues backup` wrote; take "
        "another one"
    )
