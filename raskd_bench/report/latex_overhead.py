"""A table of paired timing as LaTeX: ratio with its interval, and verdict; controls below."""

import math
from collections.abc import Iterator

from raskd_bench.report.latex_tables import Line, Marks, Sheet, slug
from raskd_bench.report.latex_text import escaped, number
from raskd_bench.report.overhead_tables import OverheadRow, OverheadTable
from raskd_bench.report.wording import relative
from raskd_bench.stats import Interval

MOST_DECIMALS = 5  # of a ratio: finer than any host resolves
NUMBERS = "in brackets: half-width of the interval beside it, in units of the last digit"


def overhead_sheet(table: OverheadTable, place: int) -> Sheet:
    """Return a table of a campaign.

    Args:
        table: of one cell and mode.
        place: of the table in the report, from 0: part of the name that a paper refers to.
    """
    marks = Marks()
    base, *cells = table.cells()
    lines = [Line(escaped(base[0]), _texts(base[1:]))]
    for row, texts in zip(table.rows, cells, strict=True):
        name = escaped(row.name) + marks.of(row.comparison.header.footnote)
        lines.append(Line(name, [_ratio(row), *_texts(texts[2:])]))
    header = table.group.header
    return Sheet(
        escaped(table.title), slug(table.campaign.suite, header.mode, f"overhead {place + 1}"),
        list(map(escaped, table.head)), lines,
        [*_controls(table), *marks.notes(), *_notes(table)],
    )  # fmt: skip


def _ratio(row: OverheadRow) -> str:
    """Return the ratio of step times as a number of siunitx."""
    value, low, high = (1 + relative(x) for x in row.decision.found[:3])
    if not math.isfinite(value):
        return ""
    return number(Interval(value, (high - low) / 2, row.decision.restarts), most=MOST_DECIMALS)


def _texts(cells: list[str]) -> list[str]:
    return [f"{{{escaped(cell).replace(' ', '~')}}}" if cell else "" for cell in cells]


def _controls(table: OverheadTable) -> Iterator[tuple[str, str]]:
    yield from (("", escaped(line)) for line in table.controls.lines())


def _notes(table: OverheadTable) -> Iterator[tuple[str, str]]:
    """Yield what stands below the table, without what has a mark."""
    marked = {f"* {row.name}: {row.comparison.header.footnote}" for row in table.rows}
    yield from (("", escaped(note.removeprefix("* "))) for note in table.notes
                if note not in marked)  # fmt: skip
    yield "", escaped(NUMBERS)
