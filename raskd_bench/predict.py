"""What a suite would cost, without running it: parameters, FLOPs and steps of each method.

The forward's multiply-adds are fvcore's; a training step is counted on fake tensors, which have
shapes but no data, so that a laptop predicts large networks. A method that must read its data (a
user's own, with `.item()`, say) is counted on real tensors.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from raskd_bench.data.build import PUBLISHED, Shape, load_splits, shape_of
from raskd_bench.data.splits import Labels, stratified
from raskd_bench.errors import BenchError, DataError, IncompatibleTrial
from raskd_bench.flops import count_flops, forward_macs
from raskd_bench.pace import Pace
from raskd_bench.setup import (
    autocast_of,
    first_epoch_rng,
    make,
    new_step,
    num_trainable,
    random_batch,
    state_bytes,
)
from raskd_bench.spec import Plan, Trial
from raskd_bench.students.build import new_student
from raskd_bench.students.network import StudentNetwork
from raskd_bench.tasks.build import new_task
from raskd_bench.teachers import untrained_teacher, weight_bytes

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Prediction:
    """What one method of one cell would cost.

    Attributes:
        plan: one of its trials.
        seeds: how many there are.
        infer_params: of the student.
        extra_params: trainable, of the method's auxiliary modules.
        forward_macs: multiply-adds of the student on one image, by fvcore.
        step_flops: matmul and convolution FLOPs of a training step.
        images_per_step: forwarded through the student, with or without gradient.
        state_bytes: what the method keeps between steps, its teacher included.
        steps: of a trial; None for a budget in seconds.
        train_flops: of a trial, its teacher's training included; None if steps are not known.
        preparation_flops: the part of a teacher's training.
    """

    plan: Plan
    seeds: int
    infer_params: int
    extra_params: int
    forward_macs: int
    step_flops: int
    images_per_step: int
    state_bytes: int
    steps: int | None
    train_flops: int | None
    preparation_flops: int | None


@dataclass(frozen=True)
class _Training:
    """What one training would cost; the teacher's, too."""

    infer_params: int
    extra_params: int
    step_flops: int
    images_per_step: int
    state_bytes: int
    steps: int | None

    @property
    def flops(self) -> int | None:
        return None if self.steps is None else self.steps * self.step_flops


def predict(plans: Iterable[Plan], home: Path) -> tuple[list[Prediction], list[str]]:
    """Return a prediction for each method of each cell, and what it could not know exactly.

    Raises:
        BenchError: a data set is missing and its size unknown, or a method cannot take a step.
    """
    groups: dict[tuple[str, str], list[Plan]] = {}
    for plan in plans:
        groups.setdefault((plan.trial.cell, plan.label), []).append(plan)
    predictor = _Predictor(home)
    return [predictor.predict(group) for group in groups.values()], predictor.notes


