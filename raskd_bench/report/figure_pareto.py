"""Accuracy against cost, both relative to the baseline, which is at (1, 0)."""

from typing import TYPE_CHECKING

from raskd_bench.report.describe import named
from raskd_bench.report.figure_style import (
    COLOURS,
    GREY,
    MOST_TITLE,
    add_legend,
    colour,
    label,
    marker,
    new_figure,
)
from raskd_bench.report.paired import GAIN, ONE_AFTER_ANOTHER, Paired, PairedPoint, Span
from raskd_bench.report.tables import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_pareto(table: Table, picture: Paired | None) -> "Figure | None":
    """Return the figure of a table; None where there is no picture.

    Args:
        table: of trials.
        picture: of one cost of it.
    """
    if picture is None:
        return None
    figure, axes = new_figure(len(picture.points) + picture.hollow)
    axes.axhline(0, color=GREY, linewidth=0.6, linestyle=":", zorder=1)
    axes.axvline(1, color=GREY, linewidth=0.6, linestyle=":", zorder=1)
    for point in picture.points:
        _draw(axes, point)
    if picture.hollow:
        axes.plot([], [], marker="o", linestyle="", markerfacecolor="none", color=GREY,
                  label=ONE_AFTER_ANOTHER)  # fmt: skip
    axes.set_xlabel(label(picture.axis, MOST_TITLE))
    axes.set_ylabel(GAIN)
    axes.set_title(label_of(table), loc="left")
    add_legend(figure)
    return figure


def _draw(axes: "Axes", point: PairedPoint) -> None:
    own = colour(point.index)
    axes.errorbar(
        [point.x.value], [point.y.value], xerr=sides(point.x), yerr=sides(point.y),
        fmt=marker(point.index), color=own, elinewidth=0.6,
        markerfacecolor="none" if point.hollow else own,
        markeredgecolor=own if point.hollow else COLOURS[0],
        markeredgewidth=0.9 if point.hollow else 0.3, label=label(point.label), zorder=3,
    )  # fmt: skip


def sides(span: Span) -> list[list[float]] | None:
    """Return how far an interval reaches below and above, as matplotlib takes it; None without."""
    if span.low is None or span.high is None:
        return None
    return [[span.value - span.low], [span.high - span.value]]


def label_of(table: Table) -> str:
    """Return data and student of a table, short enough for one column."""
    names = [named(table.conditions[part]) for part in ("data", "student")]
    return label(", ".join(names), MOST_TITLE)
