"""What plotly's figures share: colours and marks of a method, coordinates, axes."""

from collections.abc import Sequence
from typing import Any, Protocol

from raskd_bench.report.page.charts import COLOURS, NEUTRAL
from raskd_bench.report.page.safe import chart_text

Figure = dict[str, Any]

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "triangle-down", "star")
DASHES = ("solid", "dash", "dot", "dashdot")
DIGITS = 5  # of a coordinate
TRANSPARENT = "22"  # of a fill, in hexadecimal
TITLE_FONT = {"size": 13}


class OfRow(Protocol):
    """What belongs to one method of a table."""

    @property
    def index(self) -> int: ...
    @property
    def baseline(self) -> bool: ...


def colour_of(item: OfRow) -> str:
    """Return the colour of a method: grey is the baseline's."""
    return NEUTRAL if item.baseline else COLOURS[item.index % len(COLOURS)]


def symbol_of(item: OfRow) -> str:
    """Return the mark of a method: colour and mark together name it."""
    return SYMBOLS[item.index % len(SYMBOLS)]


def dash_of(item: OfRow) -> str:
    """Return the line of a method."""
    return DASHES[item.index // len(COLOURS) % len(DASHES)]


def rounded(value: float | None) -> float | None:
    """Return a coordinate with the digits that a picture shows."""
    return None if value is None else float(f"{value:.{DIGITS}g}")


def area(index: int, colour: str, x: Sequence[float | None], y: Sequence[float | None]) -> Figure:
    """Return a filled area without a border or a name, shown and hidden with its method."""
    return {
        "type": "scatter", "mode": "lines", "fill": "toself", "fillcolor": colour + TRANSPARENT,
        "line": {"width": 0}, "x": list(map(rounded, x)), "y": list(map(rounded, y)),
        "legendgroup": str(index), "showlegend": False, "hoverinfo": "skip",
    }  # fmt: skip


def frame(x: str, y: str) -> Figure:
    """Return a layout with the titles of both axes."""
    return {
        "xaxis": {
            "title": {"text": chart_text(x), "font": TITLE_FONT},
            "automargin": True,
            "zeroline": False,
        },
        "yaxis": {"title": {"text": y, "font": TITLE_FONT}, "automargin": True, "zeroline": False},
        "margin": {"l": 48, "r": 12, "t": 16, "b": 48},
    }
