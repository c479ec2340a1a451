"""Learning with retrospection: what the network said of an image some epochs ago teaches it."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from raskd_bench.batch import Batch, Progress, Terms
from raskd_bench.method import Count, Fraction, Level, Method, Positive, Setting, Student


class LWR(Method):
    """L = a CE(z, y) + b T^2 KL( softmax(s / T) || softmax(z / T) ).

    a = 1 - b, b = (1 - gamma) c / E, c = k floor(e / k) in epoch e = 1..E. s are the image's logits
    in training mode at its last visit before the last epoch that k divides: after such an epoch the
    table that all epochs fill becomes the one that teaches. Epochs up to k are cross entropy, and
    so is an image that no epoch has visited yet.

    Differs: E is the trial's number of epochs; the official code
    (Xiang-Deng-DL/Learning-With-Retrospection at 74ddd37) writes 240 and trains for 200, which is
    `horizon: 1.2`. It stores logits with their graph, which changes no gradient but keeps the
    epoch's graphs in memory; they are detached here. b grows in the epoch e = 2k already whose
    targets still date from k; `ahead: false` lets it wait for its targets.
    """

    paper: ClassVar[str] = "Deng & Zhang, AAAI 2021, arXiv 2012.13098"
    year: ClassVar[int] = 2021
    level: ClassVar[Level] = "instance"
    seeds_together: ClassVar[bool] = True
    tasks: ClassVar[frozenset[str]] = frozenset({"classification"})
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "cifar100_resnet18": {"k": 5, "temperature": 5.0},
        "cifar100_resnet56": {"k": 5, "temperature": 5.0},
        "cifar100_shufflenetv2": {"k": 5, "temperature": 5.0},
        "cifar100_wrn16_4": {"k": 1, "temperature": 5.0},
        "cifar100_vgg16": {"k": 50, "temperature": 5.0},
    }

    targets: Tensor  # [N, C] logits that teach; a row of zeros: not visited before they were kept
    latest: Tensor  # [N, C] logits of the last visit

    def __init__(
        self, *, gamma: Fraction = 0.1, k: Count = 5, temperature: Positive = 5.0,
        horizon: Positive = 1.0, ahead: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.gamma = gamma
        self.k = k
        self.temperature = temperature
        self.horizon = horizon
        self.ahead = ahead

    def build(self, setting: Setting) -> None:
        for name in ("targets", "latest"):
            table = torch.zeros(setting.num_samples, setting.num_classes)
            self.register_buffer(name, table)

    def start_epoch(self, progress: Progress) -> None:
        if progress.epoch > 0 and progress.epoch % self.k == 0:
            self.targets.copy_(self.latest)

    def loss(self, student: Student, batch: Batch, progress: Progress) -> Terms:
        output = student(*batch.views[0])
        stored = self.targets[batch.ids]
        self.latest[batch.ids] = output.logits.detach().to(self.latest.dtype)
        log_p = F.log_softmax(output.logits / self.temperature, dim=1)
        log_q = F.log_softmax(stored / self.temperature, dim=1)
        visited = torch.linalg.vector_norm(stored, dim=1).sign()  # a fraction of any()'s time
        b = self.weight(progress) * visited
        q = b[:, None] * log_q.exp()
        kd = torch.dot(q.flatten(), (log_q - log_p).flatten()) * (self.temperature**2 / len(b))
        ce = F.cross_entropy(output.logits, output.hard_labels, reduction="none")
        return {"ce": torch.dot(1 - b, ce) / len(b), "kd": kd, **output.task_terms}

    def weight(self, progress: Progress) -> float:
        """Return b, the weight of the stored logits."""
        epoch = progress.epoch + 1 if self.ahead else progress.epoch
        reached = epoch // self.k * self.k / (self.horizon * progress.epochs)
        return (1 - self.gamma) * min(1.0, reached)
