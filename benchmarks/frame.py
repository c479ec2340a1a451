"""What every benchmark gives, and how two things are timed against each other."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from raskd_bench.stats import student_t, trimmed_estimate

CONFIDENCE = 0.95
Clock = Callable[[], float]


@dataclass(frozen=True)
class Bound:
    """What is asked of a value.

    Attributes:
        text: as a table says it.
        most: what the value may be at most.
        least: what it must be at least.
        disproof: it holds unless the whole interval speaks against it.
    """

    text: str
    most: float = math.inf
    least: float = -math.inf
    disproof: bool = False

    def holds(self, value: float, low: float, high: float) -> bool | None:
        """Whether it holds in the whole interval; None where the interval leaves it open.

        Without an interval (NaN) the value alone decides.
        """
        low, high = (value if math.isnan(end) else end for end in (low, high))
        if self.least <= low and high <= self.most:
            return True
        if high < self.least or low > self.most:
            return False
        return True if self.disproof else None


@dataclass(frozen=True)
class Result:
    """One row of a benchmark.

    Attributes:
        name: an identifier, unique in its benchmark; its explanation names it so.
        what: was measured.
        against: what; empty for a value that stands alone.
        asked: of the value, in words; empty if nothing is.
        holds: whether what is asked is so; None where the interval leaves it open.
        value: the estimate.
        low: lower bound of its 95 % interval, NaN where there is none.
        high: upper bound.
        n: pairs or repetitions that it comes from.
        unit: of the value, as it is written behind it.
        conditions: what it depends on, and raw figures that go with it.
    """

    name: str
    what: str
    against: str
    asked: str
    holds: bool | None
    value: float
    low: float
    high: float
    n: int
    unit: str
    conditions: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Paired:
    """Two things timed in turn.

    Attributes:
        ratio: of the first's time to the second's: exp of the 10 % trimmed mean of log ratios.
        low: lower bound of its 95 % interval, NaN of fewer than two pairs.
        high: upper bound.
        n: pairs.
        first_seconds: median of the first.
        second_seconds: of the second.
    """

    ratio: float
    low: float
    high: float
    n: int
    first_seconds: float
    second_seconds: float


def paired(
    first: Callable[[], object],
    second: Callable[[], object],
    pairs: int,
    rng: np.random.Generator,
    clock: Clock = time.perf_counter,
) -> Paired:
    """Time two functions in pairs, the order inside each pair at random.

    Args:
        first: does its work once; it waits for the device itself.
        second: the same.
        pairs: how many; what must be warm was warmed up before.
        rng: draws the orders.
        clock: in seconds.
    """
    arms, seconds = (first, second), np.empty((pairs, 2))
    for row in seconds:
        for which in rng.permutation(2):
            before = clock()
            arms[which]()
            row[which] = clock() - before
    return of_seconds(seconds[:, 0].tolist(), seconds[:, 1].tolist())


def of_seconds(first: Sequence[float], second: Sequence[float]) -> Paired:
    """Return what pairs of times say."""
    logs = [math.log(one / other) for one, other in zip(first, second, strict=True)]
    found = trimmed_estimate(logs, CONFIDENCE)
    ratio, low, high = (math.exp(log) for log in (found.value, found.low, found.high))
    return Paired(ratio, low, high, len(logs), float(np.median(first)), float(np.median(second)))


def of_rounds(rounds: Sequence[Paired]) -> Paired:
    """Return what rounds of pairs say, both things made anew for each: their geometric mean.

    Where tensors lie in memory makes a step of a network a percent faster or slower, for as long as
    they live; so the Student-t interval is over rounds, not over pairs.
    """
    mean, half, count = student_t([math.log(found.ratio) for found in rounds], CONFIDENCE)
    ratio, low, high = (math.exp(log) for log in (mean, mean - half, mean + half))
    first = float(np.median([found.first_seconds for found in rounds]))
    second = float(np.median([found.second_seconds for found in rounds]))
    return Paired(ratio, low, high, count, first, second)


def of_pairs(
    name: str, what: str, against: str, found: Paired, bound: Bound | None = None, *,
    faster: bool = False, **conditions: Any,
) -> Result:  # fmt: skip
    """Return the row of a comparison, its median times among the conditions.

    Args:
        name: of the row.
        what: the first of the pair.
        against: the second.
        found: their times.
        bound: what is asked.
        faster: whether the value is how many times faster the first is, not its share of the time.
        conditions: more of them.
    """
    interval, unit = (found.ratio, found.low, found.high), "of its time"
    if faster:
        interval, unit = (1 / found.ratio, 1 / found.high, 1 / found.low), "x as fast"
    times = {"seconds": found.first_seconds, "against_seconds": found.second_seconds}
    return new_result(name, what, interval, found.n, unit, bound, against=against, **times,
                      **conditions)  # fmt: skip


def of_values(
    name: str, what: str, values: Sequence[float], unit: str, bound: Bound | None = None,
    **conditions: Any,
) -> Result:  # fmt: skip
    """Return the row of repeated values: their mean with its Student-t interval."""
    mean, half, count = student_t(values, CONFIDENCE)
    return new_result(name, what, (mean, mean - half, mean + half), count, unit, bound,
                      **conditions)  # fmt: skip


def new_result(
    name: str, what: str, interval: tuple[float, float, float], n: int, unit: str,
    bound: Bound | None = None, *, against: str = "", **conditions: Any,
) -> Result:  # fmt: skip
    """Return a row that has been judged by its bound."""
    asked = bound.text if bound is not None else ""
    holds = bound.holds(*interval) if bound is not None else None
    return Result(name, what, against, asked, holds, *interval, n, unit, conditions)


def device_name() -> str:
    """Return what a benchmark that can use a GPU runs on: `cuda` or `cpu`."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def until_done(work: Callable[[], object], device: str) -> Callable[[], None]:
    """Return a function that does some work and waits for the device to have done it."""
    import torch

    from raskd_bench.meter import synchroniser  # torch, which not every benchmark wants

    wait = synchroniser(torch.device(device))

    def done() -> None:
        work()
        wait()

    return done