class _Predictor:
    """Remembers what several methods share: data sets, students, teachers."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.notes: list[str] = []
        self._shapes: dict[tuple[str, float], tuple[Shape, Labels]] = {}
        self._macs: dict[tuple[str, str], int] = {}
        self._teachers: dict[str, _Training] = {}

    def predict(self, group: list[Plan]) -> Prediction:
        trial = group[0].trial
        shape, _ = self._shape(trial)
        key = (str(trial.data), str(trial.student))
        if key not in self._macs:
            self._macs[key] = _forward_macs(trial, shape)
        training, teacher = self._training(trial), self._teacher(trial)
        total, prepared = training.flops, teacher.flops if teacher else 0
        return Prediction(
            plan=group[0],
            seeds=len(group),
            infer_params=training.infer_params,
            extra_params=training.extra_params,
            forward_macs=self._macs[key],
            step_flops=training.step_flops,
            images_per_step=training.images_per_step,
            state_bytes=training.state_bytes,
            steps=training.steps,
            train_flops=None if total is None or prepared is None else total + prepared,
            preparation_flops=prepared,
        )

    def _teacher(self, trial: Trial) -> _Training | None:
        """Return what training the trial's teacher would cost: by cross entropy, same recipe."""
        if trial.teacher is None:
            return None
        alone = trial.teacher_trial
        if alone.id not in self._teachers:
            self._teachers[alone.id] = self._training(alone)
        return self._teachers[alone.id]

    def _training(self, trial: Trial) -> _Training:
        shape, labels = self._shape(trial)
        try:
            with FakeTensorMode(allow_non_fake_inputs=True):
                return _training(trial, shape, labels, self.home)
        except BenchError:
            raise
        except Exception:  # whatever a method does that a fake tensor cannot do
            return self._on_real_tensors(trial, shape, labels)

    def _on_real_tensors(self, trial: Trial, shape: Shape, labels: Labels) -> _Training:
        try:
            return _training(trial, shape, labels, self.home)
        except Exception as error:  # a user's own loss may raise anything
            reason = f"{type(error).__name__}: {error}".partition("\n")[0]
            text = f"{trial.method} on {trial.student}: cannot take a step: {reason}"
            raise IncompatibleTrial(text) from error

    def _shape(self, trial: Trial) -> tuple[Shape, Labels]:
        """Return the sizes and labels of the training split, without what is held out."""
        key = (str(trial.data), trial.val_fraction)
        if key not in self._shapes:
            shape, labels = self._whole(trial)
            if trial.val_fraction > 0:
                labels = np.delete(labels, stratified(labels, trial.val_fraction))
            self._shapes[key] = (shape._replace(num_samples=len(labels)), labels)
        return self._shapes[key]

    def _whole(self, trial: Trial) -> tuple[Shape, Labels]:
        try:
            splits = load_splits(trial.data.name, trial.data.options, self.home)
            return shape_of(splits), splits.train.labels
        except DataError as error:
            if trial.data.name not in PUBLISHED:
                raise
            self.notes.append(f"{error} (planned with its published size)")
            shape = PUBLISHED[trial.data.name]
            return shape, np.arange(shape.num_samples, dtype=np.int64) % shape.num_classes


def _training(trial: Trial, shape: Shape, labels: Labels, home: Path) -> _Training:
    trial = trial.model_copy(update={"compile": False})
    task = new_task(trial.task, shape.num_classes)
    teacher = untrained_teacher(trial, task)
    teacher_bytes = weight_bytes(teacher.student) if teacher else 0
    sizes = (shape.num_classes, shape.num_samples)
    student, method = make(trial, sizes, task, home, teacher)
    lists = method.sample(labels, trial.batch_size, first_epoch_rng(trial.seed))
    size = (shape.height, shape.width)
    batch = random_batch(method, lists[0], size, shape.num_classes, CPU)
    step = new_step(trial, student, method, batch, lambda: autocast_of(CPU, trial))
    step()  # some methods' first step is lighter
    before = student.images_with_grad + student.images_without_grad
    step_flops = count_flops(step)
    pace = Pace(trial.budget, steps_per_epoch=len(lists), elapsed=lambda: 0.0,
                images_per_step=len(lists[0]) * method.views, step_flops=step_flops)  # fmt: skip
    return _Training(
        infer_params=num_trainable(student),
        extra_params=num_trainable(method),
        step_flops=step_flops,
        images_per_step=student.images_with_grad + student.images_without_grad - before,
        state_bytes=state_bytes(method) + teacher_bytes,
        steps=pace.total_steps,
    )


def _forward_macs(trial: Trial, shape: Shape) -> int:
    task = new_task(trial.task, shape.num_classes)
    student = new_student(trial.student.name, trial.student.options, task).eval()
    return forward_macs(_Logits(student), torch.zeros(1, 3, shape.height, shape.width))


class _Logits(nn.Module):
    """A student that gives its logits alone: tracing knows tensors only."""

    def __init__(self, student: StudentNetwork) -> None:
        super().__init__()
        self.student = student

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.student(images).logits
        return logits
