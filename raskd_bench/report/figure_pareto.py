"""Accuracy against cost: a point a method with its intervals, and the front of the best."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from raskd_bench.report.describe import named
from raskd_bench.report.figure_style import (
    COLOURS,
    GREY,
    MOST_TITLE,
    add_legend,
    colour,
    finite,
    label,
    marker,
    new_figure,
)
from raskd_bench.report.tables import Table
from raskd_bench.stats import Interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COSTS = {"train_flops": "training FLOPs", "train_seconds": "training time"}


@dataclass(frozen=True)
class Point:
    """A method.

    Attributes:
        name: of its row.
        place: of its row in the table, which decides its colour.
        cost: ratio to the baseline.
        score: top-1 in percent.
    """

    name: str
    place: int
    cost: Interval
    score: Interval


def draw_pareto(table: Table, cost: str) -> "Figure | None":
    """Return the figure of a table; None where fewer than two methods have both numbers.

    Args:
        table: of trials.
        cost: a key of COSTS, drawn as a ratio to the baseline.
    """
    points = points_of(table, cost)
    if len(points) < 2:
        return None
    figure, axes = new_figure(len(points) + 1)
    for point in points:
        axes.errorbar(
            [point.cost.mean], [point.score.mean], xerr=finite([point.cost.half]),
            yerr=finite([point.score.half]), fmt=marker(point.place), color=colour(point.place),
            elinewidth=0.6, markeredgecolor=COLOURS[0], markeredgewidth=0.3,
            label=label(point.name), zorder=3,
        )  # fmt: skip
    best = front([(point.cost.mean, point.score.mean) for point in points])
    best.append((max(point.cost.mean for point in points), best[-1][1]))  # to the right edge
    axes.step(*zip(*best, strict=True), where="post", color=GREY, linewidth=0.8, zorder=1,
              label="front: nothing cheaper is better")  # fmt: skip
    baseline = table.baseline.shown if table.baseline else ""
    axes.set_xlabel(f"{COSTS[cost]}, ratio to {label(baseline)}")
    axes.set_ylabel("top-1 on the test split, %")
    axes.set_title(label_of(table), loc="left")
    add_legend(figure)
    return figure


def points_of(table: Table, cost: str) -> list[Point]:
    """Return the methods of which accuracy and cost are known; the baseline's cost is 1."""
    points = []
    for place, row in enumerate(table.rows):
        ratio = Interval(1.0, 0.0, 1) if row is table.baseline else table.ratio(row, cost)
        score = row.interval("test_top1")
        if ratio is not None and math.isfinite(score.mean):
            percent = Interval(100 * score.mean, 100 * score.half, score.num_values)
            points.append(Point(row.shown, place, ratio, percent))
    return points


def front(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the points than which nothing cheaper is as good, the cheapest first.

    Args:
        points: cost and score.
    """
    best: list[tuple[float, float]] = []
    for cost, score in sorted(points, key=lambda point: (point[0], -point[1])):
        if not best or score > best[-1][1]:
            best.append((cost, score))
    return best


def label_of(table: Table) -> str:
    """Return data and student of a table, short enough for one column."""
    names = [named(table.conditions[part]) for part in ("data", "student")]
    return label(", ".join(names), MOST_TITLE)
