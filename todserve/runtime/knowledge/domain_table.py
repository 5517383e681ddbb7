"""What a knowledge base says of one domain: its columns and how they are searched.

Each is kept in table ``meta`` of the knowledge base's SQLite file, so that any corpus's database
can be searched by the same code. Example: trains compare ``leave`` as ``at_or_after`` and sort by
it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa

from todserve.runtime.untrusted.json_text import parse_json


class Comparison(StrEnum):
    """How a constraint is held against a column."""

    EQUAL = "equal"
    NAME = "name"  # equal, else contained, else the one close spelling
    AT_OR_AFTER = "at_or_after"
    AT_OR_BEFORE = "at_or_before"


@dataclass(frozen=True, kw_only=True)
class DomainTable:
    """What table ``meta`` says of one domain.

    Attributes:
        domain: its name.
        columns: what is known of an entity.
        comparisons: searchable column -> how a constraint on it is compared.
        order: the columns results are sorted by.
        buckets: database token k stands for at most ``buckets[k]`` matches, the last for more.
        counted: whether matches become a token; PPTOD counts no hospital, police or taxi.
    """

    domain: str
    columns: tuple[str, ...]
    comparisons: Mapping[str, Comparison]
    order: tuple[str, ...] = ("name",)
    buckets: tuple[int, ...] = (0, 1, 3)
    counted: bool = True

    def dump(self) -> str:
        """Return the settings as stored in ``meta``."""
        settings = {name: value for name, value in vars(self).items() if name != "domain"}
        return json.dumps(settings, sort_keys=True)

    @classmethod
    def parse(cls, domain: str, settings: str) -> "DomainTable":
        """Read what ``dump`` wrote."""
        found = parse_json(settings)
        return cls(
            domain=domain,
            columns=tuple(found["columns"]),
            comparisons={name: Comparison(how) for name, how in found["comparisons"].items()},
            order=tuple(found["order"]),
            buckets=tuple(found["buckets"]),
            counted=bool(found["counted"]),
        )

    @property
    def arranged(self) -> bool:
        """Whether nothing can be searched: one entity is sent, as a taxi is."""
        return not self.comparisons

    @property
    def table(self) -> sa.TableClause:
        """The entities' table, as SQLAlchemy sees it."""
        names = [*self.columns, *(f"key_{name}" for name in self.comparisons)]
        return sa.table(f"entities_{self.domain}", *(sa.column(name) for name in names))
