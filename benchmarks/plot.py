"""Plot: a turn's latency with one client, and turns/s against the number of clients.

Example: ``draw(content, Path("benchmark.svg"))``; the suffix chooses the format.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

COLOURS = ("#3b82d6", "#d97706", "#0f9d76", "#a855c7", "#d64550", "#64748b", "#0891b2", "#a16207")
_OURS = "#3b82d6"


def draw(content: Mapping[str, Any], path: Path) -> None:
    """Write the picture of a run's JSON content."""
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    alone = [row for row in content["load"] if row["clients"] == 1 and row["latency"]]
    alone.sort(key=lambda row: row["latency"]["p50"], reverse=True)
    places = range(len(alone))
    left.barh(
        places,
        [row["latency"]["p50"] for row in alone],
        xerr=[
            [0.0] * len(alone),
            [row["latency"]["p95"] - row["latency"]["p50"] for row in alone],
        ],
        color=[_OURS if row["peer"].startswith(("ours", "bare")) else "#94a3b8" for row in alone],
        error_kw={"elinewidth": 1, "capsize": 2},
    )
    left.set_yticks(places, [row["peer"] for row in alone])
    for place, row in zip(places, alone, strict=True):
        one = row["latency"]
        left.annotate(f"  {one['p50']:.3g}", (one["p95"], place), va="center", fontsize=8)
    left.margins(x=0.1)
    left.set_title("One client: ms a turn (median, bar to p95)")
    left.set_xlabel("ms")
    served = list(dict.fromkeys(row["peer"] for row in content["load"] if row["clients"] > 1))
    for place, name in enumerate(served):
        points = [
            (row["clients"], row["turns_per_second"])
            for row in content["load"]
            if row["peer"] == name and row["latency"]
        ]
        if points:
            right.plot(
                *zip(*points, strict=True),
                marker="o",
                markersize=4,
                linewidth=2.5 if name == "ours" else 1.3,
                color=COLOURS[place % len(COLOURS)],
                label=name,
            )
    right.set_xscale("log", base=2)
    right.set_yscale("log")
    clients = sorted({row["clients"] for row in content["load"]})
    right.set_xticks(clients, [str(number) for number in clients])
    right.set_title("Turns a second")
    right.set_xlabel("clients at once")
    if served:
        right.legend(fontsize=8)
    for axes in (left, right):
        axes.grid(alpha=0.25)
    machine = content["machine"]
    figure.suptitle(
        f"{machine['cpu']}, {machine['usable_cores']} core(s); checkpoint "
        f"{content['checkpoint']['checksum']}",
        fontsize=9,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
