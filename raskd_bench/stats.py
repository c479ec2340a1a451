"""Intervals over seeds. Pure functions of numbers; nothing here reads files or random numbers."""

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
