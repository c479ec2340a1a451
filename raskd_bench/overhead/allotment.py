"""How much time each comparison of a campaign gets, and which are not begun for want of it."""

from collections.abc import Callable, Sequence
from time import perf_counter

from raskd_bench.evidence.blocks import Comparison, Header, Role
from raskd_bench.overhead.engine import least_seconds
from raskd_bench.overhead.tasks import Task
from raskd_bench.spec.overhead import Overhead

# what is timed first where not everything may find time: a spike without a method shows nothing
FIRST: tuple[Role, ...] = ("a/a", "method", "spike")


class Allotment:
    """Divides the time of a campaign among its comparisons.

    Each gets `max_seconds`; with `total_seconds`, at most an equal part of what is left, so that
    what one leaves over goes to those that follow. A spike ends at the first look and is counted
    with the part of the time that it comes to.

    Args:
        overhead: the suite's campaign.
        waiting: comparisons that are to be timed.
        now: seconds, monotonic; injected by tests.
    """

    def __init__(
        self, overhead: Overhead, waiting: Sequence[Task], now: Callable[[], float] = perf_counter
    ) -> None:
        self._each, self._total = overhead.max_seconds, overhead.total_seconds
        self.waiting = tuple(waiting)
        if self._total is not None:
            self.waiting = tuple(sorted(waiting, key=lambda task: FIRST.index(task.header.role)))
        self._left = sum(map(_weight, self.waiting))
        self._now, self._begin = now, now()
        self._least: dict[str, float] = {}  # that a first look takes, in each place

    @property
    def most_seconds(self) -> float:
        """How long all of them take at most, as far as that is known before they start."""
        each = self._each * len(self.waiting)
        return each if self._total is None else min(self._total, each)

    def seconds_for(self, task: Task) -> float | None:
        """Return what the next comparison may take; None if it is not to be begun."""
        left, self._left = self._left, self._left - _weight(task)
        if self._total is None:
            return self._each
        remaining = self._total - (self._now() - self._begin)
        least = self._least.get(_place(task.header), 0.0)
        if remaining <= least:
            return None
        return min(self._each, max(remaining / left, least))

    def refusal(self, task: Task) -> str:
        """Return in words why a comparison is not begun."""
        remaining = max(0.0, (self._total or 0.0) - (self._now() - self._begin))
        least = self._least.get(_place(task.header))
        takes = f", its first look takes {least:.0f} s" if least else ""
        return f"not begun: {remaining:.0f} s of total_seconds ({self._total:g}) are left{takes}"

    def learn(self, known: Comparison) -> None:
        """Learn from a comparison that was timed what a first look takes."""
        if (least := least_seconds(known)) is not None:
            self._least[_place(known.header)] = least


def _weight(task: Task) -> float:
    """Return which part of its time a comparison uses."""
    looks = task.header.rules.looks
    return looks[0] / looks[-1] if task.header.role == "spike" else 1.0


def _place(header: Header) -> str:
    """Return a name of what the length of a step depends on most."""
    return f"{header.cell} {header.mode}"
