"""What every backbone offers: stage maps, a pooled embedding, and their sizes."""

from typing import NamedTuple

from torch import Tensor, nn


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
    """

    channels: tuple[int, ...]
    strides: tuple[int, ...]
    embedding_size: int

    def forward(self, images: Tensor) -> Features:
        raise NotImplementedError
