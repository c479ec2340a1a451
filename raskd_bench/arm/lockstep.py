"""What holds a training loop between blocks, and times these."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import psutil
import torch

from raskd_bench.batch import Batch, Progress, Terms
from raskd_bench.heap import release_heap
from raskd_bench.meter import Energy, PeakMemory, synchroniser

CYCLES = 1_000_000  # of one call of a GPU's spin while it is calibrated


class Released(Exception):
    """The coordinator has no more blocks to ask for."""


class ArmPace:
    """A trial that is always half spent, in its second epoch or later: no method's first step."""

    def __init__(self) -> None:
        self.step = 0
        self.epoch = 1
        self.spent = 0.5
        self.steps_per_epoch = 2**62

    def advance(self) -> None:
        """Count a step."""
        self.step += 1

    def progress(self) -> Progress:
        """Return what the method may know of time."""
        return Progress(self.step, self.epoch, 2.0 * (self.epoch + 1), self.spent)


class Lockstep:
    """Holds a training loop between blocks, and times these.

    Args:
        connection: to the coordinator; it sends `("block", steps)`, and so on, see `_obey`.
        pace: of the loop.
        device: where it trains.
        held: makes the loader's readers stand still, which would read ahead while the other arm
            works.
        now: seconds, monotonic; injected by tests.
    """

    def __init__(
        self,
        connection: Connection,
        pace: ArmPace,
        device: torch.device,
        held: Callable[[], AbstractContextManager[None]] = nullcontext,
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.pace = pace
        self.warm = False
        self.epoch_seconds: list[float] = []
        self._connection = connection
        self._device = device
        self._held = held
        self._synchronise = synchroniser(device)
        self._now = now
        self._left = 0
        self._seconds = 0.0
        self._since = 0.0
        self._cpu_since = 0.0
        self._paused_at: float | None = None
        self._extra_seconds = 0.0
        self._cycles_per_second = 0.0
        self._meters: list[PeakMemory | Energy] = []

    def start_epoch(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """Yield an epoch's batches; its start is timed apart from the steps."""
        if self._paused_at is not None:
            self._synchronise()
            self.epoch_seconds.append(self._now() - self._paused_at)
            self._paused_at = None
            self._since = self._now()
        if self._left == 0:
            self._await()
        yield from batches
        self._synchronise()
        self._paused_at = self._now()
        self._seconds += self._paused_at - self._since
        self.pace.epoch += 1

    def after_step(self, batch: Batch, terms: Terms, *, epoch_ends: bool) -> None:
        """Count a step; at the end of a block tell its time and wait for the next."""
        if self._extra_seconds:
            self._spin()
        self._left -= 1
        if self._left == 0:
            self._synchronise()
            self._seconds += self._now() - self._since
            self._await(terms)

    def _answer(self, terms: Terms) -> None:
        answer = {"seconds": self._seconds, "cpu_seconds": cpu_seconds() - self._cpu_since}
        for meter in self._meters:
            meter.stop()
            answer |= {name: value for name, value in vars(meter).items()
                       if not name.startswith("_")}  # fmt: skip
        self._meters = []
        losses = torch.stack([term.detach().float() for term in terms.values()])
        answer["finite"] = bool(losses.isfinite().all())
        self._connection.send(("answer", answer))

    def _await(self, terms: Terms | None = None) -> None:
        """Wait for a command that asks for steps, once a block's answer is given if one is over.

        The loader's readers are still before the answer goes: with it the other arm may begin.
        """
        with self._held():
            if terms is not None:
                self._answer(terms)
            while not self._obey(*self._connection.recv()):
                pass
        self._seconds = 0.0
        self._cpu_since = cpu_seconds()
        self._synchronise()
        self._since = self._now()

    def _obey(self, command: str, value: Any = None) -> bool:
        """Carry a command out; whether it asks for steps.

        `block` n: take n steps. `metered` (name, n): the same, with memory or energy measured.
        `spin` seconds: from now on, each step lasts that much longer. `warm`: the warm-up is over.
        `release`: end.
        """
        match command:
            case "block":
                self._left = value
                return True
            case "metered":
                name, self._left = value
                meter = PeakMemory(self._device) if name == "memory" else Energy(self._device)
                release_heap()  # what set-up has freed would hide what a step takes
                meter.start()
                self._meters = [meter]
                return True
            case "spin":
                self._extra_seconds = value
                self._cycles_per_second = _spin_rate(self._device)
                self._connection.send(("answer", {}))
            case "warm":
                self.warm = True
                median = float(np.median(self.epoch_seconds)) if self.epoch_seconds else 0.0
                self._connection.send(("answer", {"epoch_seconds": median}))
            case "release":
                raise Released
        return False

    def _spin(self) -> None:
        """Lengthen the host's time and the device's by the same: one of them is what binds."""
        until = self._now() + self._extra_seconds
        if self._device.type == "cuda":
            _gpu_sleep(round(self._extra_seconds * self._cycles_per_second))
        while self._now() < until:
            pass


def cpu_seconds() -> float:
    """Return the processor time of this process and of its loader's workers."""
    process = psutil.Process()
    own = process.cpu_times()
    total = own.user + own.system
    for child in process.children():
        try:
            times = child.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


def _spin_rate(device: torch.device) -> float:
    """Return how many cycles a GPU's spin makes in a second; 0 on a CPU, which looks at a clock."""
    if device.type != "cuda":
        return 0.0
    _gpu_sleep(CYCLES)
    torch.cuda.synchronize(device)
    start = time.perf_counter()
    _gpu_sleep(100 * CYCLES)
    torch.cuda.synchronize(device)
    return 100 * CYCLES / (time.perf_counter() - start)


def _gpu_sleep(cycles: int) -> None:
    """Queue a kernel that spins; the host goes on."""
    torch.cuda._sleep(cycles)  # type: ignore[no-untyped-call]
