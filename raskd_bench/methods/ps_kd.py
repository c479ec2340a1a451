"""Progressive self-knowledge distillation: last epoch's prediction of an image teaches it."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from raskd_bench.batch import Batch, Progress, Terms
from raskd_bench.losses import soft_cross_entropy
from raskd_bench.method import Fraction, Level, Method, Setting, Student


class PSKD(Method):
    """L = H(q_i, p_i), q_i = (1 - alpha_t) 1_{y_i} + alpha_t P_i, alpha_t = alpha t / E.

    P_i is the softmax of image i's logits at its last visit, in training mode and under that
    visit's augmentation, kept in a table [N, C]; t = 1..E is the epoch. An image that was not
    visited yet has P_i = 0 and its missing mass goes to the label, so the first epoch is cross
    entropy, as with the official code's one-hot rows.

    Differs: the table lives on the device; the official code (lgcnsai/PS-KD-Pytorch at 9aa0828)
    keeps it on the host and copies B x C floats each way in each step.
    """

    paper: ClassVar[str] = "Kim et al., ICCV 2021, arXiv 2006.12000"
    year: ClassVar[int] = 2021
    level: ClassVar[Level] = "instance"
    seeds_together: ClassVar[bool] = True
    off_switch: ClassVar[tuple[str, ...]] = ("alpha",)
    tasks: ClassVar[frozenset[str]] = frozenset({"classification"})
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "cifar100_resnet18": {"alpha": 0.8},
        "imagenet_resnet152": {"alpha": 0.3},
    }
    published: ClassVar[tuple[str, ...]] = (
        "CIFAR-100, pre-activation ResNet-18, recipe B: 79.18 (CE 75.82) [repo]",
        "CIFAR-100, ResNet-18, recipe D, 200 epochs: 79.31 (CE 76.24) [repo Self-KD-Lib]",
        "CIFAR-100, ResNet-18, 300 epochs, another repository: 77.41 (CE 75.86) [repo]",
        "ImageNet, ResNet-152: 78.59 (CE 77.81) [repo]",
    )

    predictions: Tensor

    def __init__(self, *, alpha: Fraction = 0.8) -> None:
        super().__init__()
        self.alpha = alpha

    def build(self, setting: Setting) -> None:
        table = torch.zeros(setting.num_samples, setting.num_classes)
        self.register_buffer("predictions", table)

    def loss(self, student: Student, batch: Batch, progress: Progress) -> Terms:
        output = student(*batch.views[0])
        log_p = F.log_softmax(output.logits, dim=1)
        alpha = self.alpha * min(1.0, (progress.epoch + 1) / progress.epochs)
        targets = alpha * self.predictions[batch.ids]  # q, once the label has what is missing
        missing = 1 - targets.sum(dim=1, keepdim=True)
        targets.scatter_add_(1, output.hard_labels[:, None], missing)
        self.predictions[batch.ids] = log_p.detach().exp()
        return {"soft_ce": soft_cross_entropy(log_p, targets)}
