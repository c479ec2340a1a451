"""Pictures as data, before anything draws them: in the units of their axes."""

import math
from dataclasses import dataclass

from raskd_bench.report.overhead_tables import OverheadTable
from raskd_bench.report.paired import Paired, Span
from raskd_bench.report.reliability import Reliability, reliabilities
from raskd_bench.report.tables import Row, Table
from raskd_bench.report.wording import change, relative
from raskd_bench.stats import Estimate

# Okabe and Ito's colours that show on white and on black; no meaning rests on colour alone
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9")
NEUTRAL = "#808080"
VERDICTS = {"supported": "#009E73", "refuted": "#D55E00", "inconclusive": "#E69F00",
            "faster-than-margin": "#0072B2", "invalid": "#CC79A7"}  # fmt: skip


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


Chart = Paired | Forest | Curves | Bars | Calibration


@dataclass(frozen=True)
class Drawing:
    """The pictures of one table, of which a reader chooses one by its axis."""

    title: str
    charts: tuple[Chart, ...]


PHASES = (("set-up", "setup_seconds"), ("training", "train_seconds"),
          ("evaluation", "eval_seconds"), ("input/output", "io_seconds"))  # fmt: skip


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
