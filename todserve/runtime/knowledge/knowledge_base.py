"""The knowledge base: entities of every domain in one read-only SQLite file.

The pipeline looks up the belief state in it before the second engine call: the state becomes
constraints, the number of matches becomes a database token, the first matches fill the reply.
Example: ``knowledge.query("train", {"departure": "ely", "arrive": "09:00"})``.

The file describes itself: table ``meta`` holds, per domain, its columns, how a constraint on each
is compared (``Comparison``), how rows are ordered and where the database tokens' buckets end.
Table ``entities_<domain>`` holds the columns as they are said, and ``key_<column>`` as compared in
English; for a checkpoint of another language the keys are worked out from what is said.
"""

import hashlib
import json
import os
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from todserve.runtime.errors import ConfigError, RequestError
from todserve.runtime.knowledge.domain_table import Comparison, DomainTable
from todserve.runtime.language.control_text import plain_value
from todserve.runtime.language.dialogue import DELETED, DONTCARE
from todserve.runtime.language.entity_keys import meant_keys
from todserve.runtime.language.word_forms import WordForms
from todserve.runtime.untrusted.strangers_database import connect, limited_rows

__all__ = ["NO_LOOKUP", "Comparison", "DatabaseResult", "DomainTable", "KnowledgeBase"]

NO_LOOKUP = "[db_nores]"
"""The database token of a turn without a look-up."""

_NO_VALUE = frozenset({"", DONTCARE, DELETED})
_REMEMBERED = 8192
_ROWS_REMEMBERED = 10
_STATEMENTS_REMEMBERED = 512
_LIMIT = "limit"

