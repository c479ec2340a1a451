"""Which processes use the machine: this run's own, and others."""

from collections.abc import Iterable
from typing import Any

import psutil

from raskd_bench.disturbance import MOST_TAKEN, HostWatch
from raskd_bench.machine import usable_cores

LEAST_NAMED = 0.05  # cores that a process takes to be named


def family(number: int | None = None) -> set[int]:
    """Return the process ids of a process, this one unless given, and of all that it started."""
    process = psutil.Process(number)
    return {process.pid, *(child.pid for child in process.children(recursive=True))}


def seconds_of(number: int) -> float:
    """Return the processor time of a process and of its children that have ended."""
    try:
        return _seconds(psutil.Process(number).cpu_times())
    except psutil.Error:
        return 0.0  # it has just ended: its parent's time holds its own


def _seconds(times: Any) -> float:
    ended = getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
    return float(times.user + times.system + ended)


def started_seconds() -> float:
    """Return the processor time of all that this process has started, ended or not."""
    own = psutil.Process()
    times = own.cpu_times()
    living = sum(seconds_of(child.pid) for child in own.children(recursive=True))
    return _seconds(times) - times.user - times.system + living


UsedSeconds = dict[int, tuple[str, float]]


def used_seconds(without: Iterable[int] = ()) -> UsedSeconds:
    """Return each process's name and the processor time that it has used so far, by its id.

    Args:
        without: process ids that are left out.
    """
    found, left_out = {}, set(without)
    for process in psutil.process_iter(["name", "cpu_times"]):
        times = process.info["cpu_times"]
        if times is not None and process.pid not in left_out:
            found[process.pid] = process.info["name"], times.user + times.system
    return found


def busiest(before: UsedSeconds, after: UsedSeconds) -> list[tuple[str, float]]:
    """Return the three processes that used most in between, as `name (pid)`, and the seconds."""
    used = {pid: seconds - before.get(pid, ("", 0.0))[1] for pid, (_, seconds) in after.items()}
    busy = [pid for pid in sorted(used, key=lambda pid: -used[pid]) if used[pid] > 0]
    return [(f"{after[pid][0]} ({pid})", used[pid]) for pid in busy[:3]]


class Bystanders:
    """Sees from now on what else keeps the machine busy, while this process does little itself."""

    def __init__(self) -> None:
        self._watch = HostWatch()
        self._used, self._started = used_seconds(family()), started_seconds()
        self._before = self._watch.read()

    def busy(self) -> str | None:
        """Return in words who takes how many cores, or None if that is little."""
        cores = usable_cores()
        found = self._watch.others(self._before, started_seconds() - self._started)
        others = (found.foreign_seconds + found.stolen_seconds) / found.seconds
        if others <= MOST_TAKEN:
            return None
        used = busiest(self._used, used_seconds(family()))
        who = [f"{name} {seconds / found.seconds:.1f}" for name, seconds in used
               if seconds / found.seconds >= LEAST_NAMED]  # fmt: skip
        listing = f" ({', '.join(who)})" if who else ""
        return f"other work takes {others:.1f} of {cores} cores{listing}"
