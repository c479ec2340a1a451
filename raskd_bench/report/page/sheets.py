"""The tables of the page, each number with a link to the Records that it is the mean of."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from raskd_bench.report.cells import (
    DIFFERENCE,
    RANKED,
    columns_of,
    count,
    mebibytes,
    memory_field,
    notes_of,
    seconds,
    title_of,
)
from raskd_bench.report.chance import chance_of, difference_of
from raskd_bench.report.overhead_tables import OverheadRow, OverheadTable
from raskd_bench.report.page.anchors import Anchors
from raskd_bench.report.page.curves import SECONDS, Standing, at_equal_seconds, bands
from raskd_bench.report.page.parts import Cell, Sheet
from raskd_bench.report.reliability import without_bins
from raskd_bench.report.spreads import shown, spread
from raskd_bench.report.tables import Row, Table
from raskd_bench.report.wording import relative

# by column of the main table: what a Record's field it is sorted by, and whether as a ratio
SORTED_BY = {
    RANKED: ("test_top1", "amount"), DIFFERENCE: ("test_top1", "difference"),
    "NLL": ("test_nll", "amount"), "ECE %": ("test_ece", "amount"),
    "step time": ("step_seconds", "ratio"), "train time": ("train_seconds", "ratio"),
    "step FLOPs": ("step_flops", "ratio"), "train FLOPs": ("train_flops", "ratio"),
    "memory": ("", "ratio"),
}  # fmt: skip
CURVE_POINTS = 200
EQUAL_SECONDS = (
    "read off the curves of means over seeds, between evaluations by straight lines; a schedule "
    "that decays with the spent budget is not at its end there, so a row says who leads on the "
    "way, not who would win a shorter training"
)

Column = tuple[str, Callable[[Row], tuple[str, float]]]


def _mean(field: str, text: Callable[[float], str]) -> Callable[[Row], tuple[str, float]]:
    """Return what prints the mean over seeds of a Record's field."""

    def made(row: Row) -> tuple[str, float]:
        mean = row.interval(field).mean
        return (text(mean), mean) if math.isfinite(mean) else ("", math.nan)

    return made


def _spread(field: str, scale: float = 1.0, most: int = 2) -> Callable[[Row], tuple[str, float]]:
    """Return what prints the mean over seeds with its interval."""

    def made(row: Row) -> tuple[str, float]:
        found = row.interval(field)
        return shown(found, scale, most), found.mean

    return made


def _score(field: str, scale: float = 1.0, most: int = 2) -> Callable[[Row], tuple[str, float]]:
    """Return what prints a score with its interval over all sources of chance that are known."""

    def made(row: Row) -> tuple[str, float]:
        found = chance_of(row, field)
        return spread(found, scale, most), math.nan if found is None else found.mean

    return made


def _whole(value: float) -> str:
    return f"{value:,.0f}"


LEDGER: tuple[Column, ...] = (
    ("steps", _mean("steps", _whole)),
    ("epochs", _mean("epochs", lambda value: f"{value:,.4g}")),
    ("images drawn", _mean("images_drawn", _whole)),
    ("unique images", _mean("images_unique", _whole)),
    ("forwarded with gradient", _mean("images_forwarded", _whole)),
    ("forwarded without", _mean("images_forwarded_without_gradient", _whole)),
    ("backwarded", _mean("images_backwarded", _whole)),
    ("train FLOPs", _mean("train_flops", count)),
    ("a teacher's part", _mean("preparation_flops", count)),
    ("train seconds", _spread("train_seconds", most=3)),
    ("energy J", _spread("energy_joules")),
)
CALIBRATION: tuple[Column, ...] = (
    ("ECE %", _score("test_ece", 100)),
    ("NLL", _score("test_nll", most=3)),
    ("AURC %", _score("test_aurc", 100, 4)),
    ("top-1 %", _score("test_top1", 100)),
)
PHASES: tuple[Column, ...] = (
    ("set-up", _mean("setup_seconds", seconds)),
    ("training", _mean("train_seconds", seconds)),
    ("wait for data in it", _mean("data_wait_seconds", seconds)),
    ("a teacher's part of it", _mean("preparation_seconds", seconds)),
    ("evaluation", _mean("eval_seconds", seconds)),
    ("input/output", _mean("io_seconds", seconds)),
    ("wall clock", _mean("wall_seconds", seconds)),
    ("peak allocated", _mean("peak_allocated_bytes", mebibytes)),
    ("peak reserved", _mean("peak_reserved_bytes", mebibytes)),
    ("peak of the host", _mean("peak_host_bytes", mebibytes)),
    ("state between steps", _mean("state_bytes", lambda value: f"{value:,.0f} B")),
)


def main_sheet(table: Table, anchors: Anchors) -> Sheet:
    """Return accuracy and cost, as every other format prints them, the best method first."""
    printed, _ = columns_of(table, wide=True)
    rows = [
        tuple(Cell(text, anchors.row(row) if text else None, _sort_value(table, row, name))
              for name, text in cells.items())
        for row, cells in sorted(zip(table.rows, printed, strict=True),
                                 key=lambda pair: _rank(table, pair[0]))
    ]  # fmt: skip
    return Sheet(title_of(table), tuple(printed[0]), tuple(rows), tuple(notes_of(table)))