_Statement = Callable[[str, tuple[str, ...], tuple[str, ...]], sa.Select[Any]]
"""Makes the SQL of a domain, of the slots that are asked and of those that impose something."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseResult:
    """The result of a look-up: how many entities match, and the first of them.

    Attributes:
        domain: the domain asked.
        matches: how many entities satisfy the constraints.
        results: the first of them, in a fixed order; column -> value, empty columns left out.
    """

    domain: str
    matches: int
    results: tuple[Mapping[str, str], ...] = ()


@dataclass
class KnowledgeBase:
    """A read-only knowledge base; safe to share between threads and to carry over a fork.

    Attributes:
        path: the file.
        tables: what it says of each domain.
        forms: how its language writes a name otherwise.
    """

    path: Path
    tables: Mapping[str, DomainTable]
    forms: WordForms = field(default_factory=WordForms.of_language, repr=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    _answers: OrderedDict[object, DatabaseResult] = field(default_factory=OrderedDict, repr=False)
    _alike: OrderedDict[object, Mapping[str, str]] = field(default_factory=OrderedDict, repr=False)
    _keys: dict[tuple[str, str], Mapping[str, tuple[str, ...]]] = field(
        default_factory=dict, repr=False
    )
    _bare: dict[tuple[str, str], tuple[tuple[str, str], ...]] = field(
        default_factory=dict, repr=False
    )
    _connection: sa.Connection | None = field(default=None, repr=False)
    _process: int = field(default=-1, repr=False)

    def __post_init__(self) -> None:
        self._has_keys = self.forms == WordForms.of_language()

    @classmethod
    def open(cls, path: Path, forms: WordForms | None = None) -> "KnowledgeBase":
        """Open a file written by ``tod knowledge build``.

        Args:
            path: the file.
            forms: of the language that its names are in; English's without.

        Raises:
            ConfigError: when it is missing or not such a file.
        """
        path = Path(path).absolute()
        if not path.is_file():
            raise ConfigError(
                f"no knowledge base at {path}; write one with `tod knowledge build DB_DIR OUT`"
            )
        knowledge = cls(path=path, tables={}, forms=forms or WordForms.of_language())
        try:
            rows = knowledge._rows(sa.text("SELECT domain, settings FROM meta ORDER BY position"))
            tables = [DomainTable.parse(str(row[0]), str(row[1])) for row in rows]
            for table in tables:
                known = knowledge._rows(sa.select(table.table).limit(1))
                if table.arranged and not known:
                    raise ValueError(f"domain {table.domain!r} has nothing to send")
        except ConfigError:
            knowledge.close()
            raise
        except (sa.exc.DatabaseError, AttributeError, TypeError, ValueError, KeyError) as error:
            knowledge.close()
            raise ConfigError(
                f"{path} is no knowledge base ({error}); "
                "write one with `tod knowledge build DB_DIR OUT`"
            ) from error
        knowledge.tables = {table.domain: table for table in tables}
        return knowledge

    def __reduce__(self) -> tuple[object, ...]:
        """Let a spawned process open the file for itself."""
        return KnowledgeBase.open, (self.path, self.forms)

    @property
    def domains(self) -> tuple[str, ...]:
        """The domains with entities."""
        return tuple(self.tables)

    def columns(self, domain: str) -> tuple[str, ...]:
        """Return what is known of an entity of ``domain``; nothing for unknown domains."""
        return self.tables[domain].columns if domain in self.tables else ()

    def close(self) -> None:
        """Close the file; the next look-up opens it again."""
        with self._lock:
            if self._connection is not None and self._process == os.getpid():
                self._connection.close()
                self._connection.engine.dispose()
            self._connection = None

    def query(
        self, domain: str, constraints: Mapping[str, str], *, limit: int = 5
    ) -> DatabaseResult:
        """Return the entities of ``domain`` that satisfy ``constraints``.

        ``dontcare`` and slots that are no column (people, stay) impose nothing. ``leave`` keeps
        what leaves at or after, ``arrive`` what arrives at or before. A domain without a table
        has no matches. Results are in the domain's own order, the latest arrivals first when
        only an arrival is asked. Of an arranged domain one entity is the match, the same one
        for the same constraints.

        Raises:
            RequestError: when ``limit`` is negative.
        """
        if limit < 0:
            raise RequestError(f"limit {limit} is negative; expected 0 or more results")
        table = self.tables.get(domain)
        if table is None:
            return DatabaseResult(domain=domain, matches=0)
        asked = _asked(table, constraints)
        if limit > _ROWS_REMEMBERED and not table.arranged:
            return self._look_up(table, asked, limit)  # long lists would fill the memory
        kept = _ROWS_REMEMBERED
        question = (domain, tuple(asked.items()))
        with self._lock:
            found = self._answers.get(question)
            if found is None:
                answer = self._arrange if table.arranged else self._look_up
                found = self._answers[question] = answer(table, asked, kept)
                if len(self._answers) > _REMEMBERED:
                    self._answers.popitem(last=False)
        return DatabaseResult(domain=domain, matches=found.matches, results=found.results[:limit])

    def shared(self, domain: str, constraints: Mapping[str, str]) -> Mapping[str, str]:
        """Return the columns whose value all entities that satisfy ``constraints`` have in common.

        Example: of the hotels in the north, ``{"area": "north"}`` and nothing else.
        """
        table = self.tables.get(domain)
        if table is None or table.arranged:
            return {}
        found = self.query(domain, constraints, limit=_ROWS_REMEMBERED)
        if found.matches <= len(found.results):  # as of most look-ups, all of them are at hand
            return _in_all(found.results)
        asked = _asked(table, constraints)
        question = ("shared", domain, tuple(asked.items()))
        with self._lock:
            known = self._alike.get(question)
            if known is None:
                known = self._alike[question] = self._in_common(table, asked)
                if len(self._alike) > _REMEMBERED:
                    self._alike.popitem(last=False)
        return known

    def in_force(self, domain: str, wishes: Mapping[str, str]) -> Mapping[str, str]:
        """Return the wishes without those that the entity which they name denies.

        Whoever names a place means that place: of "the fitzwilliam museum", named after a search in
        the west, the area gives way. Wishes that name nothing known, or are met, stay as they are.
        """
        column = self._name_column(domain)
        name = wishes.get(column or "", "")
        if column is None or name in _NO_VALUE or self.query(domain, wishes, limit=1).matches:
            return wishes
        own = {column: name}
        if not self.query(domain, own, limit=1).matches:
            return wishes
        kept: dict[str, str] = dict(own)
        for slot, value in wishes.items():
            if self.query(domain, {**kept, slot: value}, limit=1).matches:
                kept[slot] = value
        return kept

    def entity(self, domain: str, name: str) -> Mapping[str, str] | None:
        """Return the one entity of that name, in any usual spelling; None when it is not clear."""
        column = self._name_column(domain)
        if column is None or not self.forms.comparison_key(name):
            return None
        found = self.query(domain, {column: name}, limit=1)
        return found.results[0] if found.matches == 1 else None

    def values(self, domain: str, slot: str) -> tuple[str, ...]:
        """Return the different values of a column, sorted; nothing when there is no such column."""
        if slot not in self.columns(domain):
            return ()
        column = self.tables[domain].table.c[slot]
        rows = self._rows(sa.select(column).distinct().where(column != "").order_by(column))
        return tuple(str(row[0]) for row in rows)

    def names_said(self, domain: str, slot: str, text: str) -> list[str]:
        """Return the names of a column that a lower-case text holds, articles left out."""
        place = (domain, slot)
        if place not in self._bare:
            names = self.values(domain, slot)
            self._bare[place] = tuple(
                (one, self.forms.without_article(one.lower())) for one in names
            )
        return [name for name, bare in self._bare[place] if bare in text]

    def database_token(self, domain: str | None, matches: int | None) -> str:
        """Return the token that tells the model how much was found, e.g. ``[db_2]``."""
        table = self.tables.get(domain or "")
        if table is None or matches is None or not table.counted:
            return NO_LOOKUP
        return f"[db_{sum(matches > most for most in table.buckets)}]"

    def _name_column(self, domain: str) -> str | None:
        comparisons = self.tables[domain].comparisons if domain in self.tables else {}
        return next((name for name, how in comparisons.items() if how is Comparison.NAME), None)

    def _arrange(self, table: DomainTable, asked: Mapping[str, str], limit: int) -> DatabaseResult:
        everything = self._look_up(table, {}, -1).results
        digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).digest()
        chosen = everything[int.from_bytes(digest[:8], "big") % len(everything) :][:1]
        return DatabaseResult(domain=table.domain, matches=len(chosen), results=chosen)

    def _look_up(self, table: DomainTable, asked: Mapping[str, str], limit: int) -> DatabaseResult:
        bounds = self._bounds(table, asked)
        query = self._search(table.domain, tuple(asked), tuple(bounds))
        rows = self._rows(query, {**_parameters(bounds), _LIMIT: limit})
        return DatabaseResult(
            domain=table.domain,
            matches=int(str(rows[0][-1])) if rows else 0,
            results=tuple(
                {
                    name: plain_value(str(value))
                    for name, value in zip(table.columns, row, strict=False)
                    if value
                }
                for row in rows
            ),
        )

    def _in_common(self, table: DomainTable, asked: Mapping[str, str]) -> dict[str, str]:
        bounds = self._bounds(table, asked)
        query = self._ends(table.domain, tuple(asked), tuple(bounds))
        (row,) = self._rows(query, _parameters(bounds))
        pairs = zip(table.columns, row[::2], row[1::2], strict=True)
        return {name: str(least) for name, least, most in pairs if least and least == most}

    @cached_property
    def _search(self) -> _Statement:
        """The SQL of a look-up; remembered, for to make it takes longer than to run it."""
        return lru_cache(maxsize=_STATEMENTS_REMEMBERED)(self._search_statement)

    @cached_property
    def _ends(self) -> _Statement:
        """The SQL of the least and the greatest value of each column of what is looked up."""
        return lru_cache(maxsize=_STATEMENTS_REMEMBERED)(self._ends_statement)

    def _search_statement(
        self, domain: str, asked: tuple[str, ...], bound: tuple[str, ...]
    ) -> sa.Select[Any]:
        table = self.tables[domain]
        source = table.table
        query: sa.Select[Any] = sa.select(
            *(source.c[name] for name in table.columns), sa.func.count().over().label("matches")
        )
        query = query.where(*self._conditions(table, source, bound))
        how = set(map(table.comparisons.get, asked))
        if Comparison.AT_OR_BEFORE in how and Comparison.AT_OR_AFTER not in how:
            latest = [
                source.c[f"key_{slot}"].desc()
                for slot in asked
                if table.comparisons[slot] is Comparison.AT_OR_BEFORE
            ]
            query = query.order_by(*latest)
        order = (source.c[name] for name in table.order)
        return query.order_by(*order).limit(sa.bindparam(_LIMIT, type_=sa.Integer))

    def _ends_statement(
        self, domain: str, _: tuple[str, ...], bound: tuple[str, ...]
    ) -> sa.Select[Any]:
        table = self.tables[domain]
        source = table.table
        ends = [
            end(sa.func.coalesce(source.c[name], ""))
            for name in table.columns
            for end in (sa.func.min, sa.func.max)
        ]
        query: sa.Select[Any] = sa.select(*ends)
        return query.where(*self._conditions(table, source, bound))

    def _conditions(
        self, table: DomainTable, source: sa.TableClause, bound: tuple[str, ...]
    ) -> list[sa.ColumnElement[bool]]:
        return [
            self._condition(table, source, slot, f"bound_{place}")
            for place, slot in enumerate(bound)
        ]

    def _condition(
        self, table: DomainTable, source: sa.TableClause, slot: str, parameter: str
    ) -> sa.ColumnElement[bool]:
        column, how = source.c[f"key_{slot}"], table.comparisons[slot]
        one = sa.bindparam(parameter, type_=sa.String)
        if how is Comparison.AT_OR_AFTER:
            return column >= one
        if how is Comparison.AT_OR_BEFORE:
            return column <= one
        if how is Comparison.EQUAL and self._has_keys:
            return column == one
        several = sa.bindparam(parameter, type_=sa.String, expanding=True)
        return column.in_(several) if self._has_keys else source.c[slot].in_(several)

    def _bounds(self, table: DomainTable, asked: Mapping[str, str]) -> dict[str, str | list[str]]:
        """Return what each slot is compared with; one that imposes nothing is left out."""
        found: dict[str, str | list[str]] = {}
        for slot, value in asked.items():
            how = table.comparisons[slot]
            if how in (Comparison.AT_OR_AFTER, Comparison.AT_OR_BEFORE):
                time = self.forms.clock_time(value)
                if time is not None:  # "after lunch" cannot be compared
                    found[slot] = time
                continue
            key = self.forms.comparison_key(value)
            if how is Comparison.EQUAL and self._has_keys:
                found[slot] = key
                continue
            known = self._all_keys(table, slot)
            meant = (key,) if how is Comparison.EQUAL else meant_keys(key, tuple(known), self.forms)
            if not self._has_keys:
                meant = tuple(written for one in meant for written in known.get(one, ()))
            found[slot] = [*meant]
        return found

    def _all_keys(self, table: DomainTable, slot: str) -> Mapping[str, tuple[str, ...]]:
        """Return the keys of a column, sorted; where the file lacks them, with what is written."""
        if (table.domain, slot) not in self._keys:
            column = table.table.c[f"key_{slot}" if self._has_keys else slot]
            rows = self._rows(sa.select(column).distinct().where(column != "").order_by(column))
            known: dict[str, tuple[str, ...]] = {}
            for text, *_ in rows:
                key = str(text) if self._has_keys else self.forms.comparison_key(str(text))
                known[key] = (*known.get(key, ()), str(text))
            self._keys[table.domain, slot] = dict(sorted(known.items()))
        return self._keys[table.domain, slot]

    def _rows(
        self, query: sa.Executable, parameters: Mapping[str, object] | None = None
    ) -> list[tuple[object, ...]]:
        with self._lock:
            # SQLite connections must not cross a fork: a child opens its own.
            if self._connection is None or self._process != os.getpid():
                engine = sa.create_engine(
                    "sqlite+pysqlite://",
                    creator=self._connect,
                    isolation_level="AUTOCOMMIT",
                    poolclass=sa.pool.NullPool,
                )
                self._connection, self._process = engine.connect(), os.getpid()
            return limited_rows(self._connection.execute(query, parameters).fetchmany)

    def _connect(self) -> sqlite3.Connection:
        return connect(self.path)


def _in_all(rows: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return the columns whose value is the same in all rows."""
    first, *others = rows or ({},)
    return {
        name: value
        for name, value in first.items()
        if all(row.get(name) == value for row in others)
    }


def _parameters(bounds: Mapping[str, str | list[str]]) -> dict[str, object]:
    # A slot's own name may be any text.
    return {f"bound_{place}": value for place, value in enumerate(bounds.values())}


def _asked(table: DomainTable, constraints: Mapping[str, str]) -> dict[str, str]:
    """Return the constraints that a look-up in ``table`` can hold anything against."""
    return {
        slot: value
        for slot, value in sorted(constraints.items())
        if (slot in table.comparisons or table.arranged) and value not in _NO_VALUE
    }
