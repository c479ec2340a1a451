"""Warm-up of two arms in turns, until their step times have settled."""

import math
import statistics
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from raskd_bench.evidence.blocks import ArmName
from raskd_bench.overhead.arms import Arm

MIN_STEPS = 20
MIN_SECONDS = 1.0  # instead of 20 steps where a step is slow
MAX_SECONDS = 15.0  # of an arm
MIN_WINDOWS = 4
WINDOW_SECONDS = 0.05
TOLERANCE = 0.005  # between windows, or what their own noise allows


class Warmth(NamedTuple):
    """How an arm warmed up.

    Attributes:
        steps: taken.
        seconds: that they took.
        step_seconds: at its end: median over the windows after the first.
        steady: the last windows agreed.
    """

    steps: int
    seconds: float
    step_seconds: float
    steady: bool


def warm_up(
    arms: Mapping[ArmName, Arm], most_seconds: float = MAX_SECONDS
) -> dict[ArmName, Warmth]:
    """Let the arms take windows of steps in turns until both have settled, or time is up.

    Args:
        arms: of a comparison.
        most_seconds: of an arm, after which it is taken as it is.
    """
    steps, windows = _first_window(arms)
    taken = dict.fromkeys(arms, 1)
    used = {name: times[0] for name, times in windows.items()}
    while not all(_done(taken[name], used[name], windows[name], most_seconds) for name in arms):
        for name, arm in arms.items():
            seconds = arm.block(steps)["seconds"]
            windows[name].append(seconds / steps)
            taken[name] += steps
            used[name] += seconds
    return {
        name: Warmth(taken[name], used[name], statistics.median(windows[name][1:]),
                     settled(windows[name][1:]))
        for name in arms
    }  # fmt: skip


def settled(windows: Sequence[float]) -> bool:
    """Whether the last windows took as long as those before them.

    They agree if their medians differ by at most 0.5 %, or by what the scatter of the windows
    makes likely: on a shared host no two windows agree better than that.
    """
    size = len(windows) // 2
    if size == 0:
        return False
    before, last = windows[-2 * size : -size], windows[-size:]
    # of neighbours, so that a trend is not taken for scatter; 1.05 makes jumps a deviation
    jumps = statistics.median(abs(b - a) for a, b in pairwise(windows))
    noise = 1.5 * 1.05 * jumps * math.sqrt(2 / size)
    difference = abs(statistics.median(last) - statistics.median(before))
    return bool(difference <= max(TOLERANCE * statistics.median(windows), noise))


def _first_window(arms: Mapping[ArmName, Arm]) -> tuple[int, dict[ArmName, list[float]]]:
    """Take a first step, which also makes kernels and memory ready, and one to size windows by."""
    windows = {name: [arm.block(1)["seconds"]] for name, arm in arms.items()}
    fastest = min(arm.block(1)["seconds"] for arm in arms.values())
    return max(1, math.ceil(WINDOW_SECONDS / max(fastest, 1e-6))), windows


def _done(steps: int, seconds: float, windows: Sequence[float], most_seconds: float) -> bool:
    enough = steps >= MIN_STEPS or seconds >= MIN_SECONDS
    if not enough or len(windows) <= MIN_WINDOWS:
        return False
    return seconds >= most_seconds or settled(windows[1:])
