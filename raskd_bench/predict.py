"""What a suite would cost, without running it: parameters, FLOPs and steps of each method.

The forward's multiply-adds are fvcore's; a training step is counted on fake tensors, which have
shapes but no data, so that a laptop predicts large networks.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from raskd_bench.batch import Output
from raskd_bench.data.build import PUBLISHED, Shape, load_splits, shape_of
from raskd_bench.data.splits import Labels
from raskd_bench.errors import DataError
from raskd_bench.flops import count_flops, forward_macs
from raskd_bench.method import Method
from raskd_bench.pace import Pace
from raskd_bench.setup import autocast_of, first_epoch_rng, make, new_step, random_batch
from raskd_bench.spec import Plan, Trial
from raskd_bench.students.build import new_student
from raskd_bench.students.network import StudentNetwork
from raskd_bench.tasks.build import new_task

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
        state_bytes: what the method keeps between steps.
        steps: of a trial; None for a budget in seconds.
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


def predict(plans: Iterable[Plan], home: Path) -> tuple[list[Prediction], list[str]]:
    """Return a prediction for each method of each cell, and what it could not know exactly."""
    groups: dict[tuple[str, str], list[Plan]] = {}
    for plan in plans:
        groups.setdefault((plan.trial.cell, plan.label), []).append(plan)
    shapes: dict[str, tuple[Shape, Labels]] = {}
    macs: dict[tuple[str, str], int] = {}
    notes: list[str] = []
    predictions = []
    for group in groups.values():
        trial = group[0].trial
        data = str(trial.data)
        if data not in shapes:
            shapes[data] = _shape(trial, home, notes)
        shape, labels = shapes[data]
        student = (data, str(trial.student))
        if student not in macs:
            macs[student] = _forward_macs(trial, shape)
        predictions.append(_predict(group, shape, labels, macs[student], home))
    return predictions, notes


def _shape(trial: Trial, home: Path, notes: list[str]) -> tuple[Shape, Labels]:
    try:
        splits = load_splits(trial.data.name, trial.data.options, home)
        return shape_of(splits), splits.train.labels
    except DataError as error:
        if trial.data.name not in PUBLISHED:
            raise
        notes.append(f"{error} (planned with its published size)")
        shape = PUBLISHED[trial.data.name]
        return shape, np.arange(shape.num_samples, dtype=np.int64) % shape.num_classes


def _forward_macs(trial: Trial, shape: Shape) -> int:
    task = new_task(trial.task, shape.num_classes)
    student = new_student(trial.student.name, trial.student.options, task).eval()
    return forward_macs(_Logits(student), torch.zeros(1, 3, shape.height, shape.width))


def _predict(group: list[Plan], shape: Shape, labels: Labels, macs: int, home: Path) -> Prediction:
    trial = group[0].trial
    task = new_task(trial.task, shape.num_classes)
    with FakeTensorMode(allow_non_fake_inputs=True):
        teacher = _untrained_teacher(trial, shape) if trial.teacher else None
        sizes = (shape.num_classes, shape.num_samples)
        plain = trial.model_copy(update={"compile": False})
        student, method = make(plain, sizes, task, home, teacher)
        lists = method.sample(labels, trial.batch_size, first_epoch_rng(trial.seed))
        size = (shape.height, shape.width)
        batch = random_batch(method, lists[0], size, shape.num_classes, CPU)
        step = new_step(plain, student, method, batch, lambda: autocast_of(CPU, plain))
        step()
        before = student.images_with_grad + student.images_without_grad
        step_flops = count_flops(step)
        images = student.images_with_grad + student.images_without_grad - before
    pace = Pace(trial.budget, steps_per_epoch=len(lists), elapsed=lambda: 0.0,
                images_per_step=len(lists[0]) * method.views, step_flops=step_flops)  # fmt: skip
    return Prediction(
        group[0], len(group), _count(student), _count(method), macs, step_flops, images,
        _buffer_bytes(method), pace.total_steps,
    )  # fmt: skip


def _untrained_teacher(trial: Trial, shape: Shape) -> "_FakeTeacher":
    assert trial.teacher is not None, "checked by the caller"
    named = trial.teacher.student
    task = new_task(trial.task, shape.num_classes)
    return _FakeTeacher(new_student(named.name, named.options, task).eval())


class _FakeTeacher:
    def __init__(self, student: StudentNetwork) -> None:
        self.student = student

    @torch.no_grad()
    def __call__(self, images: torch.Tensor, targets: object = None) -> Output:
        output: Output = self.student(images, targets)
        return output


class _Logits(nn.Module):
    """A student that gives its logits alone: tracing knows tensors only."""

    def __init__(self, student: StudentNetwork) -> None:
        super().__init__()
        self.student = student

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.student(images).logits
        return logits


def _count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def _buffer_bytes(method: Method) -> int:
    return sum(b.numel() * b.element_size() for b in method.buffers(recurse=False))
