"""SQLite files of strangers: programs in them are refused, and every question comes to an end."""

import json
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from todserve.evaluation.suites.truth.truth_reader import TruthReader
from todserve.runtime.errors import ConfigError
from todserve.runtime.knowledge.knowledge_base import KnowledgeBase
from todserve.runtime.untrusted.strangers_database import (
    MOST_ANSWER_BYTES,
    MOST_BYTES,
    connect,
    limited_rows,
)

SETTINGS = json.dumps(
    {
        "columns": ["name"],
        "comparisons": {"name": "name"},
        "order": ["name"],
        "buckets": [0, 1],
        "counted": True,
    }
)
PLAIN = f"""
    CREATE TABLE meta (position INTEGER, domain TEXT, settings TEXT);
    INSERT INTO meta VALUES (1, 'hotel', '{SETTINGS}');
    CREATE TABLE entities_hotel (name TEXT, key_name TEXT);
    INSERT INTO entities_hotel VALUES ('acorn', 'acorn');
"""
_ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)"
_META = "CREATE VIEW meta AS"
HOSTILE = {
    "a meta that never ends": f"{_META} {_ENDLESS} SELECT x position, x domain, x settings FROM n;",
    "a meta of gigabytes": f"{_META} SELECT 1 position, zeroblob(999999999) domain, '' settings;",
    "a view beside it": f"{PLAIN} CREATE VIEW v AS SELECT 1;",
    "a trigger": f"{PLAIN} CREATE TRIGGER t AFTER INSERT ON meta BEGIN SELECT 1; END;",
    "a computed column": PLAIN.replace(
        "key_name TEXT", "key_name TEXT AS (hex(zeroblob(9)))"
    ).replace("('acorn', 'acorn')", "('acorn')"),
    "a virtual table": f"{PLAIN} CREATE VIRTUAL TABLE v USING fts5(a);",
    "a value of megabytes": f"{PLAIN} UPDATE meta SET settings = printf('%.*c', 2000000, 'x');",
    "no meta": "CREATE TABLE a (b);",
    "settings that are no JSON": f"{PLAIN} UPDATE meta SET settings = '[';",
    "settings that are a list": f"{PLAIN} UPDATE meta SET settings = '[]';",
    "deep settings": f"{PLAIN} UPDATE meta SET settings = '{'[' * 9_999}';",
    "no text": f"{PLAIN} UPDATE meta SET domain = CAST(x'ff' AS TEXT);",
    "no entities": f"{PLAIN} DROP TABLE entities_hotel;",
    "a column that is not there": f"{PLAIN} ALTER TABLE entities_hotel RENAME name TO title;",
    "a domain that is a program": f"{PLAIN} UPDATE meta SET domain = 'x\" UNION SELECT 1 --';",
    "nothing to send": PLAIN.replace('{"name": "name"}', "{}").replace(
        "INSERT INTO entities_hotel VALUES ('acorn', 'acorn')", "SELECT 1"
    ),
}


def database(path: Path, script: str) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)
    return path


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_that_is_no_plain_knowledge_is_refused(name: str, tmp_path: Path) -> None:
    path = database(tmp_path / "knowledge.sqlite", HOSTILE[name])
    before = path.read_bytes()
    with pytest.raises(ConfigError) as raised:
        KnowledgeBase.open(path)
    assert str(path) in str(raised.value)
    assert [one.name for one in tmp_path.iterdir()] == ["knowledge.sqlite"]
    assert path.read_bytes() == before


def test_a_plain_one_answers_both_readers(tmp_path: Path) -> None:
    path = database(tmp_path / "knowledge.sqlite", PLAIN)
    knowledge = KnowledgeBase.open(path)
    assert knowledge.query("hotel", {"name": "acorn"}).matches == 1
    assert knowledge.shared("hotel", {"name": "acorn"}) == {"name": "acorn"}
    assert knowledge.values("hotel", "name") == ("acorn",)
    knowledge.close()
    TruthReader(path).close()


@pytest.mark.parametrize(
    "question",
    [
        "INSERT INTO meta VALUES (2, 'a', 'b')",
        "DELETE FROM meta",
        "ATTACH 'other.sqlite' AS other",
        "PRAGMA writable_schema = ON",
        "PRAGMA query_only = OFF",
        "SELECT load_extension('x')",
        "SELECT hex(zeroblob(100))",
        "SELECT randomblob(1000000000)",
        "CREATE TEMP TABLE t (a)",
        "VACUUM INTO 'copy.sqlite'",
        f"{_ENDLESS} SELECT count(*) FROM n",
    ],
)
def test_nothing_but_reading_its_tables_is_allowed(question: str, tmp_path: Path) -> None:
    with closing(connect(database(tmp_path / "a.sqlite", PLAIN))) as connection:
        with pytest.raises(sqlite3.Error):
            connection.execute(question)
        assert connection.execute("SELECT domain FROM meta").fetchall() == [("hotel",)]


def test_a_question_that_takes_too_many_steps_is_stopped_and_the_next_is_answered(
    tmp_path: Path,
) -> None:
    path = database(tmp_path / "a.sqlite", PLAIN)
    with closing(sqlite3.connect(path)) as connection:
        connection.executemany("INSERT INTO meta VALUES (?, 'a', 'b')", ((n,) for n in range(999)))
        connection.commit()
    with closing(connect(path)) as limited:
        with pytest.raises(sqlite3.OperationalError, match="interrupted"):
            limited.execute("SELECT count(*) FROM meta a, meta b, meta c, meta d").fetchall()
        assert limited.execute("SELECT count(*) FROM meta").fetchall() == [(1_000,)]


def test_a_million_names_are_an_answer() -> None:
    assert len(limited_rows(lambda count, left=[1_000]: _some(left, count))) == 1_000_000  # type: ignore[misc]


@pytest.mark.parametrize("row", [("a",), ("a" * MOST_BYTES,), (), (1,) * 2_000], ids=len)
def test_an_answer_without_an_end_is_refused_before_it_fills_the_memory(
    row: tuple[object, ...],
) -> None:
    given = 0

    def fetch(count: int) -> list[tuple[object, ...]]:
        nonlocal given
        given += count
        return [row] * count

    with pytest.raises(ConfigError, match="take more than 256 MiB of memory"):
        limited_rows(fetch)
    assert given * (56 + sum(map(sys.getsizeof, row))) < 2 * MOST_ANSWER_BYTES


def _some(left: list[int], count: int) -> list[tuple[str]]:
    left[0] -= 1
    return [("a",)] * count if left[0] >= 0 else []


def test_the_shipped_knowledge_is_such_a_file(tmp_path: Path) -> None:
    shipped = Path(__file__).resolve().parents[4] / "checkpoints/multiwoz/knowledge.sqlite"
    path = Path(shutil.copy(shipped, tmp_path))
    knowledge = KnowledgeBase.open(path)
    assert knowledge.query("train", {"departure": "ely"}).matches > 0
    knowledge.close()
