"""How many values a margin needs, and which margin so many values resolve.

Power is integrated over the distribution of the sample's standard deviation, which is exact for
normal values: mean and standard deviation of a sample are independent then.
"""

import math
from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammainccinv, gammaincinv, gammaln, ndtr, ndtri, stdtrit

from raskd_bench.stats.equivalence import log_margin
from raskd_bench.stats.intervals import LARGEST_EXPONENT

FEWEST = 3  # two values give an interval too wide to plan with
MOST = 1_000_000  # values; nobody measures more
HIGHEST_POWER = 0.9999  # the integral is not asked for more
NUM_NODES = 128
TAIL = 1e-15  # probability left out at either end of the integral

Array = NDArray[np.float64]


def tost_power(sd: float, count: int, margin: float, alpha: float, effect: float = 0.0) -> float:
    """Return the chance that an equivalence test at alpha ends as supported.

    Args:
        sd: of one log ratio.
        count: number of independent log ratios.
        margin: a fraction, 0.02 for 2 %.
        alpha: of each of the two one-sided tests.
        effect: true overhead, a fraction like the margin.

    Raises:
        ValueError: the margin or alpha is out of range, or sd is negative.
    """
    return _two_sided(sd, count, log_margin(margin), alpha, math.log1p(effect))


def required_count(
    sd: float,
    margin: float,
    alpha: float,
    power: float,
    effect: float = 0.0,
    most: int = MOST,
) -> int | None:
    """Return the smallest number of log ratios, from 3, that gives an equivalence test this power.

    None where `most` are too few, or where the true effect is not inside the margin.

    Args:
        sd: of one log ratio.
        margin: a fraction, 0.02 for 2 %.
        alpha: of each of the two one-sided tests.
        power: the chance to end as supported.
        effect: true overhead, a fraction like the margin.
        most: the largest number looked at.

    Raises:
        ValueError: a number is out of its range.
    """
    bound, shift = log_margin(margin), math.log1p(effect)
    if abs(shift) >= bound:
        return None
    return _smallest_count(lambda count: _two_sided(sd, count, bound, alpha, shift), power, most)


def smallest_margin(sd: float, count: int, alpha: float, power: float) -> float:
    """Return the smallest margin, a fraction, that so many log ratios decide with this power.

    That is what a host resolves. Infinite where fewer than two values give no interval.

    Args:
        sd: of one log ratio.
        count: number of independent log ratios.
        alpha: of each of the two one-sided tests.
        power: the chance to end as supported when there is no overhead.

    Raises:
        ValueError: a number is out of its range.
    """
    _check_power(power)
    _check(sd, alpha)
    if count < 2:
        return math.inf
    low, high = 0.0, 1.0  # in units of sd: power depends on the margin's ratio to it alone
    while _two_sided(1.0, count, high, alpha, 0.0) < power:
        low, high = high, 2 * high
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        enough = _two_sided(1.0, count, middle, alpha, 0.0) >= power
        low, high = (low, middle) if enough else (middle, high)
    return math.expm1(high * sd) if high * sd < LARGEST_EXPONENT else math.inf


def required_seeds(sd: float, margin: float, alpha: float, power: float) -> int:
    """Return the smallest number of seeds, from 3, for paired non-inferiority without a difference.

    The convention of a plan is alpha 0.025 one-sided, the lower bound of a 95 % interval, and
    power 0.9: 0.3 points at a paired sd of 0.2, 0.3, 0.4 points then take 7, 13, 21 seeds.

    Args:
        sd: of one paired difference.
        margin: positive, in the unit of sd.
        alpha: one-sided.
        power: the chance to end as supported when there is no difference.

    Raises:
        ValueError: a number is out of its range.
    """
    if not margin > 0:
        raise ValueError(f"margin {margin}: must be positive")
    found = _smallest_count(lambda count: _one_sided(sd, count, margin, alpha), power, MOST)
    if found is None:  # so many that Student's t is the normal distribution
        return math.ceil(((float(ndtri(1 - alpha)) + float(ndtri(power))) * sd / margin) ** 2)
    return found


def _smallest_count(power_of: Callable[[int], float], power: float, most: int) -> int | None:
    _check_power(power)
    low, high = FEWEST - 1, FEWEST
    while power_of(high) < power:
        if high >= most:
            return None
        low, high = high, min(2 * high, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power_of(middle) >= power else (middle, high)
    return high


def _two_sided(sd: float, count: int, bound: float, alpha: float, shift: float) -> float:
    """Power of both one-sided tests; all but count and alpha on one scale."""
    _check(sd, alpha)
    if count < 2:
        return 0.0
    if sd == 0:
        return float(abs(shift) < bound)
    scale = math.sqrt(count) / sd
    quantile = float(stdtrit(count - 1, 1 - alpha))

    def chance(ratios: Array) -> Array:
        room = bound * scale - quantile * ratios
        return np.asarray(ndtr(room - shift * scale) - ndtr(-room - shift * scale))

    return _over_sample_sd(chance, count - 1, bound * scale / quantile)


def _one_sided(sd: float, count: int, bound: float, alpha: float) -> float:
    _check(sd, alpha)
    if sd == 0:
        return 1.0
    scale = math.sqrt(count) / sd
    quantile = float(stdtrit(count - 1, 1 - alpha))
    return _over_sample_sd(
        lambda ratios: np.asarray(ndtr(bound * scale - quantile * ratios)), count - 1, math.inf
    )


def _over_sample_sd(chance: Callable[[Array], Array], freedom: int, largest: float) -> float:
    """Average a chance over the ratio of a sample's sd to the true one, up to the largest ratio."""
    low = math.sqrt(2 * float(gammaincinv(freedom / 2, TAIL)))
    high = math.sqrt(2 * float(gammainccinv(freedom / 2, TAIL)))
    high = min(high, largest * math.sqrt(freedom))
    if high <= low:
        return 0.0
    nodes, weights = _nodes()
    chi = low + (high - low) * (nodes + 1) / 2
    log_density = (freedom - 1) * np.log(chi) - chi**2 / 2
    log_density -= (freedom / 2 - 1) * math.log(2) + float(gammaln(freedom / 2))
    total = np.sum(weights * np.exp(log_density) * chance(chi / math.sqrt(freedom)))
    return min(1.0, float(total) * (high - low) / 2)


@cache
def _nodes() -> tuple[Array, Array]:
    nodes, weights = np.polynomial.legendre.leggauss(NUM_NODES)
    return nodes, weights


def _check(sd: float, alpha: float) -> None:
    if not 0 <= sd < math.inf:
        raise ValueError(f"sd {sd}: must be finite and not negative")
    if not 0 < alpha < 0.5:
        raise ValueError(f"alpha {alpha}: must lie between 0 and 0.5")


def _check_power(power: float) -> None:
    if not 0 < power <= HIGHEST_POWER:
        raise ValueError(f"power {power}: must lie between 0 and {HIGHEST_POWER}")
