"""One arm of a paired comparison: the product's own training loop, stopped between blocks.

The loop that is timed is `trainer.train`, the one that trains trials. It runs once, from the first
warm-up step to the end; what sees each step (`Lockstep`) holds it between two blocks until the
coordinator asks for the next, so nothing is set up anew and nothing of the loop is left out.
"""

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil
import torch
from torch import amp

from raskd_bench.batch import Batch, Progress, Terms
from raskd_bench.data.splits import Labels
from raskd_bench.lab import Lab, new_lab
from raskd_bench.meter import Clocks, Energy, PeakMemory, synchroniser
from raskd_bench.method import Method
from raskd_bench.setup import autocast_of, build, first_epoch_rng, new_optimizer
from raskd_bench.spec.trial import Trial
from raskd_bench.teachers import untrained_teacher
from raskd_bench.trainer import train

RING = 4  # batches on the device in compute mode
WARM_EPOCH_STEPS = 4  # an epoch of the warm-up is cut short, so that its start is timed often
# weights hardly move: a ring of few batches would be learnt by heart, and gradients that vanish
# become denormal numbers, which are slow on a CPU
RATE = 1e-3
CYCLES = 1_000_000  # of one call of a GPU's spin while it is calibrated


class Released(Exception):
    """The coordinator has no more blocks to ask for."""


class ArmSpec(NamedTuple):
    """What an arm trains.

    Attributes:
        trial: with the method; its budget is not looked at.
        mode: `compute`: a ring of batches on the device; `end_to_end`: the real loader.
    """

    trial: Trial
    mode: str


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
        now: seconds, monotonic; injected by tests.
    """

    def __init__(
        self,
        connection: Connection,
        pace: ArmPace,
        device: torch.device,
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.pace = pace
        self.warm = False
        self.epoch_seconds: list[float] = []
        self._connection = connection
        self._device = device
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
            self._answer(terms)
            self._await()

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

    def _await(self) -> None:
        """Wait for a command that asks for steps."""
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
                meter.start()
                self._meters = [meter]
                return True
            case "spin":
                self._extra_seconds = value
                self._cycles_per_second = _spin_rate(self._device)
            case "warm":
                self.warm = True
                median = float(np.median(self.epoch_seconds)) if self.epoch_seconds else 0.0
                self._connection.send(("answer", {"epoch_seconds": median}))
            case "release":
                raise Released
        return False

    def _spin(self) -> None:
        if self._device.type == "cuda":
            _gpu_sleep(round(self._extra_seconds * self._cycles_per_second))
            return
        until = self._now() + self._extra_seconds
        while self._now() < until:
            pass


def run_arm(
    spec: ArmSpec,
    connection: Connection,
    device: torch.device,
    folder: Path,
    built: Callable[[], None] = lambda: None,
) -> None:
    """Train an arm in lockstep until it is released.

    Sends `("ready", facts)` first: the start is not timed.

    Args:
        spec: what it trains.
        connection: to the coordinator.
        device: where.
        folder: of the suite's file.
        built: called when student and method are made; torch's seed is free from then on.

    Raises:
        BenchError: data set, student or method cannot be made.
    """
    trial = spec.trial
    lab, batches = _batches(spec, device, folder)
    teacher = untrained_teacher(trial, lab.task)
    if teacher is not None:
        teacher.student.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    student, method = build(lab, trial, teacher)
    pace = ArmPace()
    watch = Lockstep(connection, pace, device)
    lists = method.sample(lab.train.split.labels, trial.batch_size, first_epoch_rng(trial.seed))
    built()
    connection.send(("ready", {"steps_per_epoch": len(lists)}))
    try:
        train(
            student, method, partial(batches, method, lists, watch),
            optimizer=new_optimizer(trial, student, method),
            rate=lambda spent: RATE * trial.optimizer.lr,
            autocast=partial(autocast_of, device, trial),
            scaler=amp.GradScaler(device.type, enabled=trial.precision == "fp16"),
            pace=pace, watch=watch,
        )  # fmt: skip
    except Released:
        return


Batches = Callable[[Method, Sequence[Labels], Lockstep, int], Iterator[Batch]]


def _batches(spec: ArmSpec, device: torch.device, folder: Path) -> tuple[Lab, Batches]:
    """Return the lab of an arm, and what gives it the batches of an epoch."""
    storage = "stream" if spec.mode == "compute" else None  # a ring needs few of the images
    lab = new_lab(spec.trial, device, folder, Clocks(), lambda point: None, storage=storage)
    if spec.mode == "compute":
        return lab, partial(_ring, lab)

    def loaded(method: Method, _: Any, watch: Lockstep, epoch: int) -> Iterator[Batch]:
        trial = spec.trial
        drawn = lab.train.epoch(trial.seed, epoch, method.sample, trial.batch_size, method.views)
        return drawn if watch.warm else itertools.islice(drawn, WARM_EPOCH_STEPS)

    return lab, loaded


def _ring(
    lab: Lab, method: Method, lists: Sequence[Labels], watch: Lockstep, epoch: int
) -> Iterator[Batch]:
    """Return the first batches of an epoch, over and over: they lie on the device."""
    used = lists[:RING]
    ids = np.concatenate(used)
    part = lab.train.resident(lab.train.split.subset(ids))
    ends = np.cumsum([len(indices) for indices in used])
    positions = [np.arange(end - len(i), end) for i, end in zip(used, ends, strict=True)]
    stable = torch.from_numpy(ids).to(lab.device)
    drawn = part.epoch(0, epoch, lambda *_: positions, len(positions[0]), method.views)
    return itertools.cycle([Batch(batch.views, stable[batch.ids]) for batch in drawn])


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
