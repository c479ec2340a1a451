"""Teachers: students that were trained before, frozen."""

import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from raskd_bench.batch import Output
from raskd_bench.errors import DiskFull, is_full
from raskd_bench.setup import place
from raskd_bench.spec.trial import Trial
from raskd_bench.students.build import new_student
from raskd_bench.students.network import StudentNetwork
from raskd_bench.tasks.classification import Classification


class FrozenTeacher:
    """A student in evaluation mode that is trained no further."""

    def __init__(self, student: StudentNetwork) -> None:
        self.student = student.eval().requires_grad_(False)
        self.channels = student.backbone.channels
        self.embedding_size = student.backbone.embedding_size

    @torch.no_grad()
    def __call__(self, images: Tensor, targets: Any = None) -> Output:
        output: Output = self.student(images, targets)
        return output

    def classify(self, embeddings: Tensor) -> Tensor:
        """Run the frozen classifier on [*, D] embeddings, through which gradients may flow."""
        return self.student.classify(embeddings)


def untrained_teacher(trial: Trial, task: Classification) -> FrozenTeacher | None:
    """Return a teacher as it would be before its training, to build and count with."""
    if trial.teacher is None:
        return None
    named = trial.teacher.student
    return FrozenTeacher(new_student(named.name, named.options, task))


def load_teacher(
    trial: Trial, task: Classification, weights: Path, device: torch.device
) -> FrozenTeacher:
    """Return the trial's teacher with the weights that its training left in a file."""
    teacher = untrained_teacher(trial, task)
    assert teacher is not None, "asked of a trial that has a teacher"
    state = torch.load(weights, map_location=device, weights_only=True)
    teacher.student.load_state_dict(state)
    place(teacher.student, device, trial)
    return teacher


def save_weights(student: nn.Module, path: Path) -> None:
    """Write a student's weights so that a reader sees the whole of them or nothing.

    Raises:
        DiskFull: there is no room for them.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            torch.save(student.state_dict(), file)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        if is_full(error):
            raise DiskFull(path, "the weights were not written") from error
        raise


def weight_bytes(module: nn.Module) -> int:
    """Return the bytes of a network's parameters."""
    return sum(p.numel() * p.element_size() for p in module.parameters())
