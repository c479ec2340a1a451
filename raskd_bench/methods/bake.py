"""Batch knowledge ensembling: similar images of a batch refine each other's soft targets."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from raskd_bench.batch import Batch, Progress, Terms
from raskd_bench.losses import masked_softmax_rows, supervise, without_autocast
from raskd_bench.method import (
    Count,
    Fraction,
    Indices,
    Level,
    Method,
    NonNegative,
    Positive,
    Student,
    shuffled_batches,
)


class BAKE(Method):
    """L = CE(z, y) + weight T^2 KL( sg Q || P ), Q = (1 - omega) (I - omega A)^-1 P.

    P = softmax(z / T) [B, C]; A [B, B] = softmax over j != i of cos(g_i, g_j), g the embeddings.
    A batch holds B / (M + 1) anchors, then M others of each anchor's class, all different if the
    class has as many (M: `others`); all B images get both terms. An epoch has all N images as
    anchors: (M + 1) N / B steps, M + 1 times the images of an epoch of cross entropy.

    Differs: as in yxgeee/BAKE at 07c4f66, but the inverse is not formed: a linear system is solved
    in float32, outside autocast. An image alone in its class accompanies itself (an error there).
    Self-KD-Lib at ede3062 softens Q twice; zipfls at 108e27a detaches the student's side.
    """

    paper: ClassVar[str] = "Ge et al., 2021, arXiv 2104.13298"
    year: ClassVar[int] = 2021
    level: ClassVar[Level] = "instance"
    seeds_together: ClassVar[bool] = True
    tasks: ClassVar[frozenset[str]] = frozenset({"classification"})
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny_imagenet": {"others": 1, "omega": 0.9},
        "stanford_dogs": {"others": 1, "omega": 0.9},
        "mit67": {"others": 1, "omega": 0.9},
        "imagenet": {"others": 1, "omega": 0.5},
    }
    published: ClassVar[tuple[str, ...]] = (
        "CIFAR-100, pre-activation ResNet-18, recipe A with 4 times the steps: 78.72 [repo]",
        "Tiny ImageNet at 32x32, pre-activation ResNet-18: 58.29 [repo]",
        "CUB-200-2011 70.26, Stanford Dogs 69.80, MIT67 60.05, ResNet-18 from scratch [repo]",
        "ImageNet, ResNet-50: 78.0; ResNet-101: 79.3; ResNet-152: 79.6 [repo]",
    )

    def __init__(
        self, *, weight: NonNegative = 1.0, omega: Fraction = 0.5, others: Count = 3,
        temperature: Positive = 4.0,
    ) -> None:  # fmt: skip
        super().__init__()
        if omega >= 1:
            raise ValueError(f"omega must be below 1, is {omega}: targets would not depend on P")
        self.weight, self.omega = weight, omega
        self.others, self.temperature = others, temperature

    def sample(
        self, labels: Indices, batch_size: int, rng: np.random.Generator
    ) -> Sequence[Indices]:
        anchors = shuffled_batches(len(labels), max(1, batch_size // (self.others + 1)), rng)
        companions = companions_of(labels, self.others, rng)
        return [np.concatenate([some, companions[some].ravel()]) for some in anchors]

    def loss(self, student: Student, batch: Batch, progress: Progress) -> Terms:
        output = student(*batch.views[0])
        log_p = F.log_softmax(output.logits / self.temperature, dim=1)
        q = ensemble(output.embeddings, log_p.exp(), self.omega)
        kd = F.kl_div(log_p, q, reduction="batchmean") * self.temperature**2
        return supervise(output) | {"kd": self.weight * kd}


@torch.no_grad()
def ensemble(embeddings: Tensor, p: Tensor, omega: float) -> Tensor:
    """Return Q [B, C], rows sum to 1, of embeddings [B, D] and probabilities [B, C]."""
    with without_autocast(embeddings.device):
        unit = F.normalize(embeddings.float(), dim=1)
        affinity = masked_softmax_rows(unit @ unit.T, tau=1.0)
        system = torch.eye(len(unit), device=unit.device) - omega * affinity
        # solve_ex: solve would wait for the device to tell whether the system is singular
        q: Tensor = (1 - omega) * torch.linalg.solve_ex(system, p.float()).result
    return q.clamp(min=0)  # rounding may leave -1e-9 where p is almost 0, which has no logarithm


def companions_of(labels: Indices, count: int, rng: np.random.Generator) -> Indices:
    """Return [N, count] images of each image's class: others, all different if there are enough.

    Floyd's sampling without replacement for all images at once. Where a class is too small, its
    others are drawn with replacement; an image alone in its class gets itself.
    """
    by_class = np.argsort(labels, kind="stable")
    counts = np.bincount(labels)
    first, size = (np.cumsum(counts) - counts)[labels], counts[labels]
    free = size - 1
    rank = np.argsort(by_class) - first  # of each image in its class
    chosen = np.empty((len(labels), count), dtype=np.int64)
    for number in range(count):
        last = np.where(free < count, free - 1, free - count + number)
        drawn = rng.integers(np.maximum(last, 0), endpoint=True)
        again = (chosen[:, :number] == drawn[:, None]).any(axis=1) & (free >= count)
        chosen[:, number] = np.where(again, last, drawn)
    return by_class[first[:, None] + (rank[:, None] + 1 + chosen) % size[:, None]]
