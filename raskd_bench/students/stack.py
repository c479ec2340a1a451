"""Several students of one architecture as one network, each on images of its own.

A convolution of K students is one with K times the groups; batch normalisation and what else acts
on each channel alone is the same. So one kernel does what K would, and each student's numbers are
its own, but for the order of additions.
"""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from raskd_bench.batch import Output
from raskd_bench.errors import IncompatibleTrial
from raskd_bench.students.backbone import Backbone, Features
from raskd_bench.students.network import StudentNetwork

WEIGHTS = ("weight", "bias", "running_mean", "running_var")


class Stack(nn.Module):
    """K students: one backbone of all, and a head each.

    The students that are given stay what they are, to be evaluated: what they hold are views of the
    stack's parameters and statistics, so they follow its training.

    Args:
        students: alike but for their weights, on their device.

    Raises:
        IncompatibleTrial: their architecture cannot be stacked.
    """

    def __init__(self, students: Sequence[StudentNetwork]) -> None:
        super().__init__()
        self.backbone = _stacked([student.backbone for student in students])
        self.heads = nn.ModuleList(student.head for student in students)
        self.members = [Member(student) for student in students]

    def offer(self, images: Sequence[Tensor]) -> None:
        """Run the backbone on [B, 3, H, W] of each member, who says it when asked for these."""
        features: Features = self.backbone(torch.cat(list(images), dim=1))
        count = len(self.members)
        maps = [stage.chunk(count, dim=1) for stage in features.maps]
        pooled = features.pooled.chunk(count, dim=1)
        for index, member in enumerate(self.members):
            parts = tuple(stage[index] for stage in maps)
            member.offered = images[index], Features(parts, pooled[index])


class Member:
    """One student of a stack, as its method sees it: it can be run once on what it was offered."""

    def __init__(self, network: StudentNetwork) -> None:
        self.network = network
        self.offered: tuple[Tensor, Features] | None = None

    def __call__(self, images: Tensor, targets: Any = None) -> Output:
        """Return the output for the images that were offered.

        Raises:
            RuntimeError: other images, or a second time: the method must not be stacked.
        """
        if self.offered is None or self.offered[0] is not images:
            text = "seeds_together is for methods with one forward a step, on the batch's images"
            raise RuntimeError(text)
        features, self.offered = self.offered[1], None
        network = self.network
        network.images_with_grad += len(images)
        return network.task.read(network.head, features, targets)

    def read(self, head: nn.Module, features: Tensor, targets: Any) -> Output:
        """Run an auxiliary head of `Setting.new_head` on [B, c, h, w] features."""
        return self.network.read(head, features, targets)

    def classify(self, embeddings: Tensor) -> Tensor:
        """Run the student's own classifier on [*, D] embeddings; logits [*, C]."""
        return self.network.classify(embeddings)

    @property
    def class_weights(self) -> Tensor:
        """[C, D] weights of the linear layer that makes the logits."""
        return self.network.class_weights


def _stacked(backbones: Sequence[Backbone]) -> Backbone:
    if not backbones[0].stacks:
        kind = type(backbones[0]).__name__
        raise IncompatibleTrial(f"{kind} mixes channels otherwise than by convolutions")
    stacked = copy.deepcopy(backbones[0])
    for name, module in stacked.named_modules():
        if next(module.parameters(recurse=False), None) is not None:
            _stack(module, [backbone.get_submodule(name) for backbone in backbones])
    return stacked


def _stack(module: nn.Module, parts: Sequence[nn.Module]) -> None:
    """Give a module the weights of all parts, and each part views of its own."""
    count = len(parts)
    if isinstance(module, nn.Conv2d):
        module.groups *= count
        module.in_channels *= count
        module.out_channels *= count
    elif isinstance(module, nn.BatchNorm2d):
        module.num_features *= count
    else:
        raise IncompatibleTrial(f"{type(module).__name__} acts on all channels at once")
    for name in WEIGHTS:
        if isinstance(getattr(module, name, None), Tensor):
            _share(module, parts, name)


@torch.no_grad()
def _share(module: nn.Module, parts: Sequence[nn.Module], name: str) -> None:
    owns = [getattr(part, name) for part in parts]
    whole = torch.cat([own.detach() for own in owns])
    if whole.dim() == 4 and owns[0].is_contiguous(memory_format=torch.channels_last):
        whole = whole.contiguous(memory_format=torch.channels_last)
    parameter = name in dict(module.named_parameters(recurse=False))
    setattr(module, name, nn.Parameter(whole) if parameter else whole)
    views = getattr(module, name).detach().chunk(len(parts))
    for own, view in zip(owns, views, strict=True):
        own.data = view
