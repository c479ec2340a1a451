"""One Trial, in this process: set-up, warm-up, training, evaluation, and what they measured."""

from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import amp

from raskd_bench.errors import Diverged
from raskd_bench.lab import Lab, new_lab
from raskd_bench.meter import ClockName, Clocks, synchroniser
from raskd_bench.pace import learning_rate_factor
from raskd_bench.record import Preparation
from raskd_bench.setup import autocast_of, build, new_optimizer, warm_up
from raskd_bench.spec.trial import Trial
from raskd_bench.teachers import FrozenTeacher, load_teacher, save_weights, weight_bytes
from raskd_bench.trainer import train
from raskd_bench.training import Training, measurements, new_pace, new_training
from raskd_bench.watch import Report

CLOCKS: tuple[ClockName, ...] = ("setup", "train", "eval", "io")


def execute(
    trial: Trial,
    device: torch.device,
    folder: Path,
    report: Report,
    *,
    teacher: Preparation | None = None,
    save_to: Path | None = None,
) -> dict[str, Any]:
    """Run a trial and return the measured part of its Record.

    A trial that diverges gives what it had measured until then, with status `diverged`.

    Args:
        trial: what to run.
        device: where.
        folder: of the suite's file.
        report: told of each point of the curve.
        teacher: the trained one, for a trial that has a teacher.
        save_to: file for the student's weights at the end.

    Raises:
        BenchError: data set, student or method cannot be made.
    """
    clocks = Clocks(synchroniser(device))
    lab = new_lab(trial, device, folder, clocks, report)
    frozen = load_teacher(trial, lab.task, teacher.weights, device) if teacher else None
    training = _fit(lab, trial, frozen)
    if save_to is not None and training.failure is None:
        save_weights(training.student, save_to)
    measured = measurements(training) | clock_readings(lab)
    return measured | charges(measured, teacher, frozen)


def _fit(lab: Lab, trial: Trial, teacher: FrozenTeacher | None) -> Training:
    """Warm up, rebuild from the same seed, train."""
    lab.clocks.switch("setup")
    autocast = partial(autocast_of, lab.device, trial)
    warmth = warm_up(lab, trial, *build(lab, trial, teacher), autocast)
    student, method = build(lab, trial, teacher)
    pace = new_pace(trial, lab, method, warmth.step_flops)
    optimizer = new_optimizer(trial, student, method)
    training = new_training(trial, lab, student, method, pace, warmth)
    try:
        train(
            student, method, lambda epoch: lab.train.epoch(
                trial.seed, epoch, method.sample, trial.batch_size, method.views),
            optimizer=optimizer,
            rate=lambda spent: trial.optimizer.lr * learning_rate_factor(trial.schedule, spent),
            autocast=autocast,
            scaler=amp.GradScaler(lab.device.type, enabled=trial.precision == "fp16"),
            pace=pace, watch=training.watch,
        )  # fmt: skip
    except Diverged as failure:
        training.failure = failure
    lab.clocks.switch("io")
    return training


def clock_readings(lab: Lab) -> dict[str, float]:
    """Return what the clocks of a lab show."""
    wall = lab.clocks.check()
    read = {f"{name}_seconds": lab.clocks.seconds(name) for name in CLOCKS}
    return {"wall_seconds": wall} | read


def charges(
    measured: dict[str, Any], teacher: Preparation | None, frozen: FrozenTeacher | None
) -> dict[str, Any]:
    """Return the fields that a teacher's training and weights change."""
    if teacher is None or frozen is None:
        return {"preparation_seconds": 0.0, "preparation_flops": 0, "preparation_steps": 0}
    return {
        "train_seconds": measured["train_seconds"] + teacher.seconds,
        "train_flops": measured["train_flops"] + teacher.flops,
        "state_bytes": measured["state_bytes"] + weight_bytes(frozen.student),
        "preparation_seconds": teacher.seconds,
        "preparation_flops": teacher.flops,
        "preparation_steps": teacher.steps,
        "teacher_top1": teacher.top1,
    }
