"""Accuracy against confidence, and below it how often each confidence is said."""

from typing import TYPE_CHECKING, Any

from raskd_bench.report.figure_pareto import label_of
from raskd_bench.report.figure_style import (
    GREY,
    PLOT_INCHES,
    add_legend,
    colour,
    label,
    line_style,
    marker,
    new_panels,
)
from raskd_bench.report.reliability import reliabilities
from raskd_bench.report.tables import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOWER_INCHES = 0.8
MOST_NAME = 17  # characters: the calibration error stands beside it


def draw_reliability(table: Table) -> "Figure | None":
    """Return the figure of a table; None where no Record holds the bins."""
    lines = reliabilities(table)
    if not lines:
        return None
    figure, upper, lower = new_panels(len(lines) + 1, PLOT_INCHES + LOWER_INCHES)
    upper.plot([0, 100], [0, 100], linestyle=":", color=GREY, linewidth=0.8,
               label="as often right as sure")  # fmt: skip
    for line in lines:
        look: dict[str, Any] = {"color": colour(line.index), "linestyle": line_style(line.index)}
        points = line.points
        name = label(line.label, MOST_NAME) + (f" ({line.ece})" if line.ece else "")
        upper.plot([x for x, _, _ in points], [y for _, y, _ in points], markersize=3,
                   marker=marker(line.index), label=name, **look)  # fmt: skip
        lower.stairs([found.share for found in line.bins], line.edges, **look)
    upper.set(xlim=(0, 100), ylim=(-2, 102), ylabel="accuracy, %")
    lower.set(xlabel="confidence on the test split, %; in brackets: ECE, %", ylabel="images, %")
    upper.set_title(label_of(table), loc="left")
    add_legend(figure)
    return figure
