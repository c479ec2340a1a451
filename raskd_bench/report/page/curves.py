"""Learning curves over seeds: their mean and range, on an axis that the seeds share."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from raskd_bench.record import Record
from raskd_bench.report.alone import is_alone
from raskd_bench.report.cells import SUFFIXES
from raskd_bench.report.page.charts import Band, Curves
from raskd_bench.report.tables import Row, Table

MOST_POINTS = 200  # of a curve
FEWEST_POINTS = 8
ALL_POINTS = 40_000  # of a page
SHARES = (0.25, 0.5, 0.75, 1.0)

Series = list[tuple[float, float]]


class Axis(NamedTuple):
    """What a curve is drawn against: of a Record and a point of its curve, the position."""

    title: str
    place: Callable[[Record, dict[str, Any]], float | None]


class Standing(NamedTuple):
    """A method at one amount of training time."""

    label: str
    seeds: int
    mean: float
    low: float
    high: float


def _epoch(record: Record, point: dict[str, Any]) -> float | None:
    return number(point.get("epoch"))


def _seconds(record: Record, point: dict[str, Any]) -> float | None:
    """Return the training time so far; a teacher was trained before."""
    if not is_alone(record):
        return None
    own = number(point.get("train_seconds"))
    return None if own is None else number(own + (record.preparation_seconds or 0.0))


def _flops(record: Record, point: dict[str, Any]) -> float | None:
    step = number(point.get("step"))
    if step is None or record.step_flops is None:
        return None
    return number(step * record.step_flops + (record.preparation_flops or 0))


FLOPS = "training FLOPs"
SECONDS = Axis("training time, s", _seconds)
AXES = (Axis("epochs", _epoch), SECONDS, Axis(FLOPS, _flops))


def number(value: Any) -> float | None:
    """Return what is a finite number; a curve's points are not checked when a Record is read."""
    if type(value) is float:  # almost all are
        return value if math.isfinite(value) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:  # an integer of hundreds of digits
        return None
    return found if math.isfinite(found) else None


def points_for(tables: Sequence[Table]) -> int:
    """Return how many points each curve of a page may have, so that all of them stay light."""
    curves = len(AXES) * sum(len(table.rows) for table in tables)
    return max(FEWEST_POINTS, min(MOST_POINTS, ALL_POINTS // max(1, curves)))


def curves(table: Table, most: int) -> tuple[Curves, ...]:
    """Return a table's learning curves against each axis that its Records have."""
    made = [(axis.title, bands(table, axis, most)) for axis in AXES]
    return tuple(_in_large_units(title, found) for title, found in made if found)


def bands(table: Table, axis: Axis, most: int) -> tuple[Band, ...]:
    """Return the curve of each method that has one.

    Args:
        table: of one cell.
        axis: to draw against.
        most: points of a curve.
    """
    made = (_band(index, row, row is table.baseline, axis, most)
            for index, row in enumerate(table.rows))  # fmt: skip
    return tuple(band for band in made if band is not None)


def at_equal_seconds(found: Sequence[Band]) -> list[tuple[float, list[Standing]]]:
    """Return who stands where after shares of the time that the fastest method takes in all.

    Args:
        found: curves against training time.
    """
    if not found:
        return []
    shortest = min(band.x[-1] for band in found)
    return [(share * shortest, _standings(found, share * shortest)) for share in SHARES]


def _standings(found: Sequence[Band], seconds: float) -> list[Standing]:
    """Return the methods that were evaluated by then, the highest mean first."""
    made = [Standing(band.label, band.seeds, *(float(np.interp(seconds, band.x, values))
                                   for values in (band.mean, band.low, band.high)))
            for band in found if band.x[0] <= seconds]  # fmt: skip
    return sorted(made, key=lambda standing: -standing.mean)


def _band(index: int, row: Row, baseline: bool, axis: Axis, most: int) -> Band | None:
    series = [found for record in row.done if (found := _series(record, axis))]
    if not series:
        return None
    grid = _grid(series, most)
    values = np.array([np.interp(grid, [x for x, _ in points], [y for _, y in points])
                       for points in series])  # fmt: skip
    mean, low, high = values.mean(axis=0), values.min(axis=0), values.max(axis=0)
    return Band(row.shown, index, baseline, len(series), tuple(grid), tuple(mean.tolist()),
                tuple(low.tolist()), tuple(high.tolist()))  # fmt: skip


def _series(record: Record, axis: Axis) -> Series:
    """Return position and top-1 in percent of each evaluation, positions rising."""
    places = {}
    for point in record.curve:
        top1 = number(point.get("test_top1"))
        if top1 is not None and (x := axis.place(record, point)) is not None:
            places[x] = 100 * top1
    return sorted(places.items())


def _grid(series: Sequence[Series], most: int) -> list[float]:
    """Return the positions of the first seed if all share them, else evenly spread ones."""
    first = [x for x, _ in series[0]]
    if all([x for x, _ in points] == first for points in series) and len(first) <= most:
        return first
    low, high = max(points[0][0] for points in series), min(points[-1][0] for points in series)
    if low >= high:  # the seeds have no part in common
        return [high]
    count = min(most, max(len(points) for points in series))
    return [float(x) for x in np.linspace(low, high, max(2, count))]


def _in_large_units(title: str, found: tuple[Band, ...]) -> Curves:
    """Return curves; large counts with a prefix, so that an axis has short numbers."""
    largest = max(band.x[-1] for band in found)
    size, prefix = next(((s, p) for s, p in SUFFIXES if largest >= s), (1.0, ""))
    if title != FLOPS or not prefix:
        return Curves(title, found)
    scaled = (replace(band, x=tuple(x / size for x in band.x)) for band in found)
    return Curves(f"{title}, {prefix}FLOPs", tuple(scaled))
