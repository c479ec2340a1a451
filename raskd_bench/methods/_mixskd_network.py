"""What MixSKD mixes with, and its discriminators."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Mixing(NamedTuple):
    """What a batch is mixed with, and how much.

    Attributes:
        lam: [] share of the image itself.
        order: [B] its partner.
    """

    lam: Tensor
    order: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """Mix [B, ...] with its partners."""
        return self.lam * x + (1 - self.lam) * x[self.order]

    def cross_entropy(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Cross entropy with the labels [B] and those of the partners, lam to 1 - lam."""
        own, partner = (F.cross_entropy(logits, y) for y in (labels, labels[self.order]))
        return self.lam * own + (1 - self.lam) * partner


def new_mixing(images: Tensor, alpha: float) -> Mixing:
    """Draw lam from Beta(alpha, alpha), as X / (X + Y) of two gamma variables, and partners."""
    shape = torch.full((2,), alpha, device=images.device)
    gamma = torch.distributions.Gamma(shape, torch.ones_like(shape), validate_args=False).sample()
    return Mixing(gamma[0] / gamma.sum(), torch.randperm(len(images), device=images.device))


def halves(tensors: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """Split each [2B, ...] into its first and its second B."""
    first, second = zip(*(tensor.chunk(2) for tensor in tensors), strict=True)
    return list(first), list(second)


def discriminator(size: int) -> nn.Sequential:
    """Return two linear layers, [B, size] to two logits."""
    return nn.Sequential(nn.Linear(size, 128), nn.ReLU(), nn.Linear(128, 2))


def total(losses: list[Tensor]) -> Tensor:
    """Sum of scalars."""
    return torch.stack(losses).sum()
