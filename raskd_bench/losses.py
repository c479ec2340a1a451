"""Losses as pure functions: a method is a few calls of these.

Divergences are sums over classes and means over positions ("batchmean"): KLb of the literature.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from raskd_bench.batch import Output, Terms

SHORTEST = 1e-12  # length of a row, as in F.normalize: a row of zeros stays one


def supervise(output: Output) -> Terms:
    """Return the supervised terms of an output: cross entropy and what else the task asks for.

    Args:
        output: logits [P, C] with labels [P].
    """
    return {"ce": F.cross_entropy(output.logits, output.hard_labels), **output.task_terms}


def soft_cross_entropy(log_p: Tensor, q: Tensor) -> Tensor:
    """H(q, p) = -(1/P) sum_i sum_c q_ic log p_ic.

    Args:
        log_p: [P, C] log-probabilities.
        q: [P, C] probabilities.
    """
    # one product of all elements: no [P, C] copy, and half the kernels of (q * log_p).sum()
    return torch.dot(q.flatten().to(log_p), log_p.flatten()) / -log_p.shape[0]


def distill(logits: Tensor, teacher_logits: Tensor, temperature: float = 1.0) -> Tensor:
    """T^2 KL( sg softmax(t / T) || softmax(z / T) ), Hinton et al. 2015, arXiv 1503.02531.

    Args:
        logits: [P, C] of the student, z.
        teacher_logits: [P, C] of what teaches, t; detached here.
        temperature: T > 0.
    """
    log_p = F.log_softmax(logits / temperature, dim=1)
    log_q = F.log_softmax(teacher_logits.detach() / temperature, dim=1)
    return F.kl_div(log_p, log_q, reduction="batchmean", log_target=True) * temperature**2


def smoothed(log_p: Tensor, labels: Tensor, soft: Tensor, epsilon: float) -> Tensor:
    """H((1 - epsilon) 1_y + epsilon q, p), without building the mixed targets.

    Args:
        log_p: [P, C] log-probabilities.
        labels: [P] classes y.
        soft: [P, C] probabilities q.
        epsilon: weight of q in [0, 1].
    """
    hard = F.nll_loss(log_p, labels)
    return (1 - epsilon) * hard + epsilon * soft_cross_entropy(log_p, soft)


def unit_rows(rows: Tensor) -> Tensor:
    """Return rows [C, D] divided by their lengths; F.normalize in a third of its kernels."""
    unit: Tensor = _UnitRows.apply(rows)
    return unit


class _UnitRows(torch.autograd.Function):
    """u = v / |v|; dL/dv = (g - u (u . g)) / |v|, row by row."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        lengths = torch.linalg.vector_norm(rows, dim=1, keepdim=True).clamp_min_(SHORTEST)
        unit: Tensor = rows / lengths
        ctx.save_for_backward(unit, lengths)
        return unit

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        unit, lengths = ctx.saved_tensors
        (gradient,) = gradients
        along = torch.linalg.vecdot(unit, gradient, dim=1).unsqueeze(1)
        across: Tensor = torch.addcmul(gradient, unit, along, value=-1)
        across /= lengths
        return across


def masked_softmax_rows(similarities: Tensor, tau: float) -> Tensor:
    """Return the row-wise softmax over j != i of a square matrix, zero on its diagonal.

    Args:
        similarities: [C, C].
        tau: temperature > 0.
    """
    scaled = similarities / tau
    return torch.softmax(scaled.fill_diagonal_(-torch.inf), dim=1)


def without_autocast(device: torch.device) -> AbstractContextManager[None]:
    """Return a context in which products of float32 matrices stay float32."""
    if not torch.amp.is_autocast_available(device.type):
        return nullcontext()
    return torch.autocast(device.type, enabled=False)
