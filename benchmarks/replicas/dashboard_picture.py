"""Dashboard picture: the queries of the dashboard, asked of a Prometheus and drawn by matplotlib.

For a page that shows what deploy/monitoring/dashboard.json shows where no Grafana is at hand: the
layout and the words are the dashboard's, the look is not Grafana's. Example:
``python -m benchmarks.replicas.dashboard_picture docs/images/dashboard.png --minutes 20``.
"""

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

import matplotlib as mpl
import requests
from matplotlib.axes import Axes

from benchmarks.replicas.prometheus_server import FILES

mpl.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402 (after the choice of where it draws)

_POINTS = 240
_SHORTEST_RATE = 60
"""Seconds; a few looks of Prometheus."""
_UNITS = {"s": 1.0, "percentunit": 100.0}
_COLUMNS = 24  # of Grafana's grid


def main() -> None:
    """Ask, draw, and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("picture", type=Path, help="a .png or .svg")
    parser.add_argument("--prometheus", default="http://127.0.0.1:9090", metavar="URL")
    parser.add_argument("--minutes", type=float, default=20.0, help="up to now")
    arguments = parser.parse_args()
    panels = json.loads((FILES / "dashboard.json").read_text(encoding="utf-8"))["panels"]
    now = time.time()
    rows = max(one["gridPos"]["y"] + one["gridPos"]["h"] for one in panels)
    figure = plt.figure(figsize=(14, rows / 2.6), layout="constrained")
    grid = figure.add_gridspec(rows, _COLUMNS)
    for panel in panels:
        place = panel["gridPos"]
        cell = grid[place["y"] : place["y"] + place["h"], place["x"] : place["x"] + place["w"]]
        axes = figure.add_subplot(cell)
        axes.set_title(panel["title"], fontsize=9, loc="left")
        series = [
            (label(target.get("legendFormat", ""), one["metric"]), points(one["values"], now))
            for target in panel["targets"]
            for one in asked(arguments.prometheus, target["expr"], now, arguments.minutes)
        ]
        unit = panel["fieldConfig"]["defaults"]["unit"]
        draw = stat if panel["type"] == "stat" else graph
        draw(axes, series, unit)
    figure.savefig(arguments.picture, dpi=90)


Series = list[tuple[str, tuple[list[float], list[float]]]]


def asked(url: str, expression: str, now: float, minutes: float) -> list[dict[str, Any]]:
    """Return the series of an expression over the last minutes."""
    step = max(1.0, minutes * 60 / _POINTS)
    query = expression.replace("$__rate_interval", f"{max(_SHORTEST_RATE, math.ceil(4 * step))}s")
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(
            f"{url}/api/v1/query_range",
            params={
                "query": query,
                "start": str(now - minutes * 60),
                "end": str(now),
                "step": str(step),
            },
            timeout=60,
        ).json()
    if answer["status"] != "success":
        raise ValueError(f"{expression}: {answer['error']}")
    series: list[dict[str, Any]] = answer["data"]["result"]
    return series


def label(pattern: str, labels: dict[str, str]) -> str:
    """Return a legend's words, e.g. ``failed, {{instance}}`` with the instance in it."""
    for name, text in labels.items():
        pattern = pattern.replace("{{" + name + "}}", text)
    return pattern


def points(values: list[list[Any]], now: float) -> tuple[list[float], list[float]]:
    """Return moments, in minutes from now, and numbers."""
    return (
        [(float(at) - now) / 60 for at, _ in values],
        [float(number) for _, number in values],
    )


def graph(axes: Axes, series: Series, unit: str) -> None:
    """Draw lines over time."""
    for name, (moments, numbers) in series:
        axes.plot(moments, [number * _UNITS.get(unit, 1.0) for number in numbers], lw=1, label=name)
    axes.set_ylim(bottom=0)
    axes.tick_params(labelsize=7)
    axes.set_xlabel("minutes", fontsize=7)
    axes.grid(alpha=0.3)
    if unit == "s":
        axes.set_ylabel("seconds", fontsize=7)
    if series:
        axes.legend(fontsize=6, loc="upper left", frameon=False)


def stat(axes: Axes, series: Series, unit: str) -> None:
    """Write the newest number."""
    axes.axis("off")
    numbers = [numbers for _, (_, numbers) in series if numbers]
    newest = numbers[0][-1] * _UNITS.get(unit, 1.0) if numbers else math.nan
    shown = "no data" if math.isnan(newest) else f"{newest:.3g}"
    suffix = {"s": " s", "percentunit": " %"}.get(unit, "")
    axes.text(0.02, 0.35, shown + suffix, fontsize=20, transform=axes.transAxes)


if __name__ == "__main__":
    main()
