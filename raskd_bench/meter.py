"""Clocks, step times, memory and energy of a trial.

Each is read at the ends of blocks only (a block is a stretch of steps without evaluation, at most
an epoch long): inside a block nothing waits for the device.
"""

import itertools
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from multiprocessing import active_children
from pathlib import Path
from typing import Any, Literal, TypeVar

import psutil
import torch

T = TypeVar("T")
ClockName = Literal["setup", "train", "eval", "io"]
PEAK = re.compile(rb"VmHWM:\s+(\d+) kB")
CLOCK_TOLERANCE = 0.01  # relative difference between the clocks' sum and the wall


def synchroniser(device: torch.device) -> Callable[[], None]:
    """Return a function that waits for the device to finish."""
    if device.type == "cuda":
        return lambda: torch.cuda.synchronize(device)
    return lambda: None


class Clocks:
    """Four clocks, of which exactly one runs at any time.

    Args:
        synchronise: called before each reading.
        now: seconds, monotonic; injected by tests.
    """

    def __init__(
        self,
        synchronise: Callable[[], None] = lambda: None,
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.now = now
        self._synchronise = synchronise
        self._current: ClockName = "setup"
        self._totals: dict[ClockName, float] = {"setup": 0, "train": 0, "eval": 0, "io": 0}
        self.started = self._since = now()

    def switch(self, name: ClockName) -> ClockName:
        """Stop the running clock, start another, and return the name of the stopped one."""
        self._synchronise()
        moment = self.now()
        before = self._current
        self._totals[before] += moment - self._since
        self._since = moment
        self._current = name
        return before

    def seconds(self, name: ClockName) -> float:
        """Return what a clock shows, without waiting for the device."""
        running = self.now() - self._since if name == self._current else 0.0
        return self._totals[name] + running

    def check(self) -> float:
        """Return the wall-clock seconds since the start.

        Raises:
            RuntimeError: the four clocks do not add up to it within 1 %.
        """
        self.switch(self._current)
        wall = self.now() - self.started
        total = sum(self._totals.values())
        if abs(total - wall) > CLOCK_TOLERANCE * wall + 1e-3:
            raise RuntimeError(f"clocks add up to {total:.3f} s, the wall says {wall:.3f} s")
        return wall


class StepTimes:
    """Durations of steps: host times on a CPU, events on a GPU, so that nothing waits."""

    def __init__(self, device: torch.device, now: Callable[[], float] = time.perf_counter) -> None:
        self._cuda = device.type == "cuda"
        self._now = now
        self._marks: list[Any] = []
        self.seconds: list[float] = []
        self.waited_seconds = 0.0

    def mark(self) -> None:
        """Mark the start of the first step of a block, or the end of a step."""
        if self._cuda:
            event: Any = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
            event.record()
            self._marks.append(event)
        else:
            self._marks.append(self._now())

    def close(self) -> None:
        """Turn the block's marks into durations; the device must be idle."""
        for before, after in itertools.pairwise(self._marks):
            self.seconds.append(before.elapsed_time(after) / 1e3 if self._cuda else after - before)
        self._marks.clear()

    def waiting(self, items: Iterator[T]) -> Iterator[T]:
        """Yield the items and keep the host time spent waiting for them."""
        while True:
            since = self._now()
            try:
                item = next(items)
            except StopIteration:
                return
            finally:
                self.waited_seconds += self._now() - since
            yield item


class PeakMemory:
    """Peak memory between `start` and `stop`, over any number of such stretches.

    On the host it is the sum, over the process and its workers, of each one's peak resident set:
    read from Linux, which can reset it; elsewhere the current size stands in for it, and `source`
    says so.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.allocated_bytes: int | None = None
        self.reserved_bytes: int | None = None
        self.host_bytes = 0
        self.source = "VmHWM"

    def start(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device)
        for number in _processes():
            try:
                with Path(f"/proc/{number}/clear_refs").open("wb", buffering=0) as file:
                    file.write(b"5")
            except OSError:
                if psutil.pid_exists(number):  # one that has just ended changes nothing
                    self.source = "current resident set"

    def stop(self) -> None:
        if self._device.type == "cuda":
            allocated = torch.cuda.max_memory_allocated(self._device)
            reserved = torch.cuda.max_memory_reserved(self._device)
            self.allocated_bytes = max(self.allocated_bytes or 0, allocated)
            self.reserved_bytes = max(self.reserved_bytes or 0, reserved)
        self.host_bytes = max(self.host_bytes, sum(map(self._peak, _processes())))

    def _peak(self, number: int) -> int:
        if self.source == "VmHWM":
            # psutil gives no peak on Linux, and its process costs 0.1 ms to make
            with suppress(OSError):
                if found := PEAK.search(Path(f"/proc/{number}/status").read_bytes()):
                    return int(found[1]) * 1024
        with suppress(psutil.Error):
            return int(psutil.Process(number).memory_info().rss)
        return 0


def _processes() -> list[int]:
    """Return the numbers of this process and of its workers, as Python knows them."""
    workers = (child.pid for child in active_children())
    return [os.getpid(), *(number for number in workers if number is not None)]


class Energy:
    """Joules used by a GPU between `start` and `stop`; None on a CPU or where NVML gives none."""

    def __init__(self, device: torch.device) -> None:
        self.joules: float | None = None
        self._handle: Any = None
        self._before = 0.0
        if device.type == "cuda":
            import pynvml

            with suppress(pynvml.NVMLError):
                pynvml.nvmlInit()
                uuid = f"GPU-{torch.cuda.get_device_properties(device).uuid}"
                self._handle = pynvml.nvmlDeviceGetHandleByUUID(uuid)
                self.joules = 0.0
                self.start()

    def start(self) -> None:
        if self.joules is not None:
            self._before = self._read()

    def stop(self) -> None:
        if self.joules is not None:
            used = self._read() - self._before
            self.joules = None if self.joules is None else self.joules + used

    def _read(self) -> float:
        """Return the meter's reading; without one there is no sum either."""
        import pynvml

        try:
            return float(pynvml.nvmlDeviceGetTotalEnergyConsumption(self._handle)) / 1e3
        except pynvml.NVMLError:
            self.joules = None
            return 0.0
