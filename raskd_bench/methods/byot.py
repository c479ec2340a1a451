"""Be your own teacher: the deepest exit teaches branches at the shallower stages."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from raskd_bench.batch import Batch, Progress, Terms
from raskd_bench.losses import soft_cross_entropy, supervise
from raskd_bench.method import Fraction, Level, Method, NonNegative, Positive, Setting, Student


class BYOT(Method):
    """L = (1 - alpha) sum_i CE(z_i, y) + alpha T^2 sum_{i<S} H(q_S, softmax(z_i / T)) + M.

    Exit S is the student, exits i < S are branches on stage i: bottleneck, global average pooling,
    linear. q_S = sg softmax(z_S / T). M = lam sum_{i<S} sum over images and pooled channels of
    (g_i - sg g_S)^2 wherever g_i > 0 or g_S > 0, with g the pooled features, so M grows with the
    batch size.

    Differs: as in the reimplementation luanyunteng/pytorch-be-your-own-teacher at 8045079, which
    the published reproduction uses: (1 - alpha) scales the deepest cross entropy too (the paper
    leaves it), and its never-called downsampling modules are left out.
    """

    paper: ClassVar[str] = "Zhang et al., ICCV 2019, arXiv 1905.08094"
    year: ClassVar[int] = 2019
    level: ClassVar[Level] = "feature"
    seeds_together: ClassVar[bool] = True
    smallest_picture: ClassVar[str] = "stride"
    tasks: ClassVar[frozenset[str]] = frozenset({"classification"})
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "cifar100_resnet18": {"alpha": 0.1, "temperature": 3.0, "lam": 1e-06}
    }
    published: ClassVar[tuple[str, ...]] = (
        "CIFAR-100, ResNet-18: 78.64 (CE 77.09) [repo, the paper's numbers]",
        "CIFAR-100, ResNet-18, recipe F: 78.73 [repo luanyunteng]",
        "CIFAR-100, pre-activation ResNet-18, recipe A: 76.19 [recalled, CS-KD's table]",
    )

    def __init__(
        self, *, alpha: Fraction = 0.1, temperature: Positive = 3.0, lam: NonNegative = 1e-6
    ) -> None:
        super().__init__()
        self.alpha = alpha
        self.temperature = temperature
        self.lam = lam

    def build(self, setting: Setting) -> None:
        deepest, size = setting.strides[-1], setting.embedding_size
        shallow = list(zip(setting.channels, setting.strides, strict=True))[:-1]
        self.branches = nn.ModuleList(bottleneck(c, size, deepest // s) for c, s in shallow)
        self.heads = nn.ModuleList(setting.new_head(size) for _ in shallow)

    def loss(self, student: Student, batch: Batch, progress: Progress) -> Terms:
        images, targets = batch.views[0]
        output = student(images, targets)
        terms = {name: (1 - self.alpha) * term for name, term in supervise(output).items()}
        soft = torch.softmax(output.logits.detach() / self.temperature, dim=1)
        exits = [
            student.read(head, branch(features), targets)
            for branch, head, features in zip(
                self.branches, self.heads, output.features[:-1], strict=True)
        ]  # fmt: skip
        ce = [supervise(shallow)["ce"] for shallow in exits]
        kd = [soft_cross_entropy(F.log_softmax(e.logits / self.temperature, dim=1), soft)
              for e in exits]  # fmt: skip
        hint = [masked_distance(e.embeddings, output.embeddings.detach()) for e in exits]
        terms["branch_ce"] = (1 - self.alpha) * torch.stack(ce).sum()
        terms["kd"] = self.alpha * self.temperature**2 * torch.stack(kd).sum()
        terms["hint"] = self.lam * torch.stack(hint).sum()
        return terms


def bottleneck(channels: int, size: int, stride: int) -> nn.Sequential:
    """Return the branch's three convolutions: [B, channels, h, w] to [B, size, h/stride, w/stride].

    The middle one is a stride x stride convolution without padding.
    """
    widths = (channels, size // 4, size // 4, size)
    kernels = (1, stride, 1)
    layers: list[nn.Module] = []
    for (before, after), kernel in zip(pairwise(widths), kernels, strict=True):
        conv = nn.Conv2d(before, after, kernel, stride=kernel)
        layers += [conv, nn.BatchNorm2d(after), nn.ReLU()]
    return nn.Sequential(*layers)


def masked_distance(shallow: Tensor, deep: Tensor) -> Tensor:
    """Sum of squared differences of [B, D] features wherever either is positive."""
    active = (shallow > 0) | (deep > 0)
    return ((shallow.float() - deep.float()) * active).square().sum()
