"""Means over seeds and test examples: intervals that know both sources of chance.

An interval over seeds answers "on this very test set", one over seeds and examples "on examples
like these". Derivation and coverage: docs/decisions/0009-two-sources-of-chance.md.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri, stdtrit

from raskd_bench.stats.intervals import Estimate, estimate

Array = npt.NDArray[np.float64]


class Components(NamedTuple):
    """Mean squares of a two-way table of S seeds and N examples, as variances.

    Attributes:
        seeds: v_S, of the S means of a seed; NaN with one seed.
        examples: v_E, of the N means of an example; NaN with one example.
        residual: v_R, of what is left of a cell; NaN with one seed or one example.
    """

    seeds: float
    examples: float
    residual: float


class TwoSources(NamedTuple):
    """A mean over seeds and examples.

    Attributes:
        value: the mean.
        seeds: "on this test set": Student-t over seeds alone; bounds are NaN with one seed.
        both: "on examples like these": seeds and examples; bounds are NaN with one seed.
        components: of the variance.
        num_seeds: S.
        num_examples: N.
    """

    value: float
    seeds: Estimate
    both: Estimate
    components: Components
    num_seeds: int
    num_examples: int


def two_sources(values: Array, confidence: float, unit: float = 1.0) -> TwoSources:
    """Return the mean of a table of outcomes, or of paired differences of outcomes.

    Args:
        values: [S, N], a row a seed, a column a test example.
        confidence: two-sided.
        unit: the largest amount by which one example can change a value; 1 for hits.

    Raises:
        ValueError: the table is empty.
    """
    num_seeds, num_examples = values.shape
    if not values.size:
        raise ValueError(f"table of {num_seeds} seeds and {num_examples} examples: is empty")
    seeds = estimate([float(mean) for mean in values.mean(axis=1)], confidence)
    found = components(values)
    half = half_width(found, num_seeds, num_examples, confidence, unit)
    both = seeds._replace(low=seeds.value - half, high=seeds.value + half)
    return TwoSources(seeds.value, seeds, both, found, num_seeds, num_examples)


def components(values: Array) -> Components:
    """Return the mean squares of a two-way table without replication.

    Args:
        values: [S, N].
    """
    num_seeds, num_examples = values.shape
    of_seeds, of_examples = values.mean(axis=1), values.mean(axis=0)
    total = float(np.square(values - values.mean()).sum())
    v_s = float(of_seeds.var(ddof=1)) if num_seeds > 1 else math.nan
    v_e = float(of_examples.var(ddof=1)) if num_examples > 1 else math.nan
    freedom = (num_seeds - 1) * (num_examples - 1)
    if not freedom:
        return Components(v_s, v_e, math.nan)
    left = total - num_examples * (num_seeds - 1) * v_s - num_seeds * (num_examples - 1) * v_e
    return Components(v_s, v_e, max(0.0, left) / freedom)


def half_width(
    found: Components, num_seeds: int, num_examples: int, confidence: float, unit: float = 1.0
) -> float:
    """Return the half-width of an interval over seeds and examples; NaN with one of either.

    half^2 = max(t^2 v_S / S, z^2 v_R / (N S)) + z^2 (max(0, v_E - v_R / S) + z^2 u^2 / N) / N,
    t with S - 1 and z with N - 1 degrees of freedom, u the unit.

    Args:
        found: variances of the table.
        num_seeds: S.
        num_examples: N.
        confidence: two-sided.
        unit: as for `two_sources`.
    """
    if num_seeds < 2 or num_examples < 2:
        return math.nan
    t = float(stdtrit(num_seeds - 1, 0.5 + confidence / 2))
    z = float(stdtrit(num_examples - 1, 0.5 + confidence / 2))
    # equal scores of few seeds are luck: what their cells scatter bounds the scatter of their means
    of_seeds = max(t**2 * found.seeds / num_seeds,
                   z**2 * found.residual / (num_examples * num_seeds))  # fmt: skip
    own = max(0.0, found.examples - found.residual / num_seeds)
    unseen = (float(ndtri(0.5 + confidence / 2)) * unit) ** 2  # z^2 examples that were not drawn
    return math.sqrt(of_seeds + z**2 * (own + unseen / num_examples) / num_examples)
