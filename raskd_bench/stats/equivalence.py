"""Verdicts: equivalence (TOST) of step times, non-inferiority and superiority of scores."""

import math
from collections.abc import Sequence
from enum import StrEnum

from scipy.special import stdtr

from raskd_bench.stats.intervals import Estimate, estimate


class Verdict(StrEnum):
    """What the evidence says of a claim."""

    supported = "supported"
    refuted = "refuted"
    faster = "faster-than-margin"
    inconclusive = "inconclusive"
    invalid = "invalid"


WORST_FIRST = (Verdict.refuted, Verdict.invalid, Verdict.faster, Verdict.inconclusive)


def equivalence(found: Estimate, margin: float) -> Verdict:
    """Judge "no relevant overhead": is the whole interval inside +-log(1 + margin)?

    With an interval of confidence 1 - 2 alpha this is the pair of one-sided tests at alpha.

    Args:
        found: of log ratios, method to baseline.
        margin: a fraction, 0.02 for 2 %.

    Raises:
        ValueError: the margin is not positive.
    """
    bound = log_margin(margin)
    if found.low > bound:
        return Verdict.refuted
    if found.high < -bound:
        return Verdict.faster
    if found.low > -bound and found.high < bound:
        return Verdict.supported
    return Verdict.inconclusive


def tost_p_value(values: Sequence[float], margin: float) -> float:
    """Return the larger p-value of the two one-sided tests; NaN where one value gives none.

    Args:
        values: independent log ratios.
        margin: a fraction, 0.02 for 2 %.

    Raises:
        ValueError: the margin is not positive.
    """
    bound = log_margin(margin)
    found = estimate(values, 0.5)
    if found.num_values < 2:
        return math.nan
    distance = bound - abs(found.value)  # to the nearer bound, whose test has the larger p-value
    if found.sd == 0:
        return 0.0 if distance > 0 else 1.0
    statistic = distance / (found.sd / math.sqrt(found.num_values))
    return float(stdtr(found.num_values - 1, -statistic))


def non_inferiority(found: Estimate, margin: float) -> Verdict:
    """Judge "not worse by the margin or more", for a score of which more is better.

    Args:
        found: of paired differences, method less baseline.
        margin: positive, in the unit of the score.

    Raises:
        ValueError: the margin is not positive.
    """
    _require_positive(margin)
    return superiority(found, -margin)


def superiority(found: Estimate, bound: float = 0.0) -> Verdict:
    """Judge "better by more than the bound", for a score of which more is better.

    Args:
        found: of paired differences, method less baseline.
        bound: in the unit of the score.
    """
    if found.low > bound:
        return Verdict.supported
    if found.high < bound:
        return Verdict.refuted
    return Verdict.inconclusive


def in_all_cells(verdicts: Sequence[Verdict]) -> Verdict:
    """Judge "in every cell" by the worst: an intersection-union test, every cell at alpha.

    No correction is due: the whole is supported only if each part is, so it errs no more often
    than the worst part does.

    Raises:
        ValueError: there is no cell.
    """
    if not verdicts:
        raise ValueError("no verdict to combine: a claim needs at least one cell")
    return next((verdict for verdict in WORST_FIRST if verdict in verdicts), Verdict.supported)


def log_margin(margin: float) -> float:
    """Return a margin, given as a fraction, on the scale of log ratios.

    Raises:
        ValueError: the margin is not positive.
    """
    _require_positive(margin)
    return math.log1p(margin)


def _require_positive(margin: float) -> None:
    if not margin > 0:
        raise ValueError(f"margin {margin}: must be positive")
