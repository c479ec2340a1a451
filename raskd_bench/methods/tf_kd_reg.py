"""Teacher-free knowledge distillation by regularisation: a virtual teacher that is made by hand."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from raskd_bench.batch import Batch, Progress, Terms
from raskd_bench.losses import supervise
from raskd_bench.method import Fraction, Level, Method, NonNegative, Positive, Student


class TfKDReg(Method):
    """L = (1 - alpha) CE(z, y) + alpha m KL( softmax(p^d / T) || softmax(z) ).

    p^d is the virtual teacher: `correct` on the label, (1 - correct) / (C - 1) on each other class.

    Differs: the default is the official code (yuanli2333/Teacher-free-Knowledge-Distillation at
    d000ab3, my_loss_function.py), which softens the probabilities p^d by another softmax and the
    student not at all. softmax(p^d / 20) is uniform to three digits, so this is label smoothing of
    alpha = 0.1 up to a constant. The paper's KL( p^d_T || softmax(z / T) ) is `temper_student:
    true` (its author used it on ImageNet, issue 3), `squared: true` multiplies by T^2 as in
    knowledge distillation. The code's KL is a mean over classes too, so m is its multiplier over C:
    1 for the 100 it gives ResNet-18 on CIFAR-100. Neither Self-KD-Lib's TF_KD_reg (a tempered label
    smoothing) nor zipfls's (without 1 - alpha) is this loss.
    """

    paper: ClassVar[str] = "Yuan et al., CVPR 2020, arXiv 1909.11723"
    year: ClassVar[int] = 2020
    level: ClassVar[Level] = "class"
    seeds_together: ClassVar[bool] = True
    off_switch: ClassVar[tuple[str, ...]] = ("alpha",)
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "cifar100_resnet18": {"alpha": 0.1, "temperature": 20.0, "multiplier": 1.0},
        "cifar100_mobilenetv2": {"alpha": 0.95, "temperature": 40.0, "multiplier": 0.01},
        "cifar100_shufflenetv2": {"alpha": 0.95, "temperature": 10.0, "multiplier": 0.01},
        "cifar100_googlenet": {"alpha": 0.1, "temperature": 40.0, "multiplier": 0.5},
        "cifar100_densenet121": {"alpha": 0.1, "temperature": 40.0, "multiplier": 0.01},
        "cifar100_resnext29": {"alpha": 0.5, "temperature": 40.0, "multiplier": 0.01},
        "imagenet": {"alpha": 0.1, "temperature": 20.0, "temper_student": True},
    }
    published: ClassVar[tuple[str, ...]] = (
        "CIFAR-100, ResNet-18, recipe C: 77.36 (CE 75.87) [repo]",
        "CIFAR-100, GoogLeNet, recipe C: 79.22 (CE 78.15) [repo]",
        "CIFAR-100, MobileNetV2, recipe C: 70.88 (CE 68.38) [repo]",
        "CIFAR-100, ShuffleNetV2, recipe C: 72.09 (CE 70.34) [repo]",
        "CIFAR-100, ResNet-18, recipe B: 77.12 (CE 75.82) [repo PS-KD]",
        "ImageNet, ResNet-152: 77.24 (CE 77.81) [repo PS-KD]",
    )

    def __init__(
        self, *, alpha: Fraction = 0.1, temperature: Positive = 20.0, correct: Fraction = 0.99,
        multiplier: NonNegative = 1.0, temper_student: bool = False, squared: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.alpha = alpha
        self.temperature = temperature
        self.correct = correct
        self.multiplier = multiplier
        self.temper_student = temper_student
        self.squared = squared

    def loss(self, student: Student, batch: Batch, progress: Progress) -> Terms:
        output = student(*batch.views[0])
        virtual = virtual_teacher(output.logits.detach(), output.hard_labels, self.correct)
        q = torch.softmax(virtual / self.temperature, dim=1)
        z = output.logits / self.temperature if self.temper_student else output.logits
        kl = F.kl_div(F.log_softmax(z, dim=1), q, reduction="batchmean")
        factor = self.temperature**2 if self.squared else 1.0
        terms = supervise(output)
        terms["ce"] = (1 - self.alpha) * terms["ce"]
        terms["kd"] = self.alpha * self.multiplier * factor * kl
        return terms


def virtual_teacher(like: Tensor, labels: Tensor, correct: float) -> Tensor:
    """Return p^d: rows shaped as `like` with `correct` on the label, the rest spread evenly.

    Args:
        like: [P, C].
        labels: [P] classes y.
        correct: probability of the label.
    """
    others = (1 - correct) / (like.shape[1] - 1)
    return torch.full_like(like, others).scatter_(1, labels[:, None], correct)
