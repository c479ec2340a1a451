"""What is said of trials and comparisons while they run, in a few words."""

import math

from raskd_bench.evidence.blocks import Header
from raskd_bench.record import Record
from raskd_bench.stats import Estimate


def summary(result: Record) -> str:
    """Return how a trial ended, in a few words."""
    if not result.finished:
        reason = (result.error or "").partition("\n")[0]
        return f"{result.status}: {reason}"
    accuracy = 100 * (result.test_top1 or 0)
    return f"top-1 {accuracy:.2f} %, trained {clock(result.train_seconds or 0)}"


def clock(seconds: float) -> str:
    """Return `8.2 s`, `3:07` or `1:02:45`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def span(seconds: float) -> str:
    """Return a length of time in words, rounded up: `45 s`, `7 min`."""
    return f"{math.ceil(seconds)} s" if seconds < 120 else f"{math.ceil(seconds / 60)} min"


def compared(header: Header) -> str:
    """Return what a comparison is about, in a few words."""
    names = {"a/a": "A/A", "spike": f"spike of {header.spike or 0:.1%}", "method": header.label}
    return f"{names[header.role]} on {header.cell['student']}, {header.mode}"


def percent(found: Estimate) -> str:
    """Return a log ratio as `+0.8 % (+0.4 to +1.2 %)`."""
    if math.isnan(found.value):
        return "every pair was disturbed by other work"
    value, low, high = (100 * math.expm1(min(x, 50.0)) for x in found[:3])
    return f"{value:+.2f} % ({low:+.2f} to {high:+.2f} %)"
