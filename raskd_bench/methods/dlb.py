"""Self-distillation from the last mini-batch: an image's last logits teach its next view."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from raskd_bench.batch import Batch, Progress, Terms, View
from raskd_bench.losses import distill
from raskd_bench.method import (
    Indices,
    Level,
    Method,
    NonNegative,
    Positive,
    Setting,
    Student,
    shuffled_batches,
)


class DLB(Method):
    """L = CE([z, z'], [y, y']) + alpha T^2 KL( sg softmax(z^- / T) || softmax(z' / T) ).

    Step t shows the first view of its new images, logits z, and the second view of the new images
    of step t - 1, logits z' and labels y'; z^- are the logits that step t - 1 gave to their first
    view, before its update. CE is the mean over both parts. The very first step is cross entropy
    on its new images; an epoch's last batch teaches in the first step of the next epoch.

    Differs: `overlap: code` is the official code (Meta-knowledge-Lab/DLB at 8949a46): B new and B
    repeated images a step, in two forwards with batch statistics of their own, N / B steps an
    epoch. `overlap: paper` is the text: a mini-batch of B images of which half repeats the last
    one, so B / 2 new and B / 2 repeated ones in one forward and 2 N / B steps an epoch. Both show
    each image twice an epoch: a fair cross entropy gets as many images, not as many epochs.
    """

    paper: ClassVar[str] = "Shen et al., CVPR 2022, arXiv 2203.16172"
    year: ClassVar[int] = 2022
    level: ClassVar[Level] = "instance"
    tasks: ClassVar[frozenset[str]] = frozenset({"classification"})
    views: ClassVar[int] = 2
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"tp3_0.5": {"alpha": 0.5}}

    images: Tensor | None  # [B, 3, H, W] second view of the last step's new images
    labels: Tensor | None  # [B]
    logits: Tensor | None  # [B, C] of their first view

    def __init__(
        self, *, alpha: NonNegative = 1.0, temperature: Positive = 3.0,
        overlap: Literal["code", "paper"] = "code",
    ) -> None:  # fmt: skip
        super().__init__()
        self.alpha = alpha
        self.temperature = temperature
        self.overlap = overlap

    def build(self, setting: Setting) -> None:
        for name in ("images", "labels", "logits"):
            self.register_buffer(name, None)  # of the batch's size, from the first step on

    def sample(
        self, labels: Indices, batch_size: int, rng: np.random.Generator
    ) -> Sequence[Indices]:
        new = batch_size if self.overlap == "code" else max(1, batch_size // 2)
        return shuffled_batches(len(labels), new, rng)

    def loss(self, student: Student, batch: Batch, progress: Progress) -> Terms:
        new, again = batch.views
        parts = [new]
        if self.images is not None:
            parts.append(View(self.images, self.labels))
        if self.overlap == "paper":
            images, targets = zip(*parts, strict=True)
            output = student(torch.cat(images), torch.cat(targets))
            logits, labels = output.logits, output.hard_labels
            fresh, *repeated = torch.split(logits, [len(part.images) for part in parts])
        else:
            outputs = [student(*part) for part in parts]
            fresh, *repeated = (output.logits for output in outputs)
            logits = torch.cat([fresh, *repeated])
            labels = torch.cat([output.hard_labels for output in outputs])
        terms = {"ce": F.cross_entropy(logits, labels)}
        if self.logits is not None:
            terms["kd"] = self.alpha * distill(repeated[0], self.logits, self.temperature)
        self.images, self.labels = again
        self.logits = fresh.detach()
        return terms
