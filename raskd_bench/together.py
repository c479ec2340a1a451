"""Trials that differ in their seed, trained as one network: their students are stacked.

Each has its own batches, method, ledger and curve; the backbone's kernels and the optimiser's are
shared. So are the clocks: what one of them would have taken alone is not known.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import torch
from torch import amp, nn

from raskd_bench.batch import Batch, Progress, Terms
from raskd_bench.errors import BenchError, Diverged, IncompatibleTrial
from raskd_bench.execute import charges, clock_readings
from raskd_bench.lab import Lab, new_lab
from raskd_bench.meter import Clocks, synchroniser
from raskd_bench.method import Method
from raskd_bench.pace import learning_rate_factor
from raskd_bench.setup import (
    Autocast,
    autocast_of,
    build,
    first_epoch_rng,
    new_optimizer,
    new_step,
    random_batch,
    seconds_of,
    warm_up,
)
from raskd_bench.spec.trial import Trial
from raskd_bench.students.stack import Stack
from raskd_bench.trainer import train
from raskd_bench.training import Training, measurements, new_pace, new_training

TRIED_STEPS = 5  # of each kind, in turns, to see which is faster
# of a stack, not of one of its trials
NOT_KNOWN = ("step_seconds", "peak_allocated_bytes", "peak_reserved_bytes", "peak_host_bytes",
             "energy_joules")  # fmt: skip

Report = Callable[[int, dict[str, Any]], None]


class NotTogether(BenchError):
    """Trials that must run one by one, or are faster so."""


class Batches(NamedTuple):
    """A batch of each member."""

    parts: tuple[Batch, ...]


class Methods(nn.Module):
    """L = sum_k L_k: the methods of a stack's members, whose gradients do not meet."""

    def __init__(self, methods: Sequence[Method]) -> None:
        super().__init__()
        self.members = list(methods)
        self.modules_of_members = nn.ModuleList(methods)

    def start_epoch(self, progress: Progress) -> None:
        """Refresh what changes once an epoch."""
        for method in self.members:
            method.start_epoch(progress)

    def forward(self, stack: Stack, batch: Batches, progress: Progress) -> Terms:
        """Return the terms of all members, each named `member:term`."""
        stack.offer([part.views[0].images for part in batch.parts])
        rows = enumerate(zip(stack.members, self.members, batch.parts, strict=True))
        return {
            f"{index}:{name}": term
            for index, (member, method, part) in rows
            for name, term in method(member, part, progress).items()
        }


class Watches:
    """The watches of a stack's trainings: one that diverges is watched no longer.

    Args:
        trainings: of all members.
        clocks: that they share.
    """

    def __init__(self, trainings: Sequence[Training], clocks: Clocks) -> None:
        self._trainings = trainings
        self._clocks = clocks

    def start_epoch(self, batches: Iterator[Batches]) -> Iterator[Batches]:
        """Return the batches of an epoch, their waiting time kept by the first."""
        return self._trainings[0].watch.times.waiting(batches)

    def after_step(self, batch: Batches, terms: Terms, *, epoch_ends: bool) -> None:
        """Show each member's part to its watch.

        Raises:
            Diverged: all of them have.
        """
        for index, training in enumerate(self._trainings):
            if training.failure is not None:
                continue
            prefix = f"{index}:"
            own = {name.removeprefix(prefix): term
                   for name, term in terms.items() if name.startswith(prefix)}  # fmt: skip
            try:
                training.watch.after_step(batch.parts[index], own, epoch_ends=epoch_ends)
            except Diverged as failure:
                training.failure = failure
                self._clocks.switch("train")  # of the others
        failures = [training.failure for training in self._trainings]
        if failures[0] is not None and all(failures):
            raise failures[0]


