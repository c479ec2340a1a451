"""What figures share: width, colours that the colour-blind tell apart, labels, the legend below."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from raskd_bench.report.grid import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMN_INCHES = 3.3
PLOT_INCHES = 2.1  # of height, without the legend
LEGEND_LINE_INCHES = 0.13
LEGEND_COLUMNS = 2
# Okabe and Ito; black is the baseline's, yellow comes last as it is faint on white
COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "h", "<", ">")
LINES = ("-", "--", ":", "-.")
GREY = "#777777"
BAND = "#DDDDDD"
MOST_LABEL = 30  # characters
MOST_TITLE = 52  # that fit above a plot


def new_figure(labels: int, height: float = PLOT_INCHES) -> "tuple[Figure, Axes]":
    """Return an empty figure of one column's width.

    Args:
        labels: that its legend will have.
        height: of the plot, in inches.
    """
    figure = _empty(labels, height)
    return figure, figure.add_subplot()


def new_panels(labels: int, height: float) -> "tuple[Figure, Axes, Axes]":
    """Return an empty figure of two plots that share an axis, the upper one three times higher.

    Args:
        labels: that its legend will have.
        height: of both plots, in inches.
    """
    figure = _empty(labels, height)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    return figure, upper, lower


def _empty(labels: int, height: float) -> "Figure":
    from matplotlib.figure import Figure

    legend = LEGEND_LINE_INCHES * math.ceil(labels / LEGEND_COLUMNS)
    return Figure(figsize=(COLUMN_INCHES, height + legend), layout="constrained")


def add_legend(figure: "Figure") -> None:
    """Put the legend below the plot."""
    figure.legend(loc="outside lower center", ncols=LEGEND_COLUMNS, handlelength=1.6,
                  columnspacing=1.0, labelspacing=0.25, borderaxespad=0.1)  # fmt: skip


def colour(place: int) -> str:
    """Return the colour of the row in that place."""
    return COLOURS[place % len(COLOURS)]


def marker(place: int) -> str:
    """Return the marker of the row in that place: colour and marker together name a row."""
    return MARKERS[place % len(MARKERS)]


def line_style(place: int) -> str:
    """Return the line of the row in that place."""
    return LINES[place // len(COLOURS) % len(LINES)]


def label(text: str, most: int = MOST_LABEL) -> str:
    """Return a name as a figure shows it: on one line, not too long, nothing that steers.

    Args:
        text: of a suite, so anything.
        most: characters.
    """
    shown = plain(text).encode("utf-8", "replace").decode()
    shown = shown if len(shown) <= most else f"{shown[: most - 1]}…"
    return f" {shown}" if shown.startswith("_") else shown  # matplotlib would leave it out


def finite(values: Sequence[float]) -> list[float]:
    """Return values with 0 for what is not finite: a width where there is no interval."""
    return [value if math.isfinite(value) else 0.0 for value in values]
