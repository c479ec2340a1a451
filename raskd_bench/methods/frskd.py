"""Feature refinement self-knowledge distillation: a pyramid on the student's maps teaches it."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from raskd_bench.batch import Batch, Progress, Terms
from raskd_bench.losses import distill, supervise
from raskd_bench.method import Count, Level, Method, NonNegative, Positive, Setting, Student
from raskd_bench.methods._frskd_network import BiFPNc


class FRSKD(Method):
    """L = CE(z, y) + CE(t, y) + alpha T^2 KL( sg softmax(t / T) || softmax(z / T) ) + beta R.

    R = sum_l mean_{b,u} ( A(F_l) - A(sg T_l) )^2. The self-teacher BiFPNc turns the student's stage
    maps F_l into refined ones T_l of twice the channels, and a classifier on the deepest gives
    t. A(F) = mean_c F^2 over the positions u of an image, at length 1. F_l enter the self-teacher
    with their gradient, so CE(t, y) trains the student as well, also where alpha = beta = 0.

    With S stages there are S lateral convolutions, S - 1 second ones, S - 1 fusions top-down and
    S - 1 bottom-up, of which the deepest has two inputs and the others three; the paper's networks
    have S = 4. Maps of one size, as a transformer's, are fused without resizing.

    Differs: alpha and beta are the official example's for CIFAR-100 (MingiJi/FRSKD at 98b87e5),
    whose command line has alpha 1 and beta 0 unless told. Its other distances (`fit`, `od`) are
    left out. Self-KD-Lib at ede3062 does not detach t. Preset `logits_only` is the paper's
    variant without R.
    """

    paper: ClassVar[str] = "Ji et al., CVPR 2021, arXiv 2103.08273"
    year: ClassVar[int] = 2021
    level: ClassVar[Level] = "feature"
    seeds_together: ClassVar[bool] = True
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "cifar100_resnet18": {"alpha": 2.0, "beta": 100.0},
        "segmentation": {"alpha": 1.0, "beta": 50.0},
        "logits_only": {"beta": 0.0},
    }
    published: ClassVar[tuple[str, ...]] = (
        "CIFAR-100, ResNet-18, recipe A: 77.71 +- 0.14 (CE 73.80) [recalled]",
        "CIFAR-100, ResNet-18, recipe A, preset logits_only: 77.64 (CE 73.80) [recalled]",
        "TinyImageNet 32x32, ResNet-18, recipe A: 59.61 [recalled]",
        "CIFAR-100, ResNet-18, recipe D, Self-KD-Lib: 76.60 (CE 76.24) [repo]",
        "CIFAR-100, ResNet-50, recipe D, Self-KD-Lib: 80.51 (CE 77.79) [repo]",
    )

    def __init__(
        self, *, alpha: NonNegative = 2.0, beta: NonNegative = 100.0, temperature: Positive = 4.0,
        width: Count = 2,
    ) -> None:  # fmt: skip
        super().__init__()
        self.alpha, self.beta = alpha, beta
        self.temperature = temperature
        self.width = width

    def build(self, setting: Setting) -> None:
        self.pyramid = BiFPNc(setting.channels, setting.strides, self.width)
        self.head = setting.new_head(self.width * setting.channels[-1])

    def loss(self, student: Student, batch: Batch, progress: Progress) -> Terms:
        images, targets = batch.views[0]
        output = student(images, targets)
        refined = self.pyramid(output.features)
        teacher = student.read(self.head, refined[-1], targets)
        terms = supervise(output)
        terms["aux"] = torch.stack(list(supervise(teacher).values())).sum()
        terms["kd"] = self.alpha * distill(output.logits, teacher.logits, self.temperature)
        hints = [
            F.mse_loss(attention(features), attention(target.detach()))
            for features, target in zip(output.features, refined, strict=True)
        ]
        terms["hint"] = self.beta * torch.stack(hints).sum()
        return terms


def attention(features: Tensor) -> Tensor:
    """Mean over channels of squares, at length 1: [B, c, h, w] to [B, hw]."""
    return F.normalize(features.float().square().mean(dim=1).flatten(1), dim=1)
