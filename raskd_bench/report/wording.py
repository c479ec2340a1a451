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


def points(value: float, digits: int = 2) -> str:
    """Return a fraction in percentage points, with so many digits that count."""
    return f"{float(f'{100 * value:.{digits}g}'):.15g} pp"


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
    if not math.isfinite(high - low):
        inside = "; ".join(filter(None, ("no interval", more)))
        return f"{_scale(unit) * value:+.3g}{_ending(unit)} ({inside})"
    inside = f"{confidence_of(confidence)} interval {bounds(low, high, unit)}{_ending(unit)}"
    return f"{scaled(value, high - low, unit)} ({'; '.join(filter(None, (inside, more)))})"


def bounds(low: float, high: float, unit: str = "%") -> str:
    """Return `+0.1 to +0.5`, without the unit; arguments as for `spread`."""
    if not math.isfinite(high - low):
        return "no interval"
    places = _places(high - low, unit)
    return " to ".join(f"{_scale(unit) * x:+z.{places}f}" for x in (low, high))


def scaled(value: float, width: float, unit: str = "%") -> str:
    """Return `+0.30 pp`, with as many digits as an interval of this width supports."""
    return f"{_scale(unit) * value:+z.{_places(width, unit)}f}{_ending(unit)}"


def _places(width: float, unit: str) -> int:
    return decimals(_scale(unit) * width / 2, MOST_DECIMALS if unit else MOST_DECIMALS + 1)


def _scale(unit: str) -> float:
    return 100.0 if unit else 1.0


def _ending(unit: str) -> str:
    return f" {unit}" if unit else ""


def confidence_of(confidence: float) -> str:
    """Return `95 %`, or `97.3 %`."""
    return f"{100 * confidence:.3g} %"


def several(count: int, noun: str) -> str:
    """Return `1 pair`, `2 pairs`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
