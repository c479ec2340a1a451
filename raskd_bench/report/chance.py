"""Scores with their intervals from both sources of chance: seeds and test examples."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from raskd_bench.outcomes import unpacked
from raskd_bench.record import Record
from raskd_bench.report.tables import Row, Table
from raskd_bench.stats import Estimate, estimate, two_sources

OLDER = "older Record without outcomes"
NO_OUTCOMES = "no mean over test examples"
OTHER_EXAMPLES = "other test examples"
DAMAGED = "damaged outcomes"
PER_EXAMPLE = frozenset({"test_top1", "test_top5"})  # fields of which Records hold outcomes
UNBOUNDED = frozenset({"test_nll", "val_nll"})  # fields that may exceed 1

Array = npt.NDArray[np.float64]
Bounds = tuple[float, float]


@dataclass(frozen=True)
class Chance:
    """A mean, or a mean of paired differences, with intervals from both sources of chance.

    Attributes:
        mean: over seeds.
        this_set: "on this test set": over seeds alone; NaN with one seed.
        like_these: "on examples like these": over seeds and test examples; NaN where unknown.
        confidence: of both, two-sided.
        num_seeds: S.
        num_examples: N; None where examples are not in it.
        why: why examples are not in it; empty if they are.
    """

    mean: float
    this_set: Bounds
    like_these: Bounds
    confidence: float
    num_seeds: int
    num_examples: int | None
    why: str = ""

    @property
    def low(self) -> float:
        """Lower bound of the widest interval that is known; NaN with one seed."""
        return (self.this_set if self.why else self.like_these)[0]

    @property
    def high(self) -> float:
        """Upper bound, likewise."""
        return (self.this_set if self.why else self.like_these)[1]


def chance_of(row: Row, name: str, confidence: float = 0.95) -> Chance | None:
    """Return the mean of a field over a row's seeds; None if no finished Record has it.

    Args:
        row: of a table.
        name: field of a Record, higher or lower is better.
        confidence: two-sided.
    """
    key = name, confidence
    if key not in row.scores:
        row.scores[key] = _chance_of(row, name, confidence)
    found: Chance | None = row.scores[key]
    return found


def _chance_of(row: Row, name: str, confidence: float) -> Chance | None:
    records = [found for found in row.done if getattr(found, name) is not None]
    if not records:
        return None
    values = [float(getattr(found, name)) for found in records]
    table, why = outcomes_of(records, name)
    return _chance(values, table, why, confidence, (0.0, math.inf if name in UNBOUNDED else 1.0))


def difference_of(table: Table, row: Row, name: str, confidence: float = 0.95) -> Chance | None:
    """Return the mean difference to the baseline, paired by seed and example.

    None for the baseline itself, and without a common seed.

    Args:
        table: of the row.
        row: of the table.
        name: field of a Record.
        confidence: two-sided.
    """
    if table.baseline is None or row is table.baseline:
        return None
    base = {found.seed: found for found in table.baseline.done}
    pairs = [(found, base[found.seed]) for found in row.done if found.seed in base]
    pairs = [pair for pair in pairs if all(getattr(side, name) is not None for side in pair)]
    if not pairs:
        return None
    values = [float(getattr(a, name) - getattr(b, name)) for a, b in pairs]
    differences, why = paired_outcomes(pairs, name)
    bound = math.inf if name in UNBOUNDED else 1.0
    return _chance(values, differences, why, confidence, (-bound, bound))


def paired_outcomes(pairs: Sequence[tuple[Record, Record]], field: str) -> tuple[Array | None, str]:
    """Return differences of outcomes, first less second; or None and why they do not pair.

    Args:
        pairs: of Records of one seed, S of them.
        field: of a Record.

    Returns:
        [S, N] differences, or None; the reason, or an empty string.
    """
    sides, why = outcomes_of([record for pair in pairs for record in pair], field)
    return (None, why) if sides is None else (sides[0::2] - sides[1::2], "")


def outcomes_of(records: Sequence[Record], field: str) -> tuple[Array | None, str]:
    """Return the outcomes of some Records on one test split; or None and why there are none.

    Args:
        records: S of them.
        field: of a Record.

    Returns:
        [S, N] outcomes, or None; the reason, or an empty string.
    """
    if field not in PER_EXAMPLE:
        return None, NO_OUTCOMES
    held = [record.outcomes for record in records if record.outcomes is not None]
    if len(held) < len(records) or not held:
        return None, OLDER
    if len({(outcomes.split, outcomes.count) for outcomes in held}) > 1:
        return None, OTHER_EXAMPLES
    try:
        found = [unpacked(outcomes, field) for outcomes in held]
    except ValueError:
        return None, DAMAGED
    rows = [values for values in found if values is not None]
    return (np.stack(rows), "") if len(rows) == len(held) else (None, OLDER)


def _chance(
    values: Sequence[float], table: Array | None, why: str, confidence: float, limits: Bounds
) -> Chance:
    seeds, both, examples = estimate(values, confidence), (math.nan, math.nan), None
    if table is not None:
        both, examples = _bounded(two_sources(table, confidence).both, limits), table.shape[1]
    return Chance(seeds.value, _bounded(seeds, limits), both, confidence, len(values), examples,
                  why)  # fmt: skip


def _bounded(found: Estimate, limits: Bounds) -> Bounds:
    """Return the bounds of an estimate, inside the range of its metric; NaN stays NaN."""
    if math.isnan(found.low):
        return math.nan, math.nan
    return max(limits[0], found.low), min(limits[1], found.high)
