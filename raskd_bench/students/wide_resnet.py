"""Wide residual networks: Zagoruyko & Komodakis 2016, arXiv 1605.07146."""

from torch import Tensor, nn
from torch.nn import functional as F

from raskd_bench.students.backbone import Backbone
from raskd_bench.students.resnet import ResNet, conv3x3


class WideBlock(nn.Module):
    """Pre-activation block whose activation feeds the shortcut only where the width changes."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv1 = conv3x3(channels, width, stride)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv2 = conv3x3(width, width)
        self.projection: nn.Module | None = None
        if channels != width:
            self.projection = nn.Conv2d(channels, width, 1, stride=stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        active = F.relu(self.bn1(x))
        shortcut = x if self.projection is None else self.projection(active)
        out: Tensor = self.conv2(F.relu(self.bn2(self.conv1(active))))
        return out + shortcut


def _wide(depth: int, factor: int) -> ResNet:
    widths = (16 * factor, 32 * factor, 64 * factor)
    blocks = (depth - 4) // 6
    return ResNet(
        WideBlock,
        widths,
        (blocks,) * 3,
        stem=conv3x3(3, 16),
        stem_channels=16,
        new_last=lambda: nn.Sequential(nn.BatchNorm2d(widths[-1]), nn.ReLU()),
    )


def wrn_16_2() -> Backbone:
    """WRN-16-2: 16 layers, twice as wide."""
    return _wide(16, 2)


def wrn_28_10() -> Backbone:
    """WRN-28-10: 28 layers, ten times as wide."""
    return _wide(28, 10)
