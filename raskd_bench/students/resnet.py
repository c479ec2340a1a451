"""ResNets with CIFAR stems: a 3x3 convolution instead of the 7x7 one and its pooling.

ResNet-8/20/56 have three stages of 16, 32 and 64 channels (He et al. 2016, arXiv 1512.03385,
section 4.2, with projection shortcuts); ResNet-18/34 four stages of 64 to 512. The pre-activation
form is that of CS-KD and PS-KD's code but for one thing (`shortcut`): no normalisation after the
last stage, and a bare 1x1 convolution as shortcut on the already activated input.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar, Literal

from torch import Tensor, nn
from torch.nn import functional as F

from raskd_bench.students.backbone import Backbone, Features

Block = Callable[[int, int, int], nn.Module]


def conv3x3(channels: int, width: int, stride: int = 1) -> nn.Conv2d:
    """Return a 3x3 convolution without bias."""
    return nn.Conv2d(channels, width, 3, stride=stride, padding=1, bias=False)


class BasicBlock(nn.Module):
    """relu( BN conv relu BN conv x + shortcut x ), He et al. 2016a."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = conv3x3(channels, width, stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = conv3x3(width, width)
        self.bn2 = nn.BatchNorm2d(width)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels != width:
            conv = nn.Conv2d(channels, width, 1, stride=stride, bias=False)
            self.shortcut = nn.Sequential(conv, nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(out)) + self.shortcut(x))


class PreActBlock(nn.Module):
    """conv relu BN conv relu BN x + shortcut, He et al. 2016b, arXiv 1603.05027.

    The shortcut is x; a 1x1 convolution of relu BN x where the width or the resolution changes.

    Args:
        channels: of x.
        width: of the output.
        stride: of the first convolution.
        preactivated: an identity shortcut gives relu BN x, too.
    """

    def __init__(
        self, channels: int, width: int, stride: int, *, preactivated: bool = False
    ) -> None:
        super().__init__()
        self.preactivated = preactivated
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv1 = conv3x3(channels, width, stride)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv2 = conv3x3(width, width)
        self.projection: nn.Module | None = None
        if stride != 1 or channels != width:
            self.projection = nn.Conv2d(channels, width, 1, stride=stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        active = F.relu(self.bn1(x))
        shortcut = active if self.preactivated else x
        if self.projection is not None:
            shortcut = self.projection(active)
        out: Tensor = self.conv2(F.relu(self.bn2(self.conv1(active))))
        return out + shortcut


class ResNet(Backbone):
    """A stem, stages of residual blocks, global average pooling.

    Args:
        block: makes a block from (channels, width, stride).
        widths: channels of each stage.
        depths: blocks of each stage.
        stem: what comes before the first stage; gives `stem_channels` at full resolution.
        stem_channels: channels after the stem.
        new_last: makes what comes after the last stage, before pooling.
    """

    stacks: ClassVar[bool] = True

    def __init__(
        self,
        block: Block,
        widths: Sequence[int],
        depths: Sequence[int],
        *,
        stem: nn.Module,
        stem_channels: int,
        new_last: Callable[[], nn.Module] = nn.Identity,
    ) -> None:
        super().__init__()
        self.channels = tuple(widths)
        self.strides = tuple(2**index for index in range(len(widths)))
        self.embedding_size = self.channels[-1]
        self._block, self._depths, self._new_last = block, tuple(depths), new_last
        self._stem_channels = stem_channels
        self.stem = stem
        self.stages = nn.ModuleList(self._new_stage(index) for index in range(len(widths)))
        self.last = new_last()
        initialise(self)

    def forward(self, images: Tensor) -> Features:
        x = self.stem(images)
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        maps[-1] = self.last(maps[-1])
        return Features(tuple(maps), maps[-1].mean(dim=(2, 3)))

    def new_tail(self, stage: int) -> nn.Module:
        """Return a freshly initialised copy of the stages after `stage`, and of what ends them."""
        stages = [self._new_stage(index) for index in range(stage + 1, len(self.channels))]
        tail = nn.Sequential(*stages, self._new_last())
        initialise(tail)
        return tail

    def _new_stage(self, index: int) -> nn.Sequential:
        channels = self.channels[index - 1] if index > 0 else self._stem_channels
        width = self.channels[index]
        first = self._block(channels, width, 2 if index > 0 else 1)
        rest = (self._block(width, width, 1) for _ in range(self._depths[index] - 1))
        return nn.Sequential(first, *rest)


def initialise(network: nn.Module) -> None:
    """Initialise convolutions as He et al. 2015 (arXiv 1502.01852), fan-out."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


def _post_activation(widths: Sequence[int], depths: Sequence[int]) -> ResNet:
    stem = nn.Sequential(conv3x3(3, widths[0]), nn.BatchNorm2d(widths[0]), nn.ReLU())
    return ResNet(BasicBlock, widths, depths, stem=stem, stem_channels=widths[0])


def _pre_activation(depths: Sequence[int], shortcut: str) -> ResNet:
    stem = nn.Sequential(conv3x3(3, 64), nn.BatchNorm2d(64), nn.ReLU())
    block = partial(PreActBlock, preactivated=shortcut == "preactivated")
    return ResNet(block, (64, 128, 256, 512), depths, stem=stem, stem_channels=64)


def resnet8() -> Backbone:
    """ResNet-8 for small images: three stages of one block, 16 to 64 channels."""
    return _post_activation((16, 32, 64), (1, 1, 1))


def resnet20() -> Backbone:
    """ResNet-20 for small images: three stages of three blocks, 16 to 64 channels."""
    return _post_activation((16, 32, 64), (3, 3, 3))


def resnet56() -> Backbone:
    """ResNet-56 for small images: three stages of nine blocks, 16 to 64 channels."""
    return _post_activation((16, 32, 64), (9, 9, 9))


def resnet18() -> Backbone:
    """ResNet-18 with a CIFAR stem: four stages of two blocks, 64 to 512 channels."""
    return _post_activation((64, 128, 256, 512), (2, 2, 2, 2))


def resnet34() -> Backbone:
    """ResNet-34 with a CIFAR stem: 3, 4, 6 and 3 blocks, 64 to 512 channels."""
    return _post_activation((64, 128, 256, 512), (3, 4, 6, 3))


def preact_resnet18(*, shortcut: Literal["identity", "preactivated"] = "identity") -> Backbone:
    """ResNet-18 with a CIFAR stem and pre-activation blocks.

    Differs: an identity shortcut takes x, as in He et al. 2016b; in the code of CS-KD
    (alinlab/cs-kd at b706db9), BAKE, PS-KD and Self-KD-Lib every shortcut takes relu BN x:
    `shortcut: preactivated`. The parameters are the same.
    """
    return _pre_activation((2, 2, 2, 2), shortcut)


def preact_resnet34(*, shortcut: Literal["identity", "preactivated"] = "identity") -> Backbone:
    """ResNet-34 with a CIFAR stem and pre-activation blocks.

    Differs: as `preact_resnet18`, for which published numbers take `shortcut: preactivated`.
    """
    return _pre_activation((3, 4, 6, 3), shortcut)
