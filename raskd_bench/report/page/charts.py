"""Pictures as data, before anything draws them: in the units of their axes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from raskd_bench.report.cells import SUFFIXES
from raskd_bench.report.overhead_tables import OverheadTable
from raskd_bench.report.reliability import Reliability, reliabilities
from raskd_bench.report.tables import Row, Table
from raskd_bench.report.wording import change, relative
from raskd_bench.stats import Estimate, Interval

# Okabe and Ito's colours that show on white and on black; no meaning rests on colour alone
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9")
NEUTRAL = "#808080"
VERDICTS = {"supported": "#009E73", "refuted": "#D55E00", "inconclusive": "#E69F00",
            "faster-than-margin": "#0072B2", "invalid": "#CC79A7"}  # fmt: skip


class Span(NamedTuple):
    """A number with its interval; bounds are None where one value gives none."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Point:
    """A method by cost and accuracy, both with intervals.

    Attributes:
        index: of its row, for its colour.
        on_front: no other method is both cheaper and better, by their means.
    """

    label: str
    index: int
    baseline: bool
    x: Span
    y: Span
    on_front: bool = False


@dataclass(frozen=True)
class Pareto:
    """Accuracy in percent against one cost."""

    axis: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Ratio:
    """A line of a forest plot: an overhead in percent."""

    label: str
    span: Span
    verdict: str
    text: str


@dataclass(frozen=True)
class Forest:
    """Overheads with the band inside which they count as none, in percent."""

    axis: str
    low: float
    high: float
    rows: tuple[Ratio, ...]


@dataclass(frozen=True)
class Band:
    """A learning curve: the mean over seeds and their range, top-1 in percent."""

    label: str
    index: int
    baseline: bool
    seeds: int
    x: tuple[float, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True)
class Curves:
    """Learning curves against one axis."""

    axis: str
    bands: tuple[Band, ...]


@dataclass(frozen=True)
class Bars:
    """Seconds of each phase, by method."""

    axis: str
    labels: tuple[str, ...]
    parts: tuple[tuple[str, tuple[float, ...]], ...]


@dataclass(frozen=True)
class Calibration:
    """Accuracy against confidence, and how often each confidence is said; in percent."""

    axis: str
    lines: tuple[Reliability, ...]


Chart = Pareto | Forest | Curves | Bars | Calibration


@dataclass(frozen=True)
class Drawing:
    """The pictures of one table, of which a reader chooses one by its axis."""

    title: str
    charts: tuple[Chart, ...]


class Cost(NamedTuple):
    """A cost axis: the Record's field, its name and unit, and what it is divided by."""

    field: str
    title: str
    unit: str
    scale: float


COSTS = (
    Cost("step_seconds", "step time", "ms", 1e-3),
    Cost("train_seconds", "training time", "s", 1.0),
    Cost("train_flops", "training FLOPs", "FLOPs", 1.0),
    Cost("peak_allocated_bytes", "peak GPU memory", "MiB", 2.0**20),
    Cost("peak_host_bytes", "peak host memory", "MiB", 2.0**20),
    Cost("energy_joules", "energy", "J", 1.0),
)
PHASES = (("set-up", "setup_seconds"), ("training", "train_seconds"),
          ("evaluation", "eval_seconds"), ("input/output", "io_seconds"))  # fmt: skip


def paretos(table: Table) -> tuple[Pareto, ...]:
    """Return accuracy against each cost that the table's Records hold."""
    made = (pareto(table, cost) for cost in COSTS)
    return tuple(found for found in made if found.points)


def pareto(table: Table, cost: Cost) -> Pareto:
    """Return accuracy against one cost; a method without either has no point."""
    pairs = [(index, row, row.interval(cost.field), row.interval("test_top1"))
             for index, row in enumerate(table.rows)]  # fmt: skip
    known = [pair for pair in pairs if math.isfinite(pair[2].mean) and math.isfinite(pair[3].mean)]
    prefix, scale = ("", cost.scale)
    if cost.unit == "FLOPs":
        prefix, scale = _suffix([x.mean for *_, x, _ in known])
    points = [Point(row.shown, index, row is table.baseline, span_of(x, scale), span_of(y, 0.01))
              for index, row, x, y in known]  # fmt: skip
    placed = (replace(point, on_front=not _beaten(point, points)) for point in points)
    return Pareto(f"{cost.title}, {prefix}{cost.unit}", tuple(placed))


def _beaten(point: Point, points: Sequence[Point]) -> bool:
    """Whether another point is no dearer and no worse, and not the same."""
    return any(
        other.x.value <= point.x.value and other.y.value >= point.y.value
        and (other.x.value, other.y.value) != (point.x.value, point.y.value)
        for other in points
    )  # fmt: skip


def span_of(interval: Interval, scale: float) -> Span:
    """Return an interval in other units."""
    value, half = interval.mean / scale, interval.half / scale
    if not math.isfinite(half):
        return Span(value, None, None)
    return Span(value, value - half, value + half)


def forest(table: OverheadTable) -> Forest:
    """Return the overheads of a campaign's methods; the A/A comparison comes first."""
    margin = table.group.header.rules.margins[0]
    same = table.controls.same
    rows = [Ratio("A/A: same arm twice", _percent(same.found), "control", change(same.found))
            for same in [same] if same is not None and same.pairs]  # fmt: skip
    rows += [Ratio(row.name, _percent(row.decision.found), row.verdict.value,
                   change(row.decision.found))
             for row in table.rows if math.isfinite(row.decision.found.value)]  # fmt: skip
    low, high = 100 * (1 / (1 + margin) - 1), 100 * margin
    return Forest("overhead of a step, %", low, high, tuple(rows))


def bars(table: Table) -> Bars:
    """Return the mean seconds of each phase, of methods that have times to compare."""
    rows = [row for row in table.rows if row.interval("train_seconds").num_values]
    parts = tuple((name, tuple(_mean(row, field) for row in rows)) for name, field in PHASES)
    return Bars("seconds of a trial", tuple(row.shown for row in rows), parts)


def calibration(table: Table) -> Calibration:
    """Return the reliability diagram; without lines where no Record holds the bins."""
    return Calibration("confidence, %", reliabilities(table))


def _mean(row: Row, name: str) -> float:
    found = row.interval(name)
    return found.mean if math.isfinite(found.mean) else 0.0


def _percent(found: Estimate) -> Span:
    value, low, high = (100 * relative(x) for x in found[:3])
    if not (math.isfinite(low) and math.isfinite(high)):
        return Span(value, None, None)
    return Span(value, low, high)


def _suffix(values: Sequence[float]) -> tuple[str, float]:
    """Return the prefix of a unit, and its size, that suits the largest of some counts."""
    largest = max(values, default=0.0)
    return next(((name, size) for size, name in SUFFIXES if largest >= size), ("", 1.0))
