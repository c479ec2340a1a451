"""Means with their intervals: over seeds, over restarts, over the blocks of one restart."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from scipy.special import stdtrit

LARGEST_EXPONENT = 700.0  # math.exp raises a little beyond


class Interval(NamedTuple):
    """A mean and the half-width of its confidence interval; NaN where one value gives none."""

    mean: float
    half: float
    num_values: int


class Estimate(NamedTuple):
    """A location with its confidence interval; bounds and sd are NaN where one value gives none.

    `sd` is that of one value: sd / sqrt(num_values) is the standard error of `value`.
    """

    value: float
    low: float
    high: float
    confidence: float
    sd: float
    num_values: int


def student_t(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """Return the mean of independent values with its Student-t interval.

    Args:
        values: one a seed, without NaN.
        confidence: two-sided.
    """
    count = len(values)
    if count == 0:
        return Interval(math.nan, math.nan, 0)
    mean = math.fsum(values) / count
    if count == 1:
        return Interval(mean, math.nan, 1)
    variance = math.fsum((value - mean) ** 2 for value in values) / (count - 1)
    quantile = float(stdtrit(count - 1, 0.5 + confidence / 2))
    return Interval(mean, quantile * math.sqrt(variance / count), count)


def ratio(values: Sequence[float], base: Sequence[float], confidence: float = 0.95) -> Interval:
    """Return the geometric mean of paired ratios, its half-width that of the larger side.

    Args:
        values: positive, one a seed.
        base: the baseline's, of the same seeds.
        confidence: two-sided.
    """
    logs = [math.log(v / b) for v, b in zip(values, base, strict=True) if v > 0 and b > 0]
    mean, half, count = student_t(logs, confidence)
    upper = math.inf if mean + half > LARGEST_EXPONENT else math.exp(mean + half)
    return Interval(math.exp(mean), upper - math.exp(mean), count)


def decimals(half: float, most: int) -> int:
    """Return how many decimals an uncertainty supports: its first two significant digits.

    Args:
        half: half-width; NaN or 0 leave the question open.
        most: never more than these.
    """
    if not math.isfinite(half) or half <= 0:
        return most
    return max(0, min(most, 1 - math.floor(math.log10(half))))


def estimate(values: Sequence[float], confidence: float) -> Estimate:
    """Return the mean of independent values with its Student-t bounds.

    Args:
        values: log ratios, one a restart, or paired differences, one a seed.
        confidence: two-sided; 1 - 2 alpha for an equivalence test at alpha.
    """
    mean, half, count = student_t(values, confidence)
    if count < 2:
        return Estimate(mean, math.nan, math.nan, confidence, math.nan, count)
    sd = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (count - 1))
    return Estimate(mean, mean - half, mean + half, confidence, sd, count)


def trimmed_mean(values: Sequence[float], proportion: float = 0.1) -> float:
    """Return the mean without the smallest and the largest values; NaN of no value.

    Args:
        values: in any order.
        proportion: cut at each end, rounded down to whole values.

    Raises:
        ValueError: the proportion is not in [0, 0.5).
    """
    num_cut = _num_cut(len(values), proportion)
    kept = sorted(values)[num_cut : len(values) - num_cut]
    return math.fsum(kept) / len(kept) if kept else math.nan


def trimmed_standard_error(values: Sequence[float], proportion: float = 0.1) -> float:
    """Return the standard error of the trimmed mean, from the winsorised squares (Yuen 1974).

    Its degrees of freedom are the number of values kept, less one; NaN where that leaves none.

    Args:
        values: independent.
        proportion: as for `trimmed_mean`.

    Raises:
        ValueError: the proportion is not in [0, 0.5).
    """
    num_cut = _num_cut(len(values), proportion)
    num_kept = len(values) - 2 * num_cut
    if num_kept < 2:
        return math.nan
    ordered = sorted(values)
    smallest, largest = ordered[num_cut], ordered[-1 - num_cut]
    winsorised = [min(max(value, smallest), largest) for value in values]
    mean = math.fsum(winsorised) / len(winsorised)
    squares = math.fsum((value - mean) ** 2 for value in winsorised)
    return math.sqrt(squares / (num_kept * (num_kept - 1)))


def trimmed_estimate(
    values: Sequence[float], confidence: float, proportion: float = 0.1
) -> Estimate:
    """Return the trimmed mean with its bounds: of the blocks of one restart, conditional on it.

    Args:
        values: log ratios, one a pair of blocks.
        confidence: two-sided.
        proportion: as for `trimmed_mean`.

    Raises:
        ValueError: the proportion is not in [0, 0.5).
    """
    count = len(values)
    value = trimmed_mean(values, proportion)
    error = trimmed_standard_error(values, proportion)
    if math.isnan(error):
        return Estimate(value, math.nan, math.nan, confidence, math.nan, count)
    freedom = count - 2 * _num_cut(count, proportion) - 1
    half = float(stdtrit(freedom, 0.5 + confidence / 2)) * error
    return Estimate(value, value - half, value + half, confidence, error * math.sqrt(count), count)


def _num_cut(count: int, proportion: float) -> int:
    if not 0 <= proportion < 0.5:
        raise ValueError(f"proportion {proportion}: cut at each end, so at least 0 and under 0.5")
    return int(proportion * count)