def _rank(table: Table, row: Row) -> tuple[int, float]:
    """Return what methods are sorted by: the baseline first, then by their difference to it."""
    if row is table.baseline:
        return 0, 0.0
    found = difference_of(table, row, "test_top1")
    return (2, 0.0) if found is None else (1, -found.mean)


def _sort_value(table: Table, row: Row, name: str) -> float | None:
    """Return what a printed cell is sorted by: the baseline's amounts are ratios of 1."""
    field, kind = SORTED_BY.get(name, ("", ""))
    field = memory_field(table) if name == "memory" else field
    if not field or not row.done:
        return None
    if kind == "amount" or table.baseline is None:
        return finite(row.interval(field).mean)
    if row is table.baseline:
        return 1.0 if kind == "ratio" else 0.0
    found = table.ratio(row, field) if kind == "ratio" else table.difference(row, field)
    return None if found is None else finite(found.mean)


def ledger_sheet(table: Table, anchors: Anchors) -> Sheet:
    """Return what each method used up, in every unit."""
    return _sheet(table, anchors, LEDGER)


def calibration_sheet(table: Table, anchors: Anchors) -> Sheet:
    """Return how far confidences are from accuracies, and of which methods no diagram is drawn."""
    note = without_bins(table)
    return replace(_sheet(table, anchors, CALIBRATION), notes=(note,) if note else ())


def phase_sheet(table: Table, anchors: Anchors) -> Sheet:
    """Return where the seconds and the bytes went."""
    return _sheet(table, anchors, PHASES)


def _sheet(table: Table, anchors: Anchors, columns: Sequence[Column]) -> Sheet:
    """Return a table of some columns; one that is empty in every row is left out."""
    cells = [[made(row) for _, made in columns] for row in table.rows]
    kept = [k for k in range(len(columns)) if any(row[k][0] for row in cells)]
    rows = [
        (Cell(row.shown, anchors.row(row)), *(_linked(*line[k], anchors.row(row)) for k in kept))
        for row, line in zip(table.rows, cells, strict=True)
    ]
    return Sheet(title_of(table), ("method", *(columns[k][0] for k in kept)), tuple(rows))


def _linked(text: str, value: float, anchor: str) -> Cell:
    return Cell(text, anchor if text else None, finite(value))


def overhead_sheet(table: OverheadTable, anchors: Anchors) -> Sheet:
    """Return the step times of a campaign; each number leads to its file of blocks."""
    first, *lines = table.cells()
    base = next((anchors.file(item.path) for item in table.group.same), None)
    rows = [_overhead_row(first, base, 0.0)]
    rows += [_overhead_row(cells, anchors.file(row.comparison.path), _overhead(row))
             for row, cells in zip(table.rows, lines, strict=True)]  # fmt: skip
    return Sheet(table.title, tuple(table.head), tuple(rows), tuple(table.notes))


def _overhead_row(cells: Sequence[str], anchor: str | None, value: float) -> tuple[Cell, ...]:
    return tuple(Cell(text, anchor if text else None, finite(value) if column == 1 else None)
                 for column, text in enumerate(cells))  # fmt: skip


def _overhead(row: OverheadRow) -> float:
    return relative(row.decision.found.value)


def equal_seconds_sheet(table: Table, anchors: Anchors) -> Sheet | None:
    """Return who leads at equal training time, or None where nobody was evaluated."""
    places = {row.shown: anchors.row(row) for row in table.rows}
    lines = at_equal_seconds(bands(table, SECONDS, CURVE_POINTS))
    rows = [_leader(spent, found, places) for spent, found in lines if found]
    head = ("training time", "highest mean top-1", "%", "next", "%", "seeds' ranges")
    return Sheet(title_of(table), head, tuple(rows), (EQUAL_SECONDS,)) if rows else None


def _leader(spent: float, found: Sequence[Standing], places: dict[str, str]) -> tuple[Cell, ...]:
    first, following = found[0], found[1] if len(found) > 1 else None
    cells = [Cell(seconds(spent), None, spent), *_standing(first, places)]
    if following is None:
        return (*cells, Cell(""), Cell(""), Cell("the only one evaluated by then"))
    return (*cells, *_standing(following, places), Cell(_apart(first, found[1:])))


def _apart(first: Standing, others: Sequence[Standing]) -> str:
    if min(standing.seeds for standing in (first, *others)) < 2:
        return "not of several seeds: no leader"
    clear = first.low > max(other.high for other in others)
    return "apart from all others" if clear else "overlap: no leader"


def _standing(standing: Standing, places: dict[str, str]) -> tuple[Cell, Cell]:
    text = f"{standing.mean:.1f}"
    if standing.seeds > 1:
        text += f" ({standing.low:.1f} to {standing.high:.1f})"
    anchor = places[standing.label]
    return Cell(standing.label, anchor), Cell(text, anchor, standing.mean)


def finite(value: float) -> float | None:
    """Return a number that a page can hold."""
    return value if math.isfinite(value) else None
