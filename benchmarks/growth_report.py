"""What `benchmarks.growth` found, as tables and as a picture of its curves.

Example: ``tables(figures)`` begins with the processor's name.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from benchmarks.report import table

KINDS = {
    "batch": "turns in a batch",
    "history": "exchanges before the turn",
    "rows": "entities in the database",
    "services": "services in the schema",
}
MEASURES = {
    "ms_a_turn": "ms a turn, median",
    "first_answer_s": "s until the first answer",
    "memory_mb": "MB then, beside the code",
}
_WIDE = 8
"""Sizes whose largest is so many times the smallest are drawn on a logarithmic scale."""


def tables(figures: Mapping[str, Any]) -> str:
    """Return a table for each curve."""
    parts = [
        f"{figures['processor']}, {figures['cores']} core(s); {figures['turns']} turns of "
        f"{figures['source']}."
    ]
    for kind, points in figures["curves"].items():
        known = [name for name in MEASURES if name in points[0]]
        header = [KINDS[kind], *(MEASURES[name] for name in known)]
        parts.append(
            table(header, [[one["size"], *(one[name] for name in known)] for one in points])
        )
    return "\n\n".join(parts)


def draw(figures: Mapping[str, Any], path: Path) -> None:
    """Draw every measure of every curve; the suffix of ``path`` chooses the format."""
    drawn = [
        (kind, points, name)
        for name in MEASURES
        for kind, points in figures["curves"].items()
        if name in points[0]
    ]
    columns = len(KINDS)
    figure = Figure(figsize=(3.4 * columns, 6), layout="constrained")
    for place, (kind, points, name) in enumerate(drawn, start=1):
        axes = figure.add_subplot(-(-len(drawn) // columns), columns, place)
        sizes = [one["size"] for one in points]
        axes.plot(sizes, [one[name] for one in points], marker="o", markersize=4, color="#3b82d6")
        if min(sizes) > 0 and max(sizes) >= _WIDE * min(sizes):
            axes.set_xscale("log")
        axes.set_ylim(bottom=0)
        axes.set_xlabel(KINDS[kind])
        axes.set_ylabel(MEASURES[name])
        axes.grid(alpha=0.25)
    figure.suptitle(f"{figures['processor']}, {figures['cores']} core(s)", fontsize=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
