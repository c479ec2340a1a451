"""Data-distortion guided self-distillation: two augmentations of an image teach each other."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from raskd_bench.batch import Batch, Progress, Terms
from raskd_bench.losses import distill, supervise
from raskd_bench.method import Level, Method, NonNegative, Positive, Student


class DDGSD(Method):
    """L = CE(z_a, y) + CE(z_b, y) + lam T^2 [ KL(sg p_a || p_b) + KL(sg p_b || p_a) ] + mu MMD.

    z_a, z_b are the logits of two augmentations a, b of the same B images, p = softmax(z / T).
    MMD = || mean_i g_ai - mean_i g_bi ||^2 with g the embeddings; its gradient reaches both views.
    Both go through the student in one forward of 2B images and share its batch statistics.

    Differs: there is no official code, and the text does not settle whether targets are detached:
    they are here; `detach: false` lets the gradient of both divergences reach both views.
    youngerous/ddgsd-pytorch at d07d90c averages KL over classes without T^2 and compares logits
    instead of MMD; Self-KD-Lib at ede3062 halves the mean cross entropy, takes T = 4, and its MMD
    squares a mean over images and channels together, so it all but vanishes. None of that is done.
    """

    paper: ClassVar[str] = "Xu & Liu, AAAI 2019, doi 10.1609/aaai.v33i01.33015565"
    year: ClassVar[int] = 2019
    level: ClassVar[Level] = "instance"
    tasks: ClassVar[frozenset[str]] = frozenset({"classification"})
    views: ClassVar[int] = 2
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "cs_kd_reimplementation": {"mu": 5e-3},
    }
    published: ClassVar[tuple[str, ...]] = (
        "CIFAR-100, ResNet-18, the paper's recipe: 78.53 (CE 76.55) [issue]",
        "CIFAR-100, ResNet-18, recipe A: 76.15 [recalled, CS-KD's table]",
        "CIFAR-100, ResNet-18, recipe D, Self-KD-Lib's losses: 76.61 (CE 76.24) [repo]",
    )

    def __init__(
        self, *, lam: NonNegative = 1.0, mu: NonNegative = 5e-4, temperature: Positive = 3.0,
        detach: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.lam = lam
        self.mu = mu
        self.temperature = temperature
        self.detach = detach

    def loss(self, student: Student, batch: Batch, progress: Progress) -> Terms:
        images, targets = zip(*batch.views, strict=True)
        output = student(torch.cat(images), torch.cat(targets))
        terms = {name: 2 * term for name, term in supervise(output).items()}  # CE_a + CE_b
        a, b = output.logits.chunk(2)
        terms["kd"] = self.lam * (self.divergence(a, b) + self.divergence(b, a))
        terms["hint"] = self.mu * mean_discrepancy(*output.embeddings.chunk(2))
        return terms

    def divergence(self, teacher_logits: Tensor, logits: Tensor) -> Tensor:
        """Return T^2 KL(softmax(t / T) || softmax(z / T)), t detached if it shall be."""
        if self.detach:
            return distill(logits, teacher_logits, self.temperature)
        log_p = F.log_softmax(logits / self.temperature, dim=1)
        log_q = F.log_softmax(teacher_logits / self.temperature, dim=1)
        return F.kl_div(log_p, log_q, reduction="batchmean", log_target=True) * self.temperature**2


def mean_discrepancy(a: Tensor, b: Tensor) -> Tensor:
    """Squared distance of the mean vectors of two sets [B, D]."""
    return (a.float().mean(dim=0) - b.float().mean(dim=0)).square().sum()
