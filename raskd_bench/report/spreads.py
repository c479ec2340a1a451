"""Scores as they are printed: a mean with what chance leaves open, inside the metric's range."""

import math
from collections.abc import Iterator, Sequence

from raskd_bench.report.chance import NO_OUTCOMES, Chance
from raskd_bench.stats import Interval, decimals

ONE_SEED = "one seed: no interval"
EQUAL = "equal in every seed: no interval"
SEEDS_ALONE = "seeds alone"
BOTH = "seeds and pictures"
TENTH = 0.1
NOTHING = 1e-9  # of a score: what rounding leaves of equal values
SHARE = 1e-6  # of a half-width: by so much the sides of a symmetric interval may differ


def spread(
    found: Chance | None, scale: float = 1.0, most: int = 2, sign: bool = False,
    this_set: bool = False, short: bool = False,
) -> str:  # fmt: skip
    """Return `78.3 ± 0.4`, or `99.7 (98.9 to 100)` where a bound is that of the metric.

    The mean alone where there is no interval; empty for None.

    Args:
        found: in the Record's unit.
        scale: of what is printed.
        most: decimals at most.
        sign: write + too.
        this_set: the interval on this very test set, of seeds alone.
        short: not finer than tenths unless the interval is.
    """
    if found is None or not math.isfinite(found.mean):
        return ""
    low, high = found.this_set if this_set else (found.low, found.high)
    mean, below, above = scale * found.mean, scale * (found.mean - low), scale * (high - found.mean)
    plus = "+" if sign else ""
    if not known(low, high):
        return f"{mean:{plus}z.{most}f}"
    wider = max(below, above)
    places = min(decimals(wider, most), 1 if short and wider >= TENTH else most)
    shown = f"{mean:{plus}z.{places}f}"
    if not symmetric(below, above):
        bounds = (bound(scale * edge, places, plus) for edge in (low, high))
        return f"{shown} ({' to '.join(bounds)})"
    return shown if float(f"{wider:.{places}f}") == 0 else f"{shown} ± {wider:.{places}f}"


def shown(interval: Interval | None, scale: float = 1.0, most: int = 2, sign: bool = False) -> str:
    """Return `78.3 ± 0.4` of a cost, with the digits that the interval supports; empty for None.

    The mean alone where there is no interval, or one too small for the last digit.
    """
    if interval is None or interval.num_values == 0 or not math.isfinite(interval.mean):
        return ""
    half = interval.half * scale
    places = decimals(half, most)
    mean = f"{interval.mean * scale:{'+' if sign else ''}z.{places}f}"
    return f"{mean} ± {half:.{places}f}" if float(f"{half:.{places}f}") > 0 else mean


def known(low: float, high: float) -> bool:
    """Whether bounds say anything: seeds that are equal by luck leave an interval of nothing."""
    return math.isfinite(low) and math.isfinite(high) and high - low > NOTHING


def symmetric(below: float, above: float) -> bool:
    """Whether no bound of an interval was moved into the range of its metric."""
    return abs(above - below) <= SHARE * max(below, above)


def basis(found: Chance) -> str:
    """Return the sources of chance in an interval: `seeds and pictures`, or `seeds`."""
    return "seeds" if found.why else BOTH


def without(found: Chance) -> str:
    """Return why a score has no interval; empty if it has one."""
    if found.num_seeds < 2:
        return ONE_SEED
    return "" if known(found.low, found.high) else EQUAL


def about(scores: Sequence[tuple[str, Chance]]) -> Iterator[str]:
    """Yield what a reader must know of the intervals of some methods' scores.

    Args:
        scores: method and score.
    """
    names: dict[str, list[str]] = {}
    for name, found in scores:
        if text := without(found) or _why(found):
            names.setdefault(text, []).append(name)
    for text, methods in names.items():
        yield text if len(methods) == len(scores) else f"{', '.join(methods)}: {text}"


def _why(found: Chance) -> str:
    return "" if found.why in {"", NO_OUTCOMES} else f"{SEEDS_ALONE}: {found.why}"


def bound(value: float, places: int, plus: str) -> str:
    """Return a bound of an interval; the metric's own without digits behind the point."""
    return f"{value:{plus}.0f}" if abs(value) == 100 else f"{value:{plus}z.{places}f}"
