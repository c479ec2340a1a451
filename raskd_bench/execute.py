"""One Trial, in this process: set-up, warm-up, training, evaluation, and what they measured."""

from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import amp

from raskd_bench.errors import Diverged
from raskd_bench.evaluate import evaluate
from raskd_bench.lab import Lab, new_lab
from raskd_bench.meter import ClockName, Clocks, synchroniser
from raskd_bench.method import Method
from raskd_bench.pace import Pace, learning_rate_factor
from raskd_bench.record import Preparation, ReliabilityBin
from raskd_bench.setup import (
    Autocast,
    WarmUp,
    autocast_of,
    build,
    first_epoch_rng,
    new_optimizer,
    num_trainable,
    state_bytes,
    warm_up,
)
from raskd_bench.spec.trial import Trial
from raskd_bench.students.network import StudentNetwork
from raskd_bench.teachers import FrozenTeacher, load_teacher, save_weights, weight_bytes
from raskd_bench.trainer import train
from raskd_bench.watch import Report, TrainingWatch

CLOCKS: tuple[ClockName, ...] = ("setup", "train", "eval", "io")


@dataclass
class Evaluation:
    """Evaluates a student on the splits of a lab, and keeps the bins of the last time.

    Args:
        lab: has the splits.
        student: what is evaluated.
        autocast: makes the precision's context.
    """

    lab: Lab
    student: StudentNetwork
    autocast: Autocast
    bins: dict[str, list[ReliabilityBin]] = field(default_factory=dict)

    def __call__(self, last: bool) -> dict[str, float]:
        """Return the scores for the curve; only the last evaluation reports every metric."""
        lab = self.lab
        splits = {"test": lab.test} | ({"val": lab.val} if lab.val is not None else {})
        scores: dict[str, float] = {}
        for name, loader in splits.items():
            found = evaluate(self.student, lab.task, loader, autocast=self.autocast)
            bins = found.pop("reliability")
            if last:
                self.bins[f"{name}_reliability"] = bins
            kept = found if last else {key: found[key] for key in (lab.task.metric, "nll")}
            scores |= {f"{name}_{key}": value for key, value in kept.items()}
        return scores


@dataclass
class Training:
    """A student, its method and what training them has measured."""

    student: StudentNetwork
    method: Method
    evaluation: Evaluation
    watch: TrainingWatch
    warmth: WarmUp
    failure: Diverged | None = None


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
    measured = {"status": "done", "storage": lab.train.storage} | _measurements(training)
    if training.failure is not None:
        measured |= {"status": training.failure.status, "error": str(training.failure)}
    measured["wall_seconds"] = clocks.check()
    measured |= {f"{name}_seconds": clocks.seconds(name) for name in CLOCKS}
    return measured | _charges(measured, teacher, frozen)


def _fit(lab: Lab, trial: Trial, teacher: FrozenTeacher | None) -> Training:
    """Warm up, rebuild from the same seed, train."""
    lab.clocks.switch("setup")
    autocast = partial(autocast_of, lab.device, trial)
    warmth = warm_up(lab, trial, *build(lab, trial, teacher), autocast)
    student, method = build(lab, trial, teacher)
    lists = method.sample(lab.train.split.labels, trial.batch_size, first_epoch_rng(trial.seed))
    start = lab.clocks.seconds("train")
    pace = Pace(
        trial.budget,
        steps_per_epoch=len(lists),
        images_per_step=len(lists[0]) * method.views,
        step_flops=warmth.step_flops,
        elapsed=lambda: lab.clocks.seconds("train") - start,
    )
    optimizer = new_optimizer(trial, student, method)
    evaluation = Evaluation(lab, student, autocast)
    watch = TrainingWatch(student, pace, lab.clocks, warmth.step_flops, trial.evaluations,
                          evaluation, lab.report, len(lab.train.split), lab.device)  # fmt: skip
    training = Training(student, method, evaluation, watch, warmth)
    try:
        train(
            student, method, lambda epoch: lab.train.epoch(
                trial.seed, epoch, method.sample, trial.batch_size, method.views),
            optimizer=optimizer,
            rate=lambda spent: trial.optimizer.lr * learning_rate_factor(trial.schedule, spent),
            autocast=autocast,
            scaler=amp.GradScaler(lab.device.type, enabled=trial.precision == "fp16"),
            pace=pace, watch=watch,
        )  # fmt: skip
    except Diverged as failure:
        training.failure = failure
    lab.clocks.switch("io")
    return training


def _measurements(training: Training) -> dict[str, Any]:
    """Return the Record's fields of a training."""
    watch, student, method = training.watch, training.student, training.method
    ledger = asdict(watch.ledger)
    scores = [point for point in watch.curve if "test_top1" in point]
    fields = {key: value for key, value in (scores or [{}])[-1].items()
              if key.startswith(("test_", "val_"))}  # fmt: skip
    result = ledger | (fields | training.evaluation.bins if training.failure is None else {})
    result |= {
        "best_epoch_top1": max((point["test_top1"] for point in scores), default=None),
        "curve": watch.curve,
        "step_seconds": _percentiles(watch.times.seconds),
        "data_wait_seconds": watch.times.waited_seconds,
        "peak_allocated_bytes": watch.memory.allocated_bytes,
        "peak_reserved_bytes": watch.memory.reserved_bytes,
        "peak_host_bytes": watch.memory.host_bytes,
        "peak_host_source": watch.memory.source,
        "energy_joules": watch.energy.joules,
        "step_flops": watch.step_flops,
        "infer_flops": training.warmth.infer_flops,
        "compile_seconds": training.warmth.compile_seconds,
        "infer_params": num_trainable(student),
        "train_params": num_trainable(student) + num_trainable(method),
        "state_bytes": state_bytes(method),
    }
    if best := [point for point in scores if "val_top1" in point]:
        result["val_selected_top1"] = max(best, key=lambda point: point["val_top1"])["test_top1"]
    return result


def _charges(
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


def _percentiles(seconds: list[float]) -> dict[str, float]:
    quantiles = np.quantile(seconds, [0.05, 0.5, 0.95]) if seconds else [np.nan] * 3
    names = ("p05", "p50", "p95")
    mean = float(np.mean(seconds)) if seconds else float("nan")
    return dict(zip(names, map(float, quantiles), strict=True)) | {"mean": mean}
