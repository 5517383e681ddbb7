"""The figures of a scorecard as rows of a table, whatever evaluation wrote them.

The HTML report calls it with a file of figures. Example:
``{"seen": {"accuracy": 0.5}, "signature": "sgd|dev"}`` gives the row ``seen.accuracy 0.5000 [1]``,
[1] being ``sgd|dev``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

SIGNATURE = "signature"


@dataclass(frozen=True, kw_only=True, slots=True)
class FigureRow:
    """A figure as a row of the report's table.

    Attributes:
        name: the figure's, with the names of the parts it stands in before it.
        value: as shown; a dash for what could not be counted.
        counted: what it is counted over, e.g. ``731 turns``.
        signature: number of its signature, from 1; None without one.
        note: what a reader must know.
    """

    name: str
    value: str
    counted: str = ""
    signature: int | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class FigureTable:
    """All figures of a scorecard, as a table.

    Attributes:
        rows: in the scorecard's order.
        facts: (name, text) of what is no number.
        signatures: each once; row number n refers to the n-th.
    """

    rows: tuple[FigureRow, ...]
    facts: tuple[tuple[str, str], ...]
    signatures: tuple[str, ...]


def figure_table(card: Mapping[str, object]) -> FigureTable:
    """Return every number of ``card`` with the nearest signature around it.

    Args:
        card: as evaluations write it: numbers and null, parts within parts, and figures with
            ``value``, ``of``, ``unit``, ``note`` and ``signature``. What ``units`` says of a
            number becomes its note. Of lists only the length is shown.
    """
    signatures: list[str] = []
    facts: list[tuple[str, str]] = []
    units = card.get("units")
    notes = units if isinstance(units, Mapping) else {}
    rows = list(_rows({**card, "units": {}}, (), None, signatures, facts))
    # A headline repeats some figures without what they are counted over.
    counted = {row.name for row in rows if row.counted}
    return FigureTable(
        rows=tuple(
            row if row.note else replace(row, note=str(notes.get(row.name, "")))
            for row in rows
            if row.counted or row.name not in counted
        ),
        facts=tuple(facts),
        signatures=tuple(signatures),
    )


def shown(value: float | None) -> str:
    """Return a number as text: shares with four digits, what is above 1 with two."""
    if value is None:
        return "–"
    if isinstance(value, int):
        return str(value)
    return f"{value:.4f}" if abs(value) <= 1 else f"{value:.2f}"


def _rows(
    part: Mapping[str, object],
    path: tuple[str, ...],
    around: int | None,
    signatures: list[str],
    facts: list[tuple[str, str]],
) -> Iterator[FigureRow]:
    signature = part.get(SIGNATURE)
    number = _number(signature, signatures) if isinstance(signature, str) else around
    for key, value in part.items():
        if key == SIGNATURE:
            continue
        # "figures" names nothing: everything here is one.
        inner = path if key == "figures" else (*path, key)
        name = ".".join(inner)
        if isinstance(value, Mapping) and "value" in value:
            yield _figure(name, value, number, signatures)
        elif isinstance(value, Mapping):
            yield from _rows(value, inner, number, signatures, facts)
        elif isinstance(value, str | bool):
            facts.append((name, str(value)))
        elif value is None or isinstance(value, int | float):
            yield FigureRow(name=name, value=shown(value), signature=number)
        elif isinstance(value, list | tuple):
            facts.append((name, f"{len(value)} entries"))


def _figure(
    name: str, figure: Mapping[str, object], around: int | None, signatures: list[str]
) -> FigureRow:
    value, of, signature = figure["value"], figure.get("of"), figure.get(SIGNATURE)
    return FigureRow(
        name=name,
        value=shown(value if isinstance(value, int | float) else None),
        counted="" if of is None else f"{of} {figure.get('unit', '')}".strip(),
        signature=_number(signature, signatures) if isinstance(signature, str) else around,
        note=str(figure.get("note") or ""),
    )


def _number(signature: str, signatures: list[str]) -> int:
    if signature not in signatures:
        signatures.append(signature)
    return signatures.index(signature) + 1
