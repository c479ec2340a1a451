"""Overheads with their intervals, one below the other, and the margin as a band."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from raskd_bench.report.describe import place_of
from raskd_bench.report.figure_style import (
    BAND,
    COLOURS,
    GREY,
    MOST_TITLE,
    finite,
    label,
    new_figure,
)
from raskd_bench.report.overhead_tables import OverheadTable
from raskd_bench.report.wording import relative
from raskd_bench.stats import Estimate, Verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDE = 5  # margins: beyond, the band would be too thin to read
ROOM = 1.3  # to the right of the largest value
TICKS = (5, 10, 20, 50, 100, 200, 500, 1000)  # percent
ROW_INCHES, FRAME_INCHES = 0.17, 0.75
BLUE, VERMILION = COLOURS[1], COLOURS[2]
# shape as well as colour tells the verdict
LOOKS = {
    Verdict.supported: ("o", BLUE), Verdict.refuted: ("X", VERMILION),
    Verdict.faster: ("<", VERMILION), Verdict.inconclusive: ("D", GREY),
    Verdict.invalid: ("x", GREY),
}  # fmt: skip


@dataclass(frozen=True)
class Bar:
    """A line of the figure: overhead in percent.

    Attributes:
        name: of the method, or of the control.
        value: estimate.
        low: bound of its interval.
        high: likewise.
        verdict: decides its look.
    """

    name: str
    value: float
    low: float
    high: float
    verdict: Verdict


def draw_forest(table: OverheadTable) -> "Figure | None":
    """Return the figure of a cell and mode; None where nothing was timed."""
    bars = bars_of(table)
    if not bars:
        return None
    header = table.group.header
    margin = 100 * header.rules.margins[0]
    figure, axes = new_figure(0, FRAME_INCHES + ROW_INCHES * len(bars))
    axes.axvspan(-margin, margin, color=BAND, linewidth=0, zorder=0)
    axes.axvline(0.0, color=GREY, linewidth=0.6, zorder=1)
    for place, bar in enumerate(bars):
        shape, colour = LOOKS[bar.verdict]
        widths = finite([bar.value - bar.low, bar.high - bar.value])
        axes.errorbar([bar.value], [place], xerr=[[widths[0]], [widths[1]]], fmt=shape,
                      color=colour, elinewidth=0.9, zorder=3)  # fmt: skip
    axes.set_yticks(range(len(bars)), [label(f"{bar.name}: {bar.verdict}") for bar in bars])
    axes.set_ylim(len(bars) - 0.5, -0.5)
    widest = max(abs(bound) for bar in bars for bound in finite([bar.value, bar.low, bar.high]))
    more = "; logarithmic beyond" if widest > WIDE * margin else ""
    if more:
        _bend(axes, margin, widest)
    figure.supxlabel(f"step time against {label(header.baseline)}, %\nband: ±{margin:g} %{more}")
    title = label(place_of(header.cell, None, header.mode), MOST_TITLE)
    figure.suptitle(title, x=0.01, horizontalalignment="left")
    return figure


def bars_of(table: OverheadTable) -> list[Bar]:
    """Return the A/A control, then the methods in the suite's order, those without a value out."""
    bars = []
    same = table.controls.same
    if same is not None:
        verdict = Verdict.supported if table.controls.fault is None else Verdict.invalid
        bars.append(_bar("A/A", same.found, verdict))
    bars += [_bar(row.name, row.decision.found, row.verdict) for row in table.rows]
    return [bar for bar in bars if math.isfinite(bar.value)]


def _bend(axes: "Axes", margin: float, widest: float) -> None:
    """Make the axis logarithmic beyond the margin, so that what lies inside it can be seen."""
    axes.set_xscale("symlog", linthresh=margin)
    axes.set_xlim(right=ROOM * widest)
    ticks = [-margin, 0.0, margin, *(tick for tick in TICKS if 2 * margin <= tick <= widest)]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xticks([], minor=True)


def _bar(name: str, found: Estimate, verdict: Verdict) -> Bar:
    value, low, high = (100 * relative(bound) for bound in found[:3])
    return Bar(name, value, low, high, verdict)
