"""How many seeds and test examples a difference takes that is paired over both.

The variance of the mean difference of S seeds and N examples is
sigma_S^2 / S + sigma_E^2 / N + sigma_R^2 / (S N); the interval is that of `two_sources`.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

from scipy.special import ndtri, stdtrit

from raskd_bench.stats.two_sources import Components, half_width

FEWEST_SEEDS = 3  # fewer decide nothing
MOST_SEEDS, MOST_EXAMPLES = 1000, 10_000_000  # nobody measures more


class Spread(NamedTuple):
    """Standard deviations of a paired difference, in its unit.

    Attributes:
        seeds: sigma_S, of the true mean of a seed.
        examples: sigma_E, of the true mean of an example.
        residual: sigma_R, of what is left of one seed and example.
    """

    seeds: float
    examples: float
    residual: float


def spread_of(found: Components, num_seeds: int, num_examples: int) -> Spread:
    """Return the standard deviations behind the mean squares of a table; none below 0.

    Args:
        found: variances of a table with two seeds and two examples, or more.
        num_seeds: S of the table.
        num_examples: N of it.
    """
    own = (found.seeds - found.residual / num_examples, found.examples - found.residual / num_seeds)
    return Spread(*(math.sqrt(max(0.0, value)) for value in (*own, found.residual)))


def resolved(
    spread: Spread, num_seeds: int, num_examples: int, alpha: float, power: float
) -> float:
    """Return the smallest distance of a difference from its bound that is decided with this power.

    In the unit of the spread; infinite with fewer than two seeds or examples. Student's t stands
    for the scatter of seeds and of the interval that they give, the normal distribution for that of
    examples.

    Args:
        spread: of the differences.
        num_seeds: S.
        num_examples: N.
        alpha: one-sided.
        power: the chance to decide.
    """
    if num_seeds < 2 or num_examples < 2:
        return math.inf
    residual = spread.residual**2
    of_seeds = spread.seeds**2 + residual / num_examples
    found = Components(of_seeds, spread.examples**2 + residual / num_seeds, residual)
    half = half_width(found, num_seeds, num_examples, 1 - 2 * alpha)
    t, z = float(stdtrit(num_seeds - 1, power)), float(ndtri(power))
    return half + math.sqrt(t**2 * of_seeds / num_seeds + z**2 * spread.examples**2 / num_examples)


def needed_seeds(
    spread: Spread, num_examples: int, distance: float, alpha: float, power: float
) -> int | None:
    """Return the smallest number of seeds, from 3, that decides at so many test examples.

    None where no number does: what the examples leave open, more seeds do not close.

    Args:
        spread: of the differences.
        num_examples: N.
        distance: of the true difference from its bound, positive, in the unit of the spread.
        alpha: one-sided.
        power: the chance to decide.
    """
    return _smallest(lambda count: resolved(spread, count, num_examples, alpha, power) <= distance,
                     FEWEST_SEEDS, MOST_SEEDS)  # fmt: skip


def needed_examples(
    spread: Spread, num_seeds: int, distance: float, alpha: float, power: float
) -> int | None:
    """Return the smallest number of test examples that decides with so many seeds.

    None where no number does, as with fewer than 3 seeds.

    Args:
        spread: of the differences.
        num_seeds: S.
        distance: of the true difference from its bound, positive, in the unit of the spread.
        alpha: one-sided.
        power: the chance to decide.
    """
    if num_seeds < FEWEST_SEEDS:
        return None
    return _smallest(lambda count: resolved(spread, num_seeds, count, alpha, power) <= distance,
                     2, MOST_EXAMPLES)  # fmt: skip


def _smallest(enough: Callable[[int], bool], fewest: int, most: int) -> int | None:
    """Return the smallest count that is enough, given that more are enough too."""
    if enough(fewest):
        return fewest
    low = fewest
    high = fewest
    while not enough(high):
        if high >= most:
            return None
        low, high = high, min(2 * high, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
