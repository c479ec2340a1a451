"""Self attention distillation: each stage attends to where the next deeper one does."""

from itertools import pairwise
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from raskd_bench.batch import Batch, Progress, Terms
from raskd_bench.losses import supervise
from raskd_bench.method import Level, Method, NonNegative, Student


class SAD(Method):
    """L = CE(z, y) + weight sum_{l<S} mean_{b,u} ( A(F_l) - A(up(sg F_{l+1})) )^2.

    F_l are the S stage maps. A(F) = softmax over the positions u of mean_c F^2: one distribution
    per image. up: bilinear, to the size of F_l; nothing where all maps have one size.

    Differs: this is the classification version of winycg/Self-KD-Lib at ede3062. The paper
    (lane detection) sums over channels, enlarges the attention map and not the features, and
    switches the term on late, with weight 0.1 on an L2 distance; the mean over positions of
    differences between softmaxes is tiny, hence 1000. `upsample: attention` enlarges mean_c F^2
    instead, at a fraction 1/c of the cost and memory.
    """

    paper: ClassVar[str] = "Hou et al., ICCV 2019, arXiv 1908.00821"
    year: ClassVar[int] = 2019
    level: ClassVar[Level] = "feature"
    seeds_together: ClassVar[bool] = True
    off_switch: ClassVar[tuple[str, ...]] = ("weight",)
    published: ClassVar[tuple[str, ...]] = (
        "CIFAR-100, ResNet-18, recipe D: 76.40 (CE 76.24) [repo]",
        "CIFAR-100, ResNet-50, recipe D: 78.33 (CE 77.79) [repo]",
        "CIFAR-100, ResNet-18, FRSKD's table: 74.65 (CE 73.80) [recalled]",
    )

    def __init__(
        self,
        *,
        weight: NonNegative = 1000.0,
        upsample: Literal["features", "attention"] = "features",
    ) -> None:
        super().__init__()
        self.weight = weight
        self.upsample = upsample

    def loss(self, student: Student, batch: Batch, progress: Progress) -> Terms:
        output = student(*batch.views[0])
        hints = [self.distance(shallow, deep) for shallow, deep in pairwise(output.features)]
        return {**supervise(output), "hint": self.weight * torch.stack(hints).sum()}

    def distance(self, shallow: Tensor, deep: Tensor) -> Tensor:
        """Mean squared difference of two stages' attention, without gradient to the deep one."""
        deep, size = deep.detach().float(), shallow.shape[-2:]
        energy = deep if self.upsample == "features" else mean_square(deep)
        energy = F.interpolate(energy, size=size, mode="bilinear", align_corners=False)
        energy = mean_square(energy) if self.upsample == "features" else energy
        return F.mse_loss(attention(mean_square(shallow.float())), attention(energy))


def mean_square(features: Tensor) -> Tensor:
    """Mean over channels of squares: [B, c, h, w] to [B, 1, h, w]."""
    return features.square().mean(dim=1, keepdim=True)


def attention(energy: Tensor) -> Tensor:
    """Softmax over positions: [B, 1, h, w] to [B, hw], rows sum to 1."""
    return torch.softmax(energy.flatten(1), dim=1)
