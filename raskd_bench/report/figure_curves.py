"""Learning curves: the mean over seeds, and a band from the worst to the best seed."""

import statistics
from typing import TYPE_CHECKING, NamedTuple

from raskd_bench.report.figure_pareto import label_of
from raskd_bench.report.figure_style import add_legend, colour, label, line_style, new_figure
from raskd_bench.report.tables import Row, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Evaluation(NamedTuple):
    """One evaluation of a method, over its seeds; scores in percent."""

    epoch: float
    mean: float
    low: float
    high: float


def draw_curves(table: Table) -> "Figure | None":
    """Return the figure of a table; None where no method was evaluated twice."""
    curves = {place: curve for place, row in enumerate(table.rows)
              if len(curve := curve_of(row)) > 1}  # fmt: skip
    if not curves:
        return None
    figure, axes = new_figure(len(curves))
    for place, curve in curves.items():
        epochs, means, lows, highs = zip(*curve, strict=True)
        name = label(table.rows[place].shown)
        axes.plot(epochs, means, color=colour(place), linestyle=line_style(place), label=name)
        axes.fill_between(epochs, lows, highs, color=colour(place), alpha=0.15, linewidth=0)
    axes.set_xlabel("epochs of the training split; band: worst to best seed")
    axes.set_ylabel("top-1 on the test split, %")
    axes.set_title(label_of(table), loc="left")
    add_legend(figure)
    return figure


def curve_of(row: Row) -> list[Evaluation]:
    """Return the evaluations that all seeds of a row have, in their order."""
    seeds = [[point for point in result.curve if point.get("test_top1") is not None]
             for result in row.done]  # fmt: skip
    made = []
    for points in zip(*seeds, strict=False):  # the k-th of every seed
        scores = [100 * point["test_top1"] for point in points]
        epoch = statistics.fmean(point["epoch"] for point in points)
        made.append(Evaluation(epoch, statistics.fmean(scores), min(scores), max(scores)))
    return made
