"""The same pictures as small SVG for a page without plotly, drawn with matplotlib.

Text stays text; colours of text and lines are the page's own, so that both themes can be read.
"""

import math
import warnings
from collections.abc import Mapping, Sequence
from io import StringIO
from itertools import count
from typing import TYPE_CHECKING, Any

from raskd_bench.report.page.charts import (
    COLOURS,
    NEUTRAL,
    VERDICTS,
    Bars,
    Calibration,
    Chart,
    Curves,
    Drawing,
    Forest,
)
from raskd_bench.report.page.safe import short
from raskd_bench.report.page.svg import inline
from raskd_bench.report.paired import GAIN, Paired, Span

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_TABLES = 12  # whose pictures are drawn: a third of a second and 20 kB each
LEFT_OUT = "Pictures are drawn for the first {drawn} of {all} tables; without --static, for all."
TEXT, LINE = "#1b1f24", "#d5d9e1"  # stand for the page's colours, and for nothing else
THEME = {TEXT: "currentColor", LINE: "var(--line)"}
STYLE: Any = {
    "svg.fonttype": "none", "svg.hashsalt": "raskd-bench", "text.parse_math": False,
    "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"], "font.size": 9.5,
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
    "axes.axisbelow": True, "grid.color": LINE, "axes.edgecolor": LINE, "text.color": TEXT,
    "axes.labelcolor": TEXT, "xtick.color": TEXT, "ytick.color": TEXT, "legend.frameon": False,
    "legend.fontsize": 8.5,
}  # fmt: skip
NO_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))
MARKERS = ("o", "s", "D", "^", "P", "v", "*")
DASHES = ("-", "--", ":", "-.")
VERDICT_MARKERS = {"supported": "o", "refuted": "x", "inconclusive": "D", "invalid": "s",
                   "faster-than-margin": "<", "control": "|"}  # fmt: skip
WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 4.0, 2.9, 0.64, 0.5, 0.08  # inches, as all of these
ROW_HEIGHT, LETTER = 0.32, 0.075
LEGEND_ROW_HEIGHT, LEGEND_MARK, LEGEND_LETTER = 0.19, 0.5, 0.075
LONGEST_NAME = 22  # characters beside a row
FILL = 0.13


def pictures(
    drawings: Mapping[str, Sequence[Drawing]],
) -> tuple[dict[str, list[tuple[str, list[str]]]], str]:
    """Return by section the titles and SVG texts, and what is said if some are left out."""
    from matplotlib import rc_context

    numbers = count(1)
    with rc_context(STYLE), warnings.catch_warnings():
        # a browser has letters that matplotlib's font lacks
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        drawn = {
            section: [(item.title, [picture(chart, f"p{next(numbers)}") for chart in item.charts])
                      for item in items[:MOST_TABLES]]
            for section, items in drawings.items()
        }  # fmt: skip
    most = max(map(len, drawings.values()), default=0)
    return drawn, LEFT_OUT.format(drawn=MOST_TABLES, all=most) if most > MOST_TABLES else ""


def picture(chart: Chart, name: str) -> str:
    """Return a chart as an SVG element.

    Args:
        chart: what to draw.
        name: that tells its identifiers from those of other pictures on the page.
    """
    from matplotlib.figure import Figure

    figure = Figure()
    axes = figure.add_subplot()
    height, left = _draw(chart, axes)
    handles, labels = axes.get_legend_handles_labels()
    below = 0.0
    if labels:
        columns = _columns(labels)
        below = LEGEND_ROW_HEIGHT * math.ceil(len(labels) / columns)
        figure.legend(handles, labels, loc="lower center", ncols=columns, borderaxespad=0)
    whole = height + below
    figure.set_size_inches(WIDTH, whole)
    figure.subplots_adjust(left / WIDTH, (BOTTOM + below) / whole, 0.97, 1 - TOP / whole)
    text = StringIO()
    figure.savefig(text, format="svg", transparent=True, metadata=NO_METADATA)
    return inline(text.getvalue(), name, THEME)


def _columns(labels: Sequence[str]) -> int:
    """Return how many names of a legend fit beside each other."""
    longest = max(map(len, labels))
    return max(1, min(4, int(WIDTH / (LEGEND_MARK + LEGEND_LETTER * longest))))


def _draw(chart: Chart, axes: "Axes") -> tuple[float, float]:
    """Draw a chart; return its height and the room left of it, in inches."""
    axes.set_xlabel(short(chart.axis))
    match chart:
        case Paired():
            return _paired(chart, axes)
        case Forest():
            return _forest(chart, axes)
        case Curves():
            return _curves(chart, axes)
        case Bars():
            return _bars(chart, axes)
        case Calibration():
            return _calibration(chart, axes)


