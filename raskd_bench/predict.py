"""What a suite would cost, without running it: parameters, steps, and each method's fingerprint.

The forward's multiply-adds are fvcore's; a training step is counted by `counting`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from raskd_bench.counting.fingerprint import CountedStep, count_step
from raskd_bench.data.build import PUBLISHED, PUBLISHED_TEST, Shape, load_splits, shape_of
from raskd_bench.data.facts import facts_of
from raskd_bench.data.splits import Labels, stratified
from raskd_bench.errors import DataError, IncompatibleTrial
from raskd_bench.fingerprint.model import Fingerprint
from raskd_bench.flops import count_flops, forward_macs
from raskd_bench.pace import Pace, below_one_step
from raskd_bench.record_fields import DataFacts
from raskd_bench.spec import Plan, Trial
from raskd_bench.students.build import check_size, new_student
from raskd_bench.students.network import StudentNetwork
from raskd_bench.tasks.build import new_task

DISAGREEMENT = 1e-3  # of two counters about a forward, before a plan says so


@dataclass(frozen=True)
class Prediction:
    """What one method of one cell would cost.

    Attributes:
        plan: one of its trials.
        seeds: how many there are.
        fingerprint: of a training step.
        infer_params: of the student.
        forward_macs: multiply-adds of the student on one image, by fvcore.
        steps: of a trial; None for a budget in seconds.
        train_flops: of a trial, its teacher's training included; None if steps are not known.
        preparation_flops: the part of a teacher's training.
        test_images: that a trial is tested on.
    """

    plan: Plan
    seeds: int
    fingerprint: Fingerprint
    infer_params: int
    forward_macs: int
    steps: int | None
    train_flops: int | None
    preparation_flops: int | None
    test_images: int

    @property
    def step_flops(self) -> int:
        """Matmul and convolution FLOPs of a training step."""
        return self.fingerprint.matmul_flops

    @property
    def images_per_step(self) -> int:
        """Images that go through the student, with or without gradient."""
        counted = self.fingerprint
        return counted.images_forwarded + counted.images_forwarded_without_gradient

    @property
    def extra_params(self) -> int:
        """Trainable parameters of the method's auxiliary modules."""
        return self.fingerprint.extra_params

    @property
    def state_bytes(self) -> int:
        """What the method keeps between steps, its teacher included."""
        return self.fingerprint.state_bytes


@dataclass(frozen=True)
class _Training:
    """What one training would cost; the teacher's, too."""

    fingerprint: Fingerprint
    infer_params: int
    steps: int | None

    @property
    def flops(self) -> int | None:
        return None if self.steps is None else self.steps * self.fingerprint.matmul_flops


def predict(
    plans: Iterable[Plan], home: Path, facts: dict[str, DataFacts] | None = None
) -> tuple[list[Prediction], list[str]]:
    """Return a prediction for each method of each cell, and what it could not know exactly.

    Args:
        plans: trials.
        home: folder of the suite's file.
        facts: is given those of each data set that is here, by its name and options.

    Raises:
        BenchError: a data set is missing and its size unknown, or a method cannot take a step.
    """
    groups: dict[tuple[str, str], list[Plan]] = {}
    for plan in plans:
        groups.setdefault((plan.trial.cell, plan.label), []).append(plan)
    predictor = _Predictor(home, facts)
    return [predictor.predict(group) for group in groups.values()], predictor.notes


class _Predictor:
    """Remembers what several methods share: data sets, students, teachers."""

    def __init__(self, home: Path, facts: dict[str, DataFacts] | None) -> None:
        self.home = home
        self.facts = facts
        self.notes: list[str] = []
        self._shapes: dict[tuple[str, float], tuple[Shape, Labels]] = {}
        self._test_images: dict[str, int] = {}
        self._macs: dict[tuple[str, str], int] = {}
        self._teachers: dict[str, _Training] = {}

    def predict(self, group: list[Plan]) -> Prediction:
        trial = group[0].trial
        shape, _ = self._shape(trial)
        key = (str(trial.data), str(trial.student))
        if key not in self._macs:
            self._macs[key] = self._forward_macs(trial, shape)
        training, teacher = self._training(trial), self._teacher(trial)
        total, prepared = training.flops, teacher.flops if teacher else 0
        return Prediction(
            plan=group[0],
            seeds=len(group),
            fingerprint=training.fingerprint,
            infer_params=training.infer_params,
            forward_macs=self._macs[key],
            steps=training.steps,
            train_flops=None if total is None or prepared is None else total + prepared,
            preparation_flops=prepared,
            test_images=self._test_images[str(trial.data)],
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
        return _training(trial, count_step(trial, *self._shape(trial), self.home))

    def _forward_macs(self, trial: Trial, shape: Shape) -> int:
        """Return fvcore's count of a student's inference, which ours must agree with."""
        task = new_task(trial.task, shape.num_classes)
        check_size(trial.student.name, trial.student.options, shape.height, shape.width)
        student = new_student(trial.student.name, trial.student.options, task).eval()
        images = torch.zeros(1, 3, shape.height, shape.width)
        macs = forward_macs(_Logits(student), images)
        with torch.no_grad():
            flops = count_flops(lambda: student(images))
        if abs(flops - 2 * macs) > DISAGREEMENT * flops:
            self.notes.append(
                f"{trial.student}: inference on one image: {flops:,} FLOPs by our count, "
                f"{macs:,} multiply-adds by fvcore's: more than {DISAGREEMENT:.1%} from 2 to 1; "
                "ratios of methods on this student hold, its multiply-adds may not"
            )
        return macs

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
            self._test_images[str(trial.data)] = len(splits.test)
            if self.facts is not None:
                self.facts.setdefault(str(trial.data), facts_of(splits))
            return shape_of(splits), splits.train.labels
        except DataError as error:
            if trial.data.name not in PUBLISHED:
                raise
            self.notes.append(f"{error} (planned with its published size)")
            shape = PUBLISHED[trial.data.name]
            self._test_images[str(trial.data)] = PUBLISHED_TEST[trial.data.name]
            return shape, np.arange(shape.num_samples, dtype=np.int64) % shape.num_classes


def _training(trial: Trial, counted: CountedStep) -> _Training:
    step_flops = counted.fingerprint.matmul_flops
    if fault := below_one_step(trial.budget, counted.images_per_step, step_flops):
        raise IncompatibleTrial(f"{trial.method} on {trial.student}: {fault}")
    pace = Pace(trial.budget, steps_per_epoch=counted.steps_per_epoch, elapsed=lambda: 0.0,
                images_per_step=counted.images_per_step, step_flops=step_flops)  # fmt: skip
    return _Training(counted.fingerprint, counted.infer_params, pace.total_steps)


class _Logits(nn.Module):
    """A student that gives its logits alone: tracing knows tensors only."""

    def __init__(self, student: StudentNetwork) -> None:
        super().__init__()
        self.student = student

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.student(images).logits
        return logits
