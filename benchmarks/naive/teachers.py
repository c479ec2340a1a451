"""Methods that learn from a frozen network."""

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.naive.equations import kl, mse
from raskd_bench.batch import Batch, Progress
from raskd_bench.method import Student
from raskd_bench.methods.kd import KD
from raskd_bench.methods.rkd import RKD
from raskd_bench.methods.srrl import SRRL
from raskd_bench.methods.tf_kd_self import TfKDSelf


def kd(method: KD, student: Student, batch: Batch, progress: Progress) -> Tensor:
    """L = ce CE + kd T^2 KL(sg t || z)."""
    images, y = batch.views[0]
    z = student(images, y).logits
    t = method.teacher(images, y).logits.detach()
    return method.ce * F.cross_entropy(z, y) + method.kd * kl(z, t, method.temperature)


def tf_kd_self(method: TfKDSelf, student: Student, batch: Batch, progress: Progress) -> Tensor:
    """(1 - alpha) CE + alpha m T^2 KL(sg z0 || z)."""
    images, y = batch.views[0]
    z = student(images, y).logits
    t = method.teacher(images, y).logits.detach()
    divergence = method.multiplier * kl(z, t, method.temperature)
    return (1 - method.alpha) * F.cross_entropy(z, y) + method.alpha * divergence


def rkd(method: RKD, student: Student, batch: Batch, progress: Progress) -> Tensor:
    """CE + distance L_D + angle L_A; distances as mdistiller takes them."""
    images, y = batch.views[0]
    output = student(images, y)
    e, t = output.embeddings, method.teacher(images, y).embeddings.detach()
    by_distance = F.smooth_l1_loss(distances(e), distances(t))
    by_angle = F.smooth_l1_loss(angles(e), angles(t))
    ce = F.cross_entropy(output.logits, y)
    return ce + method.distance * by_distance + method.angle * by_angle


def distances(e: Tensor) -> Tensor:
    """Return [B, B] distances of embeddings [B, D] over their mean, from their inner products."""
    squares = (e**2).sum(dim=1)
    squared = squares[:, None] + squares[None, :] - 2 * e @ e.T
    off = 1 - torch.eye(len(e), device=e.device)
    d = squared.clamp(min=1e-12).sqrt() * off
    return d / d[d > 0].mean()


def angles(e: Tensor) -> Tensor:
    """Return [B, B, B] cosines of the angle at i between j and k."""
    directions = F.normalize(e[None, :] - e[:, None], dim=2)
    return torch.bmm(directions, directions.transpose(1, 2))


def srrl(method: SRRL, student: Student, batch: Batch, progress: Progress) -> Tensor:
    """CE + alpha mean (r - e)^2 + beta mean (W r + b - t)^2."""
    images, y = batch.views[0]
    output = student(images, y)
    teacher = method.teacher(images, y)
    r = F.adaptive_avg_pool2d(method.connector(output.features[-1]), 1).flatten(1)
    hint = mse(r, teacher.embeddings.detach())
    read = mse(method.teacher.classify(r), teacher.logits.detach())
    return F.cross_entropy(output.logits, y) + method.alpha * hint + method.beta * read
