"""The venues of the standardised MultiWOZ evaluation: which of them satisfy some constraints.

The scores of Inform and Success search it. It is not the knowledge base that serves: the standard
searches names, foods and stations by likeness and everything else exactly, and its figures rest on
that. Example: ``venues.matching("train", {"departure": "ely", "arrive": "09:00"})``.

Two names are alike as that evaluation measures it: a state that says ``the nandos`` still finds
``nandos``. The measure is fuzzywuzzy's partial ratio over Levenshtein alignments, which the
published figures were made with. Other partial ratios differ for some twenty pairs of MultiWOZ's
names, and a venue more or less decides a dialogue: so the alignment is ours, which rapidfuzz
chooses differently, and what two texts share is counted by rapidfuzz. Example: ``likeness("nandos",
"nandos city centre")`` is 100.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from rapidfuzz.distance import LCSseq

from todserve.corpora.corpus_source import CorpusSource
from todserve.evaluation.suites.multiwoz.multiwoz_values import (
    counted_slot,
    counted_value,
    minutes_of,
)
from todserve.runtime.errors import CorpusError
from todserve.runtime.untrusted.json_text import parse_json


@lru_cache(maxsize=1 << 17)
def likeness(one: str, other: str) -> int:
    """Return 0 to 100: how well the shorter text fits somewhere into the longer one.

    The texts are aligned by the fewest insertions, deletions and substitutions. Every run of
    equal characters proposes a window of the longer text, as long as the shorter; the best
    window counts. An empty text is like nothing.
    """
    if not one or not other:
        return 0
    if one == other:
        return 100
    short, long = (one, other) if len(one) <= len(other) else (other, one)
    best = 0.0
    for in_short, in_long in _runs(short, long):
        start = max(in_long - in_short, 0)
        window = long[start : start + len(short)]
        best = max(best, _shared(short, window))
    return round(100 * best)


def _shared(one: str, other: str) -> float:
    """Return twice the longest common subsequence over the summed lengths."""
    return 2 * LCSseq.similarity(one, other) / (len(one) + len(other))


def _runs(short: str, long: str) -> Iterator[tuple[int, int]]:
    """Yield where each run of aligned equal characters begins, in ``short`` and in ``long``.

    The end of both texts counts as a last, empty run.
    """
    previous: tuple[int, int] | None = None
    for pair in _aligned(short, long):
        if previous is None or (pair[0] - previous[0], pair[1] - previous[1]) != (1, 1):
            yield pair
        previous = pair
    yield len(short), len(long)


def _aligned(short: str, long: str) -> list[tuple[int, int]]:
    """Return the positions of equal characters in one cheapest alignment, in order.

    Of several, the one that walks back from the end along the diagonal wherever it can, and
    does not break off a run of insertions or deletions that may go on.
    """
    costs = [list(range(len(long) + 1))]
    for at, character in enumerate(short, start=1):
        above = costs[-1]
        row = [at]
        for to, against in enumerate(long, start=1):
            row.append(min(above[to] + 1, row[-1] + 1, above[to - 1] + (character != against)))
        costs.append(row)
    pairs: list[tuple[int, int]] = []
    at, to = len(short), len(long)
    inserting = deleting = False
    while at or to:
        cost = costs[at][to]
        inserted = to > 0 and cost == costs[at][to - 1] + 1
        deleted = at > 0 and cost == costs[at - 1][to] + 1
        same = at > 0 and to > 0 and short[at - 1] == long[to - 1]
        diagonal = at > 0 and to > 0 and cost == costs[at - 1][to - 1] + (not same)
        inserting = inserted and (inserting or not diagonal)
        deleting = deleted and not inserting and (deleting or not diagonal)
        if inserting:
            to -= 1
        elif deleting:
            at -= 1
        else:
            at, to = at - 1, to - 1
            if same:
                pairs.append((at, to))
    return pairs[::-1]


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
                rows = parse_json(contents[path])
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
