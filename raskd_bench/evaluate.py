"""Evaluation of a student alone: auxiliary parts of a method are not even passed."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

import torch
from torch import Tensor

from raskd_bench.data.loader import Loader
from raskd_bench.errors import Diverged
from raskd_bench.students.network import StudentNetwork

BATCH = 512  # images of a forward: large, as nothing is kept of it


class Scorer(Protocol):
    """The part of a task that knows its metrics."""

    def score(self, logits: Tensor, labels: Tensor) -> dict[str, Any]:
        """Return the metrics of a whole split."""


@torch.inference_mode()
def evaluate(
    student: StudentNetwork,
    task: Scorer,
    loader: Loader,
    *,
    batch_size: int = BATCH,
    autocast: Callable[[], AbstractContextManager[None]],
) -> dict[str, Any]:
    """Return the metrics of a split, with the student in evaluation mode, and put it back.

    Args:
        student: what is evaluated.
        task: knows the metrics.
        loader: of the split, read in order and unaugmented.
        batch_size: images a forward.
        autocast: makes the precision's context.

    Raises:
        Diverged: the student says NaN or infinity.
    """
    training = student.training
    student.eval()
    parts, labels = [], []
    try:
        for images, targets in loader.evaluation(batch_size):
            with autocast():
                parts.append(student(images).logits)
            labels.append(targets)
    finally:
        student.train(training)
    logits = torch.cat(parts)
    if not logits.isfinite().all():
        raise Diverged("the student's logits are not finite")
    return task.score(logits, torch.cat(labels))
