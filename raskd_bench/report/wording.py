"""Numbers in sentences: digits follow the uncertainty, and the interval names its confidence."""

import math

from raskd_bench.stats import Estimate, decimals

MOST_DECIMALS = 3  # of a percentage: finer than any host resolves
LARGEST_LOG = 50.0


def relative(log_ratio: float) -> float:
    """Return a log ratio as a fraction above 1: 0.02 for 2 %; NaN stays."""
    if math.isnan(log_ratio):
        return math.nan
    return math.expm1(max(-LARGEST_LOG, min(LARGEST_LOG, log_ratio)))


def percent(value: float, sign: str = "+", digits: int = 3) -> str:
    """Return a fraction in percent, with at most so many digits that count.

    Args:
        value: a fraction.
        sign: of a positive value; empty for none.
        digits: three for what a suite declares, two for what was measured.
    """
    rounded = float(f"{100 * value:.{digits}g}")
    return f"{rounded:{sign}.15g} %"  # without an exponent


def change(found: Estimate) -> str:
    """Return a log ratio with its interval: `+0.80 % (95 % interval +0.40 to +1.20 %)`."""
    low, high = relative(found.low), relative(found.high)
    return spread(relative(found.value), low, high, found.confidence)


def spread(
    value: float, low: float, high: float, confidence: float, unit: str = "%", more: str = ""
) -> str:
    """Return a value with its interval.

    Args:
        value: fractions where the unit is % or pp.
        low: bound; NaN where there is no interval.
        high: likewise.
        confidence: of the interval.
        unit: `%`, `pp` or none.
        more: that the brackets end with.
    """
    scale, ending = (100.0, f" {unit}") if unit else (1.0, "")
    half = scale * (high - low) / 2
    if not math.isfinite(half):
        inside = "; ".join(filter(None, ("no interval", more)))
        return f"{scale * value:+.3g}{ending} ({inside})"
    places = decimals(half, MOST_DECIMALS if unit else MOST_DECIMALS + 1)
    point, lower, upper = (f"{scale * x:+z.{places}f}" for x in (value, low, high))
    inside = f"{confidence_of(confidence)} interval {lower} to {upper}{ending}"
    return f"{point}{ending} ({'; '.join(filter(None, (inside, more)))})"


def confidence_of(confidence: float) -> str:
    """Return `95 %`, or `97.3 %`."""
    return f"{100 * confidence:.3g} %"


def several(count: int, noun: str) -> str:
    """Return `1 pair`, `2 pairs`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
