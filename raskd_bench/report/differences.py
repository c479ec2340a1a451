"""Paired differences of a score, with the interval that their sources of chance ask for."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from raskd_bench.record import Record
from raskd_bench.report.chance import paired_outcomes
from raskd_bench.stats import (
    Components,
    Estimate,
    Spread,
    components,
    estimate,
    half_width,
    spread_of,
)

SEEDS_ALONE = 5  # fewer seeds without outcomes of test examples decide nothing


@dataclass(frozen=True)
class Differences:
    """Differences of one score, of which more is better.

    Attributes:
        seeds: one a seed.
        table: [S, N], a row a seed, a column a test example; None where they do not pair.
        why: why they do not; empty if they do.
        num_examples: of the test split; None where no Record knows.
    """

    seeds: tuple[float, ...]
    table: npt.NDArray[np.float64] | None
    why: str
    num_examples: int | None

    @property
    def num_seeds(self) -> int:
        return len(self.seeds)

    @property
    def value(self) -> float:
        """The mean."""
        return estimate(self.seeds, 0.5).value

    @property
    def spread(self) -> Spread | None:
        """Standard deviations by their source; None where one cannot tell them apart."""
        if self.table is None or min(self.table.shape) < 2:
            return None
        return spread_of(self._components, self.table.shape[0], self.table.shape[1])

    @cached_property
    def _components(self) -> Components:
        assert self.table is not None, "asked of differences that pair by example"
        return components(self.table)

    def this_set(self, confidence: float) -> Estimate:
        """Return the interval over seeds alone: on this very test set."""
        return estimate(self.seeds, confidence)

    def like_these(self, confidence: float) -> Estimate:
        """Return the interval over seeds and test examples; over seeds alone without outcomes."""
        found = self.this_set(confidence)
        if self.table is None:
            return found
        rows, columns = self.table.shape
        half = half_width(self._components, rows, columns, confidence)
        return found._replace(low=found.value - half, high=found.value + half)


def differences(pairs: Sequence[tuple[Record, Record]], name: str, sign: int) -> Differences | None:
    """Return the differences of some pairs; None where a Record lacks the score.

    Args:
        pairs: of the method and what it is compared with, one a seed.
        name: field of a Record.
        sign: -1 where less of it is better.
    """
    values = [(getattr(method, name), getattr(base, name)) for method, base in pairs]
    if any(side is None for pair in values for side in pair):
        return None
    table, why = paired_outcomes(pairs, name)
    known = {side.data.test for pair in pairs for side in pair if side.data is not None}
    examples = known.pop() if len(known) == 1 else None
    return Differences(
        tuple(sign * (method - other) for method, other in values),
        None if table is None else sign * table, why,
        examples if table is None else table.shape[1],
    )  # fmt: skip
