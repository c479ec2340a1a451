"""Pictures as plotly's figures: plain dictionaries, made without plotly.

Colours of text, paper and grid are left to the page, which knows whether it is light or dark.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from raskd_bench.report.page.charts import (
    COLOURS,
    NEUTRAL,
    VERDICTS,
    Band,
    Bars,
    Calibration,
    Chart,
    Curves,
    Drawing,
    Forest,
)
from raskd_bench.report.page.diagram import diagram
from raskd_bench.report.page.safe import chart_label, chart_text, clean
from raskd_bench.report.page.traces import (
    TRANSPARENT,
    Figure,
    area,
    colour_of,
    dash_of,
    frame,
    rounded,
    symbol_of,
)
from raskd_bench.report.paired import GAIN, ONE_AFTER_ANOTHER, Paired, PairedPoint, Span

VERDICT_SYMBOLS = {"supported": "circle", "refuted": "x", "inconclusive": "diamond-open",
                   "faster-than-margin": "triangle-left", "invalid": "square-open",
                   "control": "line-ns-open"}  # fmt: skip
ROW_HEIGHT, FRAME_HEIGHT = 30, 130  # pixels


def figures(drawings: Mapping[str, Sequence[Drawing]]) -> dict[str, Any]:
    """Return what the page's script draws: by section, names and figures."""
    return {
        section: [
            {"name": clean(item.title),
             "choices": [{"name": clean(chart.axis), "figure": figure(chart)}
                         for chart in item.charts]}
            for item in items
        ]
        for section, items in drawings.items()
    }  # fmt: skip


def figure(chart: Chart) -> Figure:
    """Return a picture as plotly takes it."""
    match chart:
        case Paired():
            return _paired(chart)
        case Forest():
            return _forest(chart)
        case Curves():
            return _curves(chart)
        case Bars():
            return _bars(chart)
        case Calibration():
            return diagram(chart)


def _paired(chart: Paired) -> Figure:
    layout = frame(chart.axis, GAIN)
    guide = {"type": "line", "line": {"width": 1, "dash": "dot", "color": NEUTRAL},
             "layer": "below"}  # fmt: skip
    layout["shapes"] = [
        guide | {"xref": "x", "yref": "paper", "x0": 1, "x1": 1, "y0": 0, "y1": 1},
        guide | {"xref": "paper", "yref": "y", "x0": 0, "x1": 1, "y0": 0, "y1": 0},
    ]
    return {"data": [_point(point, chart.axis) for point in chart.points], "layout": layout}


def _point(point: PairedPoint, axis: str) -> Figure:
    text = f"{chart_text(point.label)}<br>"
    if not point.baseline:
        text += f"top-1: {_in_words(point.y, '+')} pp<br>{chart_text(axis)}: {_in_words(point.x)}"
        text += f"<br>{ONE_AFTER_ANOTHER}" * point.hollow
    return {
        "type": "scatter", "mode": "markers", "name": chart_label(point.label),
        "legendgroup": str(point.index), "x": [rounded(point.x.value)],
        "y": [rounded(point.y.value)], "error_x": _error(point.x), "error_y": _error(point.y),
        "marker": {"color": colour_of(point), "symbol": symbol_of(point) + "-open" * point.hollow,
                   "size": 11, "line": {"width": 2 if point.hollow else 1,
                                        "color": colour_of(point)}},
        "hoverinfo": "text", "hovertext": [text],
    }  # fmt: skip


def _forest(chart: Forest) -> Figure:
    verdicts = list(dict.fromkeys(row.verdict for row in chart.rows))
    traces = [_of_verdict(chart, verdict) for verdict in verdicts]
    layout = frame(chart.axis, "") | _height(len(chart.rows))
    layout["yaxis"] |= _names([row.label for row in chart.rows])
    band = {"type": "rect", "xref": "x", "yref": "paper", "x0": chart.low, "x1": chart.high,
            "y0": 0, "y1": 1, "fillcolor": NEUTRAL + TRANSPARENT, "line": {"width": 0},
            "layer": "below"}  # fmt: skip
    zero = {"type": "line", "xref": "x", "yref": "paper", "x0": 0, "x1": 0, "y0": 0, "y1": 1,
            "line": {"width": 1, "color": NEUTRAL}, "layer": "below"}  # fmt: skip
    layout["shapes"] = [band, zero]
    return {"data": traces, "layout": layout}


