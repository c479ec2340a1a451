"""Class-wise self-knowledge distillation: two images of a class shall be predicted alike."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch

from raskd_bench.batch import Batch, Progress, Terms, View
from raskd_bench.losses import distill, supervise
from raskd_bench.method import (
    Indices,
    Level,
    Method,
    NonNegative,
    Positive,
    Student,
    shuffled_batches,
)


class CSKD(Method):
    """L = CE(z, y) + weight T^2 KL( sg softmax(z' / T) || softmax(z / T) ).

    z' are the logits of a partner x' drawn uniformly from the class of x (x itself included, under
    an augmentation of its own), in training mode and without gradient: two forwards, so batch
    statistics are those of each half and running statistics move twice a step. A batch holds the
    B primary images, then their B partners.
    """

    paper: ClassVar[str] = "Yun et al., CVPR 2020, arXiv 2003.13964"
    year: ClassVar[int] = 2020
    level: ClassVar[Level] = "instance"
    off_switch: ClassVar[tuple[str, ...]] = ("weight",)
    tasks: ClassVar[frozenset[str]] = frozenset({"classification"})
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "cifar100_resnet18": {"weight": 1.0},
        "tiny_imagenet": {"weight": 1.0},
        "cub200": {"weight": 3.0},
        "stanford_dogs": {"weight": 3.0},
        "mit67": {"weight": 3.0},
    }
    published: ClassVar[tuple[str, ...]] = (
        "CIFAR-100, pre-activation ResNet-18, recipe A: 78.01 +- 0.13 (CE 75.29) [survey]",
        "CIFAR-100, pre-activation ResNet-18, recipe B: 78.70 (CE 75.82) [repo PS-KD]",
        "CIFAR-100, DenseNet-121, recipe B: 79.53 (CE 79.95) [repo PS-KD]",
        "Tiny ImageNet at 32x32, pre-activation ResNet-18, recipe A: 58.38 [recalled]",
    )

    def __init__(self, *, weight: NonNegative = 1.0, temperature: Positive = 4.0) -> None:
        super().__init__()
        self.weight = weight
        self.temperature = temperature

    def sample(
        self, labels: Indices, batch_size: int, rng: np.random.Generator
    ) -> Sequence[Indices]:
        primaries = shuffled_batches(len(labels), batch_size, rng)
        by_class = np.argsort(labels, kind="stable")
        counts = np.bincount(labels)
        first = np.concatenate([[0], np.cumsum(counts)[:-1]])
        return [np.concatenate([p, by_class[first[labels[p]] + rng.integers(counts[labels[p]])]])
                for p in primaries]  # fmt: skip

    def loss(self, student: Student, batch: Batch, progress: Progress) -> Terms:
        images, targets = batch.views[0]
        half = len(images) // 2
        output = student(*View(images[:half], targets[:half]))
        terms = supervise(output)
        with torch.no_grad():
            partner = student(*View(images[half:], targets[half:]))
        terms["kd"] = self.weight * distill(output.logits, partner.logits, self.temperature)
        return terms
