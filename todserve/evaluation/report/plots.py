"""Plots: drawn as SVG text that stands inside a page.

The HTML report draws its figures with it. Example: ``line_plot("by-turn", [Line(label="all",
points=((1, 0.9), (2, 0.8)))], title="...", x="turn", y="share")`` starts with ``<svg``.

Axes and text take the page's own colour (``currentColor``), so they are as readable on dark as on
light; text stays text. Equal inputs give equal bytes: no date, and ids that hash the content.
"""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

COLOURS = ("#3b82d6", "#d97706", "#0f9d76", "#a855c7", "#d64550")
"""Told apart by the colour-blind, and with a contrast of 3 to 1 on white and near black."""

_INK = "#123456"
"""Drawn with this and then replaced by ``currentColor``."""

_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9-]")
_SIZE = (6.2, 3.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A line of a plot.

    Attributes:
        label: for the legend.
        points: (x, y).
        colour: index into COLOURS.
        dashed: broken line with marks: tells it from others without colour.
    """

    label: str
    points: Sequence[tuple[float, float]]
    colour: int = 0
    dashed: bool = False


def line_plot(
    key: str,
    lines: Sequence[Line],
    *,
    title: str,
    x: str,
    y: str,
    share: bool = False,
) -> str:
    """Return the SVG of lines over a common axis.

    Args:
        key: names the plot within its page; starts every id.
        lines: at least one point each.
        title: above it.
        x: name and unit of the horizontal axis.
        y: likewise of the vertical one.
        share: the vertical axis runs from 0 to 1; otherwise from 0 to what is needed.
    """
    with rc_context(_settings(key)):
        figure, axes = _axes(title, x, y)
        for line in lines:
            axes.plot(
                [point[0] for point in line.points],
                [point[1] for point in line.points],
                label=line.label,
                color=COLOURS[line.colour % len(COLOURS)],
                linestyle="--" if line.dashed else "-",
                marker="o" if line.dashed or len(line.points) == 1 else None,
                markersize=3,
                linewidth=1.5,
            )
        axes.set_ylim(bottom=0, top=1 if share else None)
        if len(lines) > 1:
            figure.legend(frameon=False, fontsize=8, labelcolor=_INK, loc="outside right upper")
        return _svg(figure, key, title)


def reliability_plot(
    key: str,
    before: Sequence[tuple[float, float, int]],
    after: Sequence[tuple[float, float, int]],
    *,
    title: str,
) -> str:
    """Return the SVG of a reliability diagram: confidence against share right, and the diagonal.

    Args:
        key: names the plot within its page.
        before: (mean confidence, share right, count) of each bin at temperature 1.
        after: the same at the fitted temperature.
        title: above it.
    """
    most = max((count for _, _, count in (*before, *after)), default=1)
    with rc_context(_settings(key)):
        figure, axes = _axes(title, "confidence", "share right", size=(3.6, 3.4))
        axes.plot([0, 1], [0, 1], color=_INK, linewidth=0.8, linestyle=":")
        for number, (label, bars, mark) in enumerate(
            (("temperature 1", before, "s"), ("fitted", after, "o"))
        ):
            colour = COLOURS[number]
            confidence, right = [bar[0] for bar in bars], [bar[1] for bar in bars]
            axes.plot(confidence, right, color=colour, linewidth=1, label=label, marker=mark, ms=3)
            # The area of a mark tells how many claims it stands for.
            axes.scatter(
                confidence, right, s=[90 * bar[2] / most for bar in bars], color=colour, alpha=0.35
            )
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        axes.set_aspect("equal")
        axes.legend(frameon=False, fontsize=8, labelcolor=_INK, loc="upper left")
        return _svg(figure, key, title)


def _settings(key: str) -> dict[Any, Any]:
    return {
        "svg.hashsalt": f"todserve:{key}",
        "svg.fonttype": "none",  # letters, not outlines: small, searchable, in the page's font
        "font.family": "sans-serif",
        "font.size": 9,
        # A dollar sign in a name begins no formula.
        "text.parse_math": False,
    }


def _axes(title: str, x: str, y: str, size: tuple[float, float] = _SIZE) -> tuple[Figure, Axes]:
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasSVG(figure)
    figure.patch.set_visible(False)
    axes = figure.add_subplot()
    axes.patch.set_visible(False)
    axes.set_title(title, color=_INK, fontsize=10)
    axes.set_xlabel(x, color=_INK)
    axes.set_ylabel(y, color=_INK)
    axes.tick_params(colors=_INK, labelcolor=_INK)
    for spine in axes.spines.values():
        spine.set_edgecolor(_INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=_INK, alpha=0.15, linewidth=0.6)
    return figure, axes


def _svg(figure: Figure, key: str, title: str) -> str:
    written = io.StringIO()
    # Any date would make equal reports differ.
    figure.savefig(written, format="svg", metadata={"Date": None})
    text = written.getvalue()
    # Inside a page there is no prolog, and namespaces are known: no address is left.
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", text)
    # Whoever named the plot wrote no markup into the page by that.
    named = _NOT_IN_IDS.sub("-", key)
    text = re.sub(r'\b(id="|href="#|url\(#)', rf"\g<1>{named}-", text)
    label = f'<svg role="img" aria-label="{escape(title)}"'
    return text.replace(_INK, "currentColor").replace("<svg", label, 1).strip()
