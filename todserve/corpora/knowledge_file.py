"""Knowledge file: writes entities as the SQLite file that a checkpoint carries.

Preparing a training corpus calls it; the file then travels in the checkpoint. Example:
``write_knowledge((SONGS,), {"music": songs}, Path("knowledge.sqlite"))`` is ``{"music": 312}``.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from todserve.runtime.knowledge.domain_table import Comparison, DomainTable
from todserve.runtime.language.word_forms import WordForms
from todserve.runtime.whole_files import written_whole


def write_knowledge(
    tables: Sequence[DomainTable], contents: Mapping[str, Iterable[Mapping[str, str]]], out: Path
) -> dict[str, int]:
    """Write any corpus's entities; see ``DomainTable`` for what is said of each domain.

    Args:
        tables: the domains, in order.
        contents: domain -> entities, column -> value; columns not in the table are left out.
        out: the SQLite file to write; replaced atomically.

    Returns:
        Rows per domain.
    """
    out = Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    counts = {}
    with written_whole(out) as partial, closing(sqlite3.connect(partial)) as connection:
        connection.execute(
            "CREATE TABLE meta (position INTEGER PRIMARY KEY, domain TEXT, settings TEXT)"
        )
        for position, table in enumerate(tables):
            rows = sorted(_as_stored(table, row) for row in contents[table.domain])
            _write_table(connection, table, rows)
            connection.execute(
                "INSERT INTO meta VALUES (?, ?, ?)", (position, table.domain, table.dump())
            )
            counts[table.domain] = len(rows)
        connection.commit()
        connection.execute("VACUUM")
    return counts


def _write_table(
    connection: sqlite3.Connection, table: DomainTable, rows: Sequence[tuple[str, ...]]
) -> None:
    names = [*table.columns, *(f"key_{name}" for name in table.comparisons)]
    quoted = ", ".join(f'"{name}" TEXT' for name in names)
    entities = f'"entities_{table.domain}"'
    connection.execute(f"CREATE TABLE {entities} ({quoted})")
    marks = ", ".join("?" * len(names))
    connection.executemany(f"INSERT INTO {entities} VALUES ({marks})", rows)
    searched = [name for name, how in table.comparisons.items() if how is Comparison.EQUAL][:4]
    if searched:
        keys = ", ".join(f'"key_{name}"' for name in searched)
        connection.execute(f'CREATE INDEX "find_{table.domain}" ON {entities} ({keys})')


def _as_stored(table: DomainTable, row: Mapping[str, str]) -> tuple[str, ...]:
    said = {name: " ".join(row.get(name, "").lower().split()) for name in table.columns}
    keys = []
    forms = WordForms.of_language()  # the file's keys are English's, whatever its words are
    for name, how in table.comparisons.items():
        if how in (Comparison.AT_OR_AFTER, Comparison.AT_OR_BEFORE):
            said[name] = forms.clock_time(said[name]) or said[name]
            keys.append(said[name])
        else:
            keys.append(forms.comparison_key(said[name]))
    leave, arrive = said.get("leave", ""), said.get("arrive", "")
    if leave and arrive and arrive < leave and "arrive" in table.comparisons:
        # 23:59 to 01:27 arrives on the next day: not "by 09:00" of this one.
        later = f"{int(arrive[:2]) + 24:02d}{arrive[2:]}"
        keys[list(table.comparisons).index("arrive")] = later
    return (*said.values(), *keys)