def _of_verdict(chart: Forest, verdict: str) -> Figure:
    rows = [(k, row) for k, row in enumerate(chart.rows) if row.verdict == verdict]
    colour = VERDICTS.get(verdict, NEUTRAL)
    return {
        "type": "scatter", "mode": "markers", "name": verdict,
        "x": [rounded(row.span.value) for _, row in rows], "y": [k for k, _ in rows],
        "error_x": _errors([row.span for _, row in rows]),
        "marker": {"color": colour, "symbol": VERDICT_SYMBOLS.get(verdict, "circle"), "size": 11,
                   "line": {"width": 2, "color": colour}},
        "hoverinfo": "text",
        "hovertext": [f"{chart_text(row.label)}<br>{chart_text(row.text)}<br>{verdict}"
                      for _, row in rows],
    }  # fmt: skip


def _curves(chart: Curves) -> Figure:
    traces = [trace for band in chart.bands for trace in _curve(band)]
    return {"data": traces, "layout": frame(chart.axis, "top-1, %")}


def _curve(band: Band) -> Iterator[Figure]:
    """Yield the range over the seeds, then the mean."""
    if band.seeds > 1:
        x, y = (*band.x, *reversed(band.x)), (*band.low, *reversed(band.high))
        yield area(band.index, colour_of(band), x, y)
    yield {
        "type": "scatter", "mode": "lines+markers", "name": chart_label(band.label),
        "legendgroup": str(band.index),
        "x": list(map(rounded, band.x)), "y": list(map(rounded, band.mean)),
        "line": {"color": colour_of(band), "width": 2,
                 "dash": dash_of(band)},
        "marker": {"symbol": symbol_of(band), "size": 6},
        "hovertemplate": f"{chart_label(band.label).replace('%', '&#37;')}: %{{y:.2f}} %"
                         "<extra></extra>",
    }  # fmt: skip


def _bars(chart: Bars) -> Figure:
    traces = [
        {"type": "bar", "orientation": "h", "name": name, "y": list(range(len(values))),
         "x": list(map(rounded, values)), "marker": {"color": COLOURS[k]},
         "hovertemplate": f"{name}: %{{x:.3g}} s<extra></extra>"}
        for k, (name, values) in enumerate(chart.parts)
    ]  # fmt: skip
    layout = frame(chart.axis, "") | {"barmode": "stack"} | _height(len(chart.labels))
    layout["yaxis"] |= _names(chart.labels)
    return {"data": traces, "layout": layout}


def _names(labels: Sequence[str]) -> Figure:
    """Return an axis with one name a row, the first at the top."""
    rows = len(labels)
    return {"tickmode": "array", "tickvals": list(range(rows)),
            "ticktext": list(map(chart_label, labels)), "range": [rows - 0.4, -0.6]}  # fmt: skip


def _height(rows: int) -> Figure:
    return {"height": FRAME_HEIGHT + ROW_HEIGHT * rows}


def _error(span: Span) -> Figure:
    return _errors([span])


def _errors(spans: Sequence[Span]) -> Figure:
    return {
        "type": "data", "symmetric": False, "thickness": 1.5, "width": 4,
        "array": [rounded(0.0 if s.high is None else s.high - s.value) for s in spans],
        "arrayminus": [rounded(0.0 if s.low is None else s.value - s.low) for s in spans],
        "visible": any(s.low is not None for s in spans),
    }  # fmt: skip


def _in_words(span: Span, sign: str = "") -> str:
    if span.low is None or span.high is None:
        return f"{span.value:{sign}.4g}"
    return f"{span.value:{sign}.4g} ({span.low:{sign}.4g} to {span.high:{sign}.4g})"