def _paired(chart: Paired, axes: "Axes") -> tuple[float, float]:
    axes.set_ylabel(GAIN)
    axes.axhline(0, color=NEUTRAL, linewidth=1, linestyle=":")
    axes.axvline(1, color=NEUTRAL, linewidth=1, linestyle=":")
    for point in chart.points:
        colour = _colour(point.index, point.baseline)
        axes.errorbar([point.x.value], [point.y.value], xerr=_error(point.x),
                      yerr=_error(point.y), color=colour, fmt="none", elinewidth=1,
                      capsize=2)  # fmt: skip
        axes.plot([point.x.value], [point.y.value], color=colour, markersize=6, linestyle="",
                  marker=MARKERS[point.index % len(MARKERS)],
                  markerfacecolor="none" if point.hollow else colour,
                  label=_label(point.label))  # fmt: skip
    return HEIGHT, LEFT


def _forest(chart: Forest, axes: "Axes") -> tuple[float, float]:
    axes.axvspan(chart.low, chart.high, color=NEUTRAL, alpha=FILL, linewidth=0)
    axes.axvline(0, color=NEUTRAL, linewidth=0.8)
    for place, row in enumerate(chart.rows):
        colour = VERDICTS.get(row.verdict, NEUTRAL)
        axes.errorbar([row.span.value], [place], xerr=_error(row.span), color=colour,
                      marker=VERDICT_MARKERS.get(row.verdict, "o"), markersize=6, elinewidth=1.4,
                      capsize=3, linestyle="")  # fmt: skip
    return _name_rows(axes, [f"{_cut(row.label)}\n{row.verdict}" for row in chart.rows])


def _curves(chart: Curves, axes: "Axes") -> tuple[float, float]:
    axes.set_ylabel("top-1, %")
    for band in chart.bands:
        colour = _colour(band.index, band.baseline)
        dash = DASHES[band.index // len(COLOURS) % len(DASHES)]
        if band.seeds > 1:
            axes.fill_between(band.x, band.low, band.high, color=colour, alpha=FILL, linewidth=0)
        axes.plot(band.x, band.mean, color=colour, linestyle=dash, linewidth=1.3, markersize=3,
                  marker=MARKERS[band.index % len(MARKERS)], label=_label(band.label))  # fmt: skip
    return HEIGHT, LEFT


def _bars(chart: Bars, axes: "Axes") -> tuple[float, float]:
    starts = [0.0] * len(chart.labels)
    for colour, (name, values) in zip(COLOURS, chart.parts, strict=False):
        axes.barh(range(len(values)), values, left=starts, color=colour, label=name)
        starts = [start + value for start, value in zip(starts, values, strict=True)]
    return _name_rows(axes, list(map(_cut, chart.labels)))


def _calibration(chart: Calibration, axes: "Axes") -> tuple[float, float]:
    from mpl_toolkits.axes_grid1 import make_axes_locatable

    below = make_axes_locatable(axes).append_axes("bottom", 0.6, pad=0.12, sharex=axes)
    axes.set_xlabel("")
    axes.tick_params(labelbottom=False)
    axes.set(ylabel="accuracy, %", xlim=(0, 100), ylim=(-2, 102))
    below.set(xlabel=short(chart.axis), ylabel="images, %")
    axes.plot([0, 100], [0, 100], linestyle=":", color=NEUTRAL, linewidth=1.2)
    for line in chart.lines:
        look: Any = {"color": _colour(line.index, line.baseline), "linewidth": 1.3,
                "linestyle": DASHES[line.index // len(COLOURS) % len(DASHES)]}  # fmt: skip
        x, y = [x for x, _, _ in line.points], [y for _, y, _ in line.points]
        name = f"{_cut(line.label)}: ECE {line.ece} %" if line.ece else _cut(line.label)
        axes.plot(x, y, markersize=4, marker=MARKERS[line.index % len(MARKERS)],
                  label=_label(name), **look)  # fmt: skip
        below.stairs([found.share for found in line.bins], line.edges, **look)
    return HEIGHT + 0.8, LEFT


def _name_rows(axes: "Axes", names: Sequence[str]) -> tuple[float, float]:
    """Name the rows of a chart; return its height and the room left of it, in inches."""
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(False, axis="y")
    longest = max((len(line) for name in names for line in name.split("\n")), default=0)
    return TOP + BOTTOM + ROW_HEIGHT * len(names), 0.2 + LETTER * longest


def _cut(text: str) -> str:
    name = short(text)
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def _label(text: str) -> str:
    """Return a name that matplotlib does not leave out of a legend."""
    name = short(text)
    return f" {name}" if name.startswith("_") else name


def _error(span: Span) -> list[list[float]] | None:
    if span.low is None or span.high is None:
        return None
    return [[span.value - span.low], [span.high - span.value]]


def _colour(index: int, baseline: bool) -> str:
    return NEUTRAL if baseline else COLOURS[index % len(COLOURS)]
