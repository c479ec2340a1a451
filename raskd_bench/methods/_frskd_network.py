"""BiFPNc: the pyramid through which FRSKD's self-teacher refines the student's stage maps."""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

EPSILON = 1e-6  # of the normalised weights, as in the official code


class BiFPNc(nn.Module):
    """Stage maps F_l [B, c_l, h_l, w_l] to refined T_l [B, d_l, h_l, w_l], d_l = width c_l.

    L_l and, for l > 1, M_l are two pointwise convolutions of F_l. Top down, U_S = L_S and U_l
    fuses L_l with U_{l+1} enlarged; bottom up, O_1 = U_1, O_l fuses M_l, U_l (but for l = S) and
    O_{l-1} pooled; T_l = relu O_l.

    Args:
        channels: c_l, shallow to deep.
        strides: of the maps; where two neighbours have the same, nothing is resized.
        width: how many times the channels of the student.
    """

    def __init__(self, channels: Sequence[int], strides: Sequence[int], width: int) -> None:
        super().__init__()
        widths = [width * c for c in channels]
        sizes = list(zip(channels, widths, strict=True))
        last = len(sizes) - 1
        self.steps = [deep // shallow for shallow, deep in pairwise(strides)]
        self.laterals = nn.ModuleList(pointwise(c, d) for c, d in sizes)
        self.second_laterals = nn.ModuleList(pointwise(c, d) for c, d in sizes[1:])
        self.downward = nn.ModuleList(
            Fusion(widths[level], widths[level + 1], num_own=1) for level in range(last)
        )
        self.upward = nn.ModuleList(
            Fusion(widths[level], widths[level - 1], num_own=2 if level < last else 1)
            for level in range(1, last + 1)
        )

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        lateral = [conv(f) for conv, f in zip(self.laterals, features, strict=True)]
        second = [conv(f) for conv, f in zip(self.second_laterals, features[1:], strict=True)]
        coarse = [lateral[-1]]  # U, deep to shallow
        for fuse, own in zip(reversed(self.downward), reversed(lateral[:-1]), strict=True):
            enlarged = F.interpolate(F.relu(coarse[-1]), size=own.shape[-2:], mode="nearest")
            coarse.append(fuse([own], enlarged))
        middle = [[F.relu(u)] for u in coarse[-2:0:-1]] + [[]]  # U_2 .. U_{S-1}, none for S
        fine = [coarse[-1]]  # O, shallow to deep
        for fuse, own, u, step in zip(self.upward, second, middle, self.steps, strict=True):
            fine.append(fuse([own, *u], pooled(F.relu(fine[-1]), step)))
        return [F.relu(o) for o in fine]


class Fusion(nn.Module):
    """SEP( sum_i w_i x_i ), the last x_i a pointwise convolution of the neighbour level's map.

    w_i = relu(v_i) / (sum_j relu(v_j) + 1e-6) with learnt v, 1 at first. SEP: two depth-wise
    separable 3x3 convolutions with batch normalisation, an activation between them.
    """

    def __init__(self, width: int, neighbour: int, num_own: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.ones(num_own + 1))
        self.project = pointwise(neighbour, width)
        self.refine = nn.Sequential(*separable(width), nn.ReLU(), *separable(width))

    def forward(self, own: Sequence[Tensor], neighbour: Tensor) -> Tensor:
        weights = F.relu(self.weights)
        weights = weights / (weights.sum() + EPSILON)
        total = weights[-1] * self.project(neighbour)
        for weight, features in zip(weights[:-1], own, strict=True):
            total = total + weight * features
        refined: Tensor = self.refine(total)
        return refined


def pointwise(channels: int, width: int) -> nn.Sequential:
    """Return relu BN conv1x1."""
    conv = nn.Conv2d(channels, width, 1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(width), nn.ReLU())


def separable(width: int) -> list[nn.Module]:
    """Return the layers of BN conv1x1 depth-wise conv3x3."""
    depthwise = nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False)
    return [depthwise, nn.Conv2d(width, width, 1, bias=False), nn.BatchNorm2d(width)]


def pooled(features: Tensor, step: int) -> Tensor:
    """Max-pool non-negative [B, c, h, w] to [B, c, ceil(h / step), ceil(w / step)].

    Windows of step + 1, "same" zero padding: half of it, rounded down, comes before. A padding of
    1 on all sides would shift the maps by a pixel.
    """
    if step == 1:
        return features
    sides = features.shape[-2:]
    missing = [(math.ceil(side / step) - 1) * step + step + 1 - side for side in sides]
    before = [pad // 2 for pad in missing]
    (top, left), (bottom, right) = before, [m - b for m, b in zip(missing, before, strict=True)]
    return F.max_pool2d(F.pad(features, (left, right, top, bottom)), step + 1, stride=step)
