"""The terms that most equations are made of, written out."""

import torch
from torch import Tensor
from torch.nn import functional as F


def one_hot(labels: Tensor, like: Tensor) -> Tensor:
    """Return 1_y [P, C] of labels [P], in the type of `like` [P, C]."""
    return F.one_hot(labels, like.shape[1]).to(like.dtype)


def soft_ce(logits: Tensor, q: Tensor) -> Tensor:
    """H(q, softmax z) of logits and targets [P, C]."""
    return -(q * torch.log_softmax(logits, dim=1)).sum(dim=1).mean()


def kl(taught: Tensor, teaching: Tensor, temperature: float) -> Tensor:
    """T^2 KL( softmax(teaching / T) || softmax(taught / T) ); gradient flows to both [P, C]."""
    q = torch.softmax(teaching / temperature, dim=1)
    log_q = torch.log_softmax(teaching / temperature, dim=1)
    log_p = torch.log_softmax(taught / temperature, dim=1)
    return temperature**2 * (q * (log_q - log_p)).sum(dim=1).mean()


def mse(a: Tensor, b: Tensor) -> Tensor:
    """Mean of squared differences."""
    return ((a - b) ** 2).mean()


def without_label(values: Tensor, labels: Tensor) -> Tensor:
    """Return [P, C - 1]: the values of the classes that are not the label."""
    others = F.one_hot(labels, values.shape[1]) == 0
    return values[others].view(len(values), -1)
