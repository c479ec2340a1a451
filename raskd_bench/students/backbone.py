"""What every backbone offers: stage maps, a pooled embedding, and their sizes."""

from typing import ClassVar, NamedTuple

from torch import Tensor, nn

from raskd_bench.errors import IncompatibleTrial


class Features(NamedTuple):
    """What a backbone makes of images.

    Attributes:
        maps: stage maps [B, c_i, h_i, w_i], shallow to deep.
        pooled: [B, D] input of a classifier.
    """

    maps: tuple[Tensor, ...]
    pooled: Tensor


class Backbone(nn.Module):
    """A network without its classifier.

    Attributes:
        channels: c_i of each stage map.
        strides: how much smaller than the image each stage map is.
        embedding_size: D.
        stacks: channels meet in convolutions alone, so that groups keep several students apart.
    """

    stacks: ClassVar[bool] = False
    channels: tuple[int, ...]
    strides: tuple[int, ...]
    embedding_size: int

    def forward(self, images: Tensor) -> Features:
        raise NotImplementedError

    def new_tail(self, stage: int) -> nn.Module:
        """Return a freshly initialised copy of what follows a stage map.

        Raises:
            IncompatibleTrial: this kind of backbone cannot be cut there.
        """
        raise IncompatibleTrial(
            f"{type(self).__name__} gives no copies of its stages, which this method needs; take "
            "a student of 'raskd-bench list students' that is not timm's"
        )
