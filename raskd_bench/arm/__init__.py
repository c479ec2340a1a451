"""One arm of a paired comparison: the product's own training loop, stopped between blocks.

The loop that is timed is `trainer.train`, the one that trains trials. It runs once, from the first
warm-up step to the end; what sees each step (`Lockstep`) holds it between two blocks until the
coordinator asks for the next, so nothing is set up anew and nothing of the loop is left out.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import amp

from raskd_bench.arm.lockstep import ArmPace, Lockstep, Released
from raskd_bench.batch import Batch
from raskd_bench.data.splits import Labels
from raskd_bench.lab import Lab, new_lab
from raskd_bench.meter import Clocks
from raskd_bench.method import Method
from raskd_bench.setup import autocast_of, build, first_epoch_rng, new_optimizer, place
from raskd_bench.spec.trial import Trial
from raskd_bench.teachers import FrozenTeacher, untrained_teacher
from raskd_bench.trainer import train

RING = 4  # batches on the device in compute mode
WARM_EPOCH_STEPS = 4  # an epoch of the warm-up is cut short, so that its start is timed often
EPOCH_STARTS = 3  # timed of a stream
# weights hardly move: a ring of few batches would be learnt by heart, and gradients that vanish
# become denormal numbers, which are slow on a CPU
RATE = 1e-3


class ArmSpec(NamedTuple):
    """What an arm trains.

    Attributes:
        trial: with the method; its budget is not looked at.
        mode: `compute`: a ring of batches on the device; `end_to_end`: the real loader.
    """

    trial: Trial
    mode: str


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
    if device.index is not None:
        torch.cuda.set_device(device)  # of this thread: spins and events have no device of theirs
    lab, batches = _batches(spec, device, folder)
    student, method = build(lab, trial, _teacher(lab, trial))
    pace = ArmPace()
    watch = Lockstep(connection, pace, device, held=lab.train.held)
    lists = method.sample(lab.train.split.labels, trial.batch_size, first_epoch_rng(trial.seed))
    if spec.mode == "end_to_end" and lab.train.storage == "stream":
        watch.epoch_seconds += _epoch_starts(lab, method, trial)
    built()
    facts = {"steps_per_epoch": len(lists), "threads": torch.get_num_threads()}
    connection.send(("ready", facts))
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


def _teacher(lab: Lab, trial: Trial) -> FrozenTeacher | None:
    """Return the trial's teacher, which need not be trained to cost what it costs."""
    teacher = untrained_teacher(trial, lab.task)
    if teacher is not None:
        place(teacher.student, lab.device, trial)
    return teacher


Batches = Callable[[Method, Sequence[Labels], Lockstep, int], Iterator[Batch]]


def _batches(spec: ArmSpec, device: torch.device, folder: Path) -> tuple[Lab, Batches]:
    """Return the lab of an arm, and what gives it the batches of an epoch."""
    ring = spec.mode == "compute"
    lab = new_lab(spec.trial, device, folder, Clocks(), lambda point: None, few_images=ring)
    if ring:
        return lab, partial(_ring, lab)

    def loaded(method: Method, _: Any, watch: Lockstep, epoch: int) -> Iterator[Batch]:
        trial = spec.trial
        drawn = lab.train.epoch(trial.seed, epoch, method.sample, trial.batch_size, method.views)
        # an epoch of a stream that is cut short throws away what its workers have read
        short = not watch.warm and lab.train.storage == "device"
        return itertools.islice(drawn, WARM_EPOCH_STEPS) if short else drawn

    return lab, loaded


def _epoch_starts(lab: Lab, method: Method, trial: Trial) -> list[float]:
    """Return how long the starts of epochs take that are not read: of a stream, whole ones are."""
    seconds = []
    for epoch in range(EPOCH_STARTS):
        begin = perf_counter()
        lab.train.epoch(trial.seed, epoch, method.sample, trial.batch_size, method.views)
        seconds.append(perf_counter() - begin)
    return seconds


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
