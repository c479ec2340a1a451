"""Accuracy against cost, both relative to the baseline: computed once, drawn by several hands."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from raskd_bench.report.answers import paired_row
from raskd_bench.report.chance import Chance, difference_of
from raskd_bench.report.overhead_tables import OverheadTable
from raskd_bench.report.spreads import known
from raskd_bench.report.tables import Row, Table
from raskd_bench.report.wording import relative
from raskd_bench.stats import Interval

GAIN = "top-1 less the baseline's, pp"
ONE_AFTER_ANOTHER = "hollow: trials ran one after another"


class Span(NamedTuple):
    """A number with its interval; bounds are None where one value gives none."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class PairedPoint:
    """A method relative to the baseline.

    Attributes:
        label: of its row.
        index: of its row in the table, for its colour.
        baseline: it is the baseline itself, at (1, 0).
        x: ratio of costs.
        y: difference in percentage points.
        hollow: the ratio is of times that were not measured in pairs.
    """

    label: str
    index: int
    baseline: bool
    x: Span
    y: Span
    hollow: bool


@dataclass(frozen=True)
class Paired:
    """Differences in accuracy against ratios of one cost, the best method first.

    Attributes:
        axis: the cost, and to what its ratios are.
        points: the baseline comes first.
    """

    axis: str
    points: tuple[PairedPoint, ...]

    @property
    def hollow(self) -> bool:
        """Whether a point rests on times that were not measured in pairs."""
        return any(point.hollow for point in self.points)


class Cost(NamedTuple):
    """A cost: the Record's field, its name, and whether a clock measured it."""

    field: str
    title: str
    clocked: bool


STEP_TIME = Cost("step_seconds", "step time", True)
FLOPS = Cost("train_flops", "training FLOPs", False)
COSTS = (
    STEP_TIME,
    Cost("train_seconds", "training time", True),
    FLOPS,
    Cost("peak_allocated_bytes", "peak GPU memory", False),
    Cost("peak_host_bytes", "peak host memory", False),
    Cost("energy_joules", "energy", True),
)


def paired_pictures(table: Table, overheads: Sequence[OverheadTable]) -> tuple[Paired, ...]:
    """Return a picture for each cost of which a method's ratio is known, step time first.

    Args:
        table: of trials.
        overheads: of campaigns, which may have timed the table's methods in pairs.
    """
    made = (paired_picture(table, cost, overheads) for cost in COSTS)
    return tuple(found for found in made if found is not None)


def paired_picture(table: Table, cost: Cost, overheads: Sequence[OverheadTable]) -> Paired | None:
    """Return the picture of one cost; None where no method has both numbers.

    Args:
        table: of trials.
        cost: one of COSTS.
        overheads: as for `paired_pictures`.
    """
    if table.baseline is None:
        return None
    points = [_point(table, index, row, cost, overheads) for index, row in enumerate(table.rows)]
    found = sorted((point for point in points if point is not None), key=lambda p: -p.y.value)
    if not found:
        return None
    place = next(index for index, row in enumerate(table.rows) if row is table.baseline)
    nothing = Span(1.0, None, None), Span(0.0, None, None)
    base = PairedPoint(table.baseline.shown, place, True, *nothing, hollow=False)
    return Paired(f"{cost.title}, ratio to {table.baseline.shown}", (base, *found))


def _point(
    table: Table, index: int, row: Row, cost: Cost, overheads: Sequence[OverheadTable]
) -> PairedPoint | None:
    """Return a method's place; None for the baseline, and where a number is missing."""
    gain = difference_of(table, row, "test_top1")
    if gain is None:
        return None
    ratio, hollow = _campaigns_ratio(table, row, overheads) if cost is STEP_TIME else None, False
    if ratio is None:
        own = table.ratio(row, cost.field)
        ratio, hollow = None if own is None else _of_trials(own), cost.clocked
    if ratio is None or not math.isfinite(ratio.value):
        return None
    return PairedPoint(row.shown, index, False, ratio, gain_span(gain), hollow)


def gain_span(gain: Chance) -> Span:
    """Return a difference in percentage points."""
    if not known(gain.low, gain.high):
        return Span(100 * gain.mean, None, None)
    return Span(100 * gain.mean, 100 * gain.low, 100 * gain.high)


def _campaigns_ratio(table: Table, row: Row, overheads: Sequence[OverheadTable]) -> Span | None:
    paired = paired_row(table, row, overheads)
    if paired is None:
        return None
    value, low, high = (1 + relative(x) for x in paired.decision.found[:3])
    if not math.isfinite(value):
        return None
    return Span(value, low, high) if known(low, high) else Span(value, None, None)


def _of_trials(ratio: Interval) -> Span:
    """Return a geometric mean with its bounds, whose half-width is that of the larger side."""
    high = ratio.mean + ratio.half
    if not known(ratio.mean, high):
        return Span(ratio.mean, None, None)
    return Span(ratio.mean, ratio.mean**2 / high, high)
