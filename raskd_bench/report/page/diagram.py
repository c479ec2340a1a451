"""The reliability diagram as plotly's figure; below it, how often each confidence is said."""

from collections.abc import Iterator

from raskd_bench.report.page.charts import NEUTRAL, Calibration
from raskd_bench.report.page.safe import chart_label, chart_text
from raskd_bench.report.page.traces import (
    TITLE_FONT,
    Figure,
    colour_of,
    dash_of,
    frame,
    rounded,
    symbol_of,
)
from raskd_bench.report.reliability import Reliability
from raskd_bench.report.wording import several

HEIGHT = 520  # pixels, without the legend
UPPER, LOWER = [0.33, 1.0], [0.0, 0.22]  # shares of the height


def diagram(chart: Calibration) -> Figure:
    """Return the figure: accuracy above, the share of images in each bin below."""
    layout = frame(chart.axis, "accuracy, %") | {"height": HEIGHT}
    layout["xaxis"] |= {"range": [-1, 101], "anchor": "y2"}
    layout["yaxis"] |= {"range": [-2, 102], "domain": UPPER}
    layout["yaxis2"] = {"title": {"text": "images, %", "font": TITLE_FONT}, "automargin": True,
                        "zeroline": False, "rangemode": "tozero", "domain": LOWER}  # fmt: skip
    layout["shapes"] = [{"type": "line", "xref": "x", "yref": "y", "x0": 0, "y0": 0, "x1": 100,
                         "y1": 100, "line": {"width": 1.5, "dash": "dot", "color": NEUTRAL},
                         "layer": "below"}]  # fmt: skip
    traces = [trace for line in chart.lines for trace in _line(line)]
    return {"data": traces, "layout": layout}


def _line(line: Reliability) -> Iterator[Figure]:
    """Yield the accuracies, then the shares of images as steps."""
    look = {"color": colour_of(line), "width": 2, "dash": dash_of(line)}
    points = line.points
    head = f"{chart_text(line.label)} ({several(line.seeds, 'seed')})<br>"
    yield {
        "type": "scatter", "mode": "lines+markers",
        "name": f"{chart_label(line.label)}{_error(line)}", "legendgroup": str(line.index),
        "x": [rounded(x) for x, _, _ in points], "y": [rounded(y) for _, y, _ in points],
        "line": look, "marker": {"symbol": symbol_of(line), "size": 7}, "hoverinfo": "text",
        "hovertext": [f"{head}confidence {x:.1f} %, right {y:.1f} %<br>"
                      f"{found.count:,} images, {found.share:.1f} % of all"
                      for x, y, found in points],
    }  # fmt: skip
    shares = [found.share for found in line.bins]
    yield {
        "type": "scatter", "mode": "lines", "name": "", "legendgroup": str(line.index),
        "showlegend": False, "hoverinfo": "skip", "yaxis": "y2",
        "x": list(map(rounded, line.edges)), "y": [rounded(y) for y in (*shares, shares[-1])],
        "line": look | {"shape": "hv"},
    }  # fmt: skip


def _error(line: Reliability) -> str:
    return f": ECE {line.ece} %" if line.ece else ""
