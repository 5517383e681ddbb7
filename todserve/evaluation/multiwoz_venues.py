"""The venues of the standardised MultiWOZ evaluation: which of them satisfy some constraints.

Stands inside Inform. It is not the knowledge base that serves: the standard searches names, foods
and stations by likeness and everything else exactly, and its figures rest on that.
Example: ``venues.matching("train", {"departure": "ely", "arrive": "09:00"})``.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from todserve.corpora.corpus_source import CorpusSource
from todserve.evaluation.multiwoz_likeness import likeness
from todserve.evaluation.multiwoz_values import counted_slot, counted_value, minutes_of
from todserve.runtime.errors import CorpusError

VENUE_DOMAINS = ("attraction", "hotel", "restaurant", "train")
"""Domains whose offers are looked up; taxi, hospital and police have no venue to be wrong."""

_ALIKE = {
    ("attraction", "name"),
    ("hotel", "name"),
    ("restaurant", "name"),
    ("restaurant", "food"),
    ("train", "departure"),
    ("train", "destination"),
}
_LIKE_ENOUGH = 90  # per cent
_NOT_SEARCHED = {"location", "openhours", "introduction", "signature", "takesbookings"}
_ANY = frozenset(
    {
        *("dontcare", "not mentioned", "don't care", "dont care", "do n't care"),
        "do not care",
    }
)
_UNKNOWN = "?"


@dataclass(frozen=True, kw_only=True)
class Venues:
    """The venue tables.

    Attributes:
        tables: domain -> its rows, column -> text, columns named as state slots are.
    """

    tables: Mapping[str, Sequence[Mapping[str, str]]]
    _answers: dict[object, frozenset[str]] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, source: CorpusSource) -> "Venues":
        """Read ``db/*_db.json`` of MultiWOZ.

        Raises:
            CorpusError: a table is missing or is no JSON list of objects.
        """
        contents = dict(source.files("db", "_db.json"))
        tables = {}
        for domain in VENUE_DOMAINS:
            path = f"db/{domain}_db.json"
            try:
                rows = json.loads(contents[path])
                tables[domain] = [_row(domain, row) for row in rows]
            except (KeyError, ValueError, AttributeError, TypeError) as error:
                raise CorpusError(
                    f"{path}: no JSON list of venues with ids ({error!r}); expected the db folder "
                    f"of MultiWOZ; fetch it from {source.publisher.url}"
                ) from error
        return cls(tables=tables)

    def matching(self, domain: str, constraints: Mapping[str, str]) -> frozenset[str]:
        """Return the ids of the venues that satisfy every constraint on a column there is.

        An unknown column value satisfies everything, and so does every way of not caring.
        Trains arrive at or before ``arrive`` and leave at or after ``leave``.
        """
        rows = self.tables.get(domain, ())
        if not rows:
            return frozenset()
        asked = {
            slot: counted_value(slot, value)
            for slot, value in constraints.items()
            if slot in rows[0] and value not in _ANY
        }
        question = (domain, frozenset(asked.items()))
        if question not in self._answers:
            self._answers[question] = frozenset(
                row["id"]
                for row in rows
                if all(_satisfies(domain, slot, row, value) for slot, value in asked.items())
            )
        return self._answers[question]


def _row(domain: str, row: Mapping[str, object]) -> dict[str, str]:
    columns = {
        counted_slot(name): str(value)
        for name, value in row.items()
        if name not in _NOT_SEARCHED and not (domain == "hotel" and name == "price")
    }
    if domain == "train":
        columns["id"] = columns["trainid"]
    if "type" in columns:
        # The publisher's "mutliple sports" is corrected on both sides.
        columns["type"] = counted_value("type", columns["type"])
    columns["id"]  # every venue must have one
    return columns


def _satisfies(domain: str, slot: str, row: Mapping[str, str], value: str) -> bool:
    known = row.get(slot, _UNKNOWN)
    if known == _UNKNOWN:
        return True
    if slot == "arrive":
        return minutes_of(known) <= minutes_of(value)
    if slot == "leave":
        return minutes_of(known) >= minutes_of(value)
    if (domain, slot) in _ALIKE:
        return likeness(known, value) >= _LIKE_ENOUGH
    return known == value
