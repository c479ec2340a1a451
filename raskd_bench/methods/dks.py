"""Deeply-supervised knowledge synergy: every exit learns from every other one."""

from collections.abc import Mapping
from itertools import permutations
from typing import Any, ClassVar

import torch
from torch import nn

from raskd_bench.batch import Batch, Progress, Terms
from raskd_bench.losses import distill, supervise
from raskd_bench.method import Level, Method, NonNegative, Positive, Setting, Student


class DKS(Method):
    """L = sum_i CE(z_i, y) + weight T^2 sum_{i != j} KL( sg softmax(z_j / T) || softmax(z_i / T) ).

    The exits i are the student and two branches, after the second and the third last stage map:
    the stages that follow, short, then global average pooling and a linear layer. All ordered
    pairs of exits teach, the shallow ones the student too.

    Differs: the branches are those of winycg/Self-KD-Lib at ede3062: one block of a stage in
    the middle, the first two of the last stage (a ResNet-18 of 100 classes gets 17,809,096
    parameters, 17,805,256 in its pre-activation form, which is Self-KD-Lib's). The paper's own
    code (sundw2014/DKS at 2853541) designs branches for each network. The loss is the paper's, T
    = 1 and weight 1, without the 1e-8 that its code adds inside logarithms; preset `self_kd_lib`
    has T = 4 and T^2.
    """

    paper: ClassVar[str] = "Sun et al., CVPR 2019, arXiv 1906.00675"
    year: ClassVar[int] = 2019
    level: ClassVar[Level] = "instance"
    seeds_together: ClassVar[bool] = True
    backbones: ClassVar[frozenset[str]] = frozenset({"cnn"})
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"self_kd_lib": {"temperature": 4.0}}
    published: ClassVar[tuple[str, ...]] = (
        "CIFAR-100, WRN-28-10: 82.76 +- 0.22 (CE 81.28 +- 0.24) [repo]",
        "ImageNet, ResNet-18: 71.32 (CE 68.94) [repo]",
        "ImageNet, ResNet-50: 76.47 (CE 74.53) [repo]",
        "CIFAR-100, ResNet-18, recipe D, preset self_kd_lib: 78.64 (CE 76.24) [repo]",
        "CIFAR-100, ResNet-50, recipe D, preset self_kd_lib: 80.75 (CE 77.79) [repo]",
    )

    def __init__(self, *, weight: NonNegative = 1.0, temperature: Positive = 1.0) -> None:
        super().__init__()
        self.weight = weight
        self.temperature = temperature

    def build(self, setting: Setting) -> None:
        last = len(setting.channels) - 1
        self.stages = range(max(0, last - 2), last)
        self.branches = nn.ModuleList(short(setting.new_tail(i), last - i) for i in self.stages)
        self.heads = nn.ModuleList(setting.new_head(setting.channels[-1]) for _ in self.stages)

    def loss(self, student: Student, batch: Batch, progress: Progress) -> Terms:
        images, targets = batch.views[0]
        output = student(images, targets)
        branches = [
            student.read(head, branch(output.features[stage]), targets)
            for stage, branch, head in zip(self.stages, self.branches, self.heads, strict=True)
        ]
        pairs = permutations([output, *branches], 2)
        kd = [distill(one.logits, other.logits, self.temperature) for one, other in pairs]
        terms = supervise(output)
        terms["branch_ce"] = torch.stack([supervise(branch)["ce"] for branch in branches]).sum()
        terms["kd"] = self.weight * torch.stack(kd).sum()
        return terms


def short(tail: nn.Module, num_stages: int) -> nn.Sequential:
    """Return a tail that keeps two blocks of its last stage and one of those before.

    Args:
        tail: its stages, each a row of blocks, then what ends the last one.
        num_stages: how many stages it has.
    """
    parts = list(tail.children())
    stages, ending = parts[:num_stages], parts[num_stages:]
    keep = [1] * (num_stages - 1) + [2]
    return nn.Sequential(*(first(s, k) for s, k in zip(stages, keep, strict=True)), *ending)


def first(stage: nn.Module, num_blocks: int) -> nn.Module:
    """Return the first blocks of a stage, or the whole of one that is no row of equal blocks."""
    blocks = list(stage.children())
    alike = len({type(block) for block in blocks}) == 1
    return nn.Sequential(*blocks[:num_blocks]) if alike else stage
