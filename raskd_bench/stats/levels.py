"""Levels of a test: the smallest that decides, and the one at which several intervals all hold."""

import math
from collections.abc import Callable

LARGEST = 0.4999  # one-sided level: at a half an interval has no width
SMALLEST = 1e-12  # no evidence is better than that


def smallest_level(decides: Callable[[float], bool], largest: float = LARGEST) -> float:
    """Return the smallest one-sided level at which an interval decides: its p-value.

    Found by bisection over the interval's own confidence, so that the two never disagree. 1 where
    not even the largest level decides.

    Args:
        decides: whether the interval of confidence 1 - 2 level does; if so, at larger levels too.
        largest: level that is looked at.
    """
    if not decides(largest):
        return 1.0
    low, high = math.log(SMALLEST), math.log(largest)
    while high - low > 1e-9:
        middle = (low + high) / 2
        low, high = (low, middle) if decides(math.exp(middle)) else (middle, high)
    return math.exp(high)


def simultaneous_confidence(confidence: float, count: int) -> float:
    """Return the confidence of each of several intervals that all hold together at `confidence`.

    Bonferroni's: valid however the differences depend on each other, as those to one baseline do.

    Args:
        confidence: of all together, two-sided.
        count: of intervals, at least 1.

    Raises:
        ValueError: there is none, or the confidence is not in (0, 1).
    """
    if count < 1:
        raise ValueError(f"{count} intervals: at least one is needed")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence {confidence}: must lie between 0 and 1")
    return 1 - (1 - confidence) / count