def execute_together(
    trials: Sequence[Trial], device: torch.device, folder: Path, report: Report
) -> list[dict[str, Any]]:
    """Run trials that differ in their seed and return the measured part of each one's Record.

    Args:
        trials: of a method that declares `seeds_together`.
        device: where.
        folder: of the suite's file.
        report: told of each point of a curve, and whose it is.

    Raises:
        NotTogether: their network cannot be stacked, or it would not be faster.
        BenchError: data set, student or method cannot be made.
    """
    clocks = Clocks(synchroniser(device))
    lab = new_lab(trials[0], device, folder, clocks, lambda point: None)
    autocast = partial(autocast_of, device, trials[0])
    warmth = warm_up(lab, trials[0], *build(lab, trials[0], None), autocast)
    _check_faster(lab, trials, autocast)
    pairs = [build(lab, trial, None) for trial in trials]
    pace = new_pace(trials[0], lab, pairs[0][1], warmth.step_flops)
    labs = [replace(lab, report=partial(report, index)) for index in range(len(trials))]
    stack, methods = _stacked(trials[0], pairs)
    trainings = [new_training(trial, own, *pair, pace, warmth)
                 for trial, own, pair in zip(trials, labs, pairs, strict=True)]  # fmt: skip
    with suppress(Diverged):  # all of them have: each training holds its own
        train(
            stack, methods, partial(_epoch, lab, trials, methods),
            optimizer=new_optimizer(trials[0], stack, methods),
            rate=lambda spent: trials[0].optimizer.lr * learning_rate_factor(
                trials[0].schedule, spent),
            autocast=autocast, scaler=amp.GradScaler(device.type, enabled=False),
            pace=pace, watch=Watches(trainings, clocks),
        )  # fmt: skip
    clocks.switch("io")
    readings = clock_readings(lab)
    return [_measured(training, readings, len(trials)) for training in trainings]


def _measured(training: Training, readings: dict[str, float], count: int) -> dict[str, Any]:
    measured = measurements(training) | readings
    unknown = dict.fromkeys(NOT_KNOWN)
    return measured | charges(measured, None, None) | unknown | {"seeds_together": count}


def _stacked(trial: Trial, pairs: Sequence[tuple[Any, Method]]) -> tuple[Stack, Methods]:
    stack = Stack([student for student, _ in pairs])
    if trial.compile:
        stack.backbone.compile()
    return stack, Methods([method for _, method in pairs])


def _epoch(lab: Lab, trials: Sequence[Trial], methods: Methods, epoch: int) -> Iterator[Batches]:
    """Return an epoch of batches of all members, each as it would see it alone."""
    drawn = [
        lab.train.epoch(trial.seed, epoch, method.sample, trial.batch_size)
        for trial, method in zip(trials, methods.members, strict=True)
    ]
    return (Batches(parts) for parts in zip(*drawn, strict=True))


def _check_faster(lab: Lab, trials: Sequence[Trial], autocast: Autocast) -> None:
    """Take steps of both kinds in turns.

    Raises:
        NotTogether: a step of the stack takes as long as one step of each of its trials, or there
            is no stack of such networks.
    """
    first = trials[0]
    alone = build(lab, first, None)
    lists = alone[1].sample(lab.train.split.labels, first.batch_size, first_epoch_rng(first.seed))
    source = lab.train.split.source
    noise = partial(random_batch, alone[1], lists[0], (source.height, source.width),
                    lab.task.num_classes, lab.device, first)  # fmt: skip
    try:
        stack, methods = _stacked(first, [build(lab, trial, None) for trial in trials])
    except IncompatibleTrial as reason:
        raise NotTogether(str(reason)) from None
    steps = [
        new_step(first, *alone, noise(), autocast),
        new_step(first, stack, methods, Batches(tuple(noise() for _ in trials)), autocast),
    ]
    for step in steps:
        step()
    taken = [[seconds_of(lab, step) for step in steps] for _ in range(TRIED_STEPS)]
    one, together = (median(times) for times in zip(*taken, strict=True))
    if together >= len(trials) * one:
        raise NotTogether(
            f"a step of {len(trials)} seeds takes {together / one:.1f} times that of one"
        )
