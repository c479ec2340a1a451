"""Methods whose targets are labels or predictions: smoothed, of another view, or kept in a table.

Terms CE(z, y) are `F.cross_entropy`, as in all public code; only `cross_entropy` spells it out.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.naive.equations import kl, one_hot, soft_ce
from raskd_bench.batch import Batch, Progress
from raskd_bench.method import Student
from raskd_bench.methods.cross_entropy import CrossEntropy
from raskd_bench.methods.cs_kd import CSKD
from raskd_bench.methods.ddgsd import DDGSD
from raskd_bench.methods.dlb import DLB
from raskd_bench.methods.label_smoothing import LabelSmoothing
from raskd_bench.methods.lwr import LWR
from raskd_bench.methods.ols import OLS
from raskd_bench.methods.ps_kd import PSKD
from raskd_bench.methods.sd_dropout import SDDropout
from raskd_bench.methods.tf_kd_reg import TfKDReg


def cross_entropy(
    method: CrossEntropy, student: Student, batch: Batch, progress: Progress
) -> Tensor:
    """H(1_y, softmax z)."""
    images, y = batch.views[0]
    z = student(images, y).logits
    return soft_ce(z, one_hot(y, z))


def label_smoothing(
    method: LabelSmoothing, student: Student, batch: Batch, progress: Progress
) -> Tensor:
    """H((1 - epsilon) 1_y + epsilon / C, softmax z)."""
    images, y = batch.views[0]
    z = student(images, y).logits
    q = (1 - method.epsilon) * one_hot(y, z) + method.epsilon / z.shape[1]
    return soft_ce(z, q)


def tf_kd_reg(method: TfKDReg, student: Student, batch: Batch, progress: Progress) -> Tensor:
    """(1 - alpha) CE + alpha m KL(softmax(p^d / T) || softmax z)."""
    images, y = batch.views[0]
    z = student(images, y).logits
    hot = one_hot(y, z)
    virtual = method.correct * hot + (1 - method.correct) / (z.shape[1] - 1) * (1 - hot)
    q = torch.softmax(virtual / method.temperature, dim=1)
    divergence = (q * (q.log() - torch.log_softmax(z, dim=1))).sum(dim=1).mean()
    weight = method.alpha * method.multiplier
    return (1 - method.alpha) * F.cross_entropy(z, y) + weight * divergence


def cs_kd(method: CSKD, student: Student, batch: Batch, progress: Progress) -> Tensor:
    """CE + weight T^2 KL(sg z' || z)."""
    images, y = batch.views[0]
    half = len(images) // 2
    z = student(images[:half], y[:half]).logits
    with torch.no_grad():
        partner = student(images[half:], y[half:]).logits
    return F.cross_entropy(z, y[:half]) + method.weight * kl(z, partner, method.temperature)


def ddgsd(method: DDGSD, student: Student, batch: Batch, progress: Progress) -> Tensor:
    """CE_a + CE_b + lam T^2 [KL(sg p_a || p_b) + KL(sg p_b || p_a)] + mu MMD."""
    (images_a, y), (images_b, _) = batch.views
    output = student(torch.cat([images_a, images_b]), torch.cat([y, y]))
    z_a, z_b = output.logits.chunk(2)
    g_a, g_b = output.embeddings.chunk(2)
    ce = F.cross_entropy(z_a, y) + F.cross_entropy(z_b, y)
    divergence = kl(z_b, z_a.detach(), method.temperature) + kl(
        z_a, z_b.detach(), method.temperature
    )
    mmd = ((g_a.mean(dim=0) - g_b.mean(dim=0)) ** 2).sum()
    return ce + method.lam * divergence + method.mu * mmd


def dlb(method: DLB, student: Student, batch: Batch, progress: Progress) -> Tensor:
    """CE of new and repeated images + alpha T^2 KL(last logits || z')."""
    (images, y), again = batch.views
    z = student(images, y).logits
    if method.logits is None:
        loss = F.cross_entropy(z, y)
    else:
        repeated = student(method.images, method.labels).logits
        ce = F.cross_entropy(torch.cat([z, repeated]), torch.cat([y, method.labels]))
        loss = ce + method.alpha * kl(repeated, method.logits, method.temperature)
    method.images, method.labels = again
    method.logits = z.detach()
    return loss


def sd_dropout(method: SDDropout, student: Student, batch: Batch, progress: Progress) -> Tensor:
    """CE + lam T^2 [KL(p1 || p2) + KL(p2 || p1)]."""
    images, y = batch.views[0]
    output = student(images, y)
    u1 = student.classify(F.dropout(output.embeddings, method.dropout))
    u2 = student.classify(F.dropout(output.embeddings, method.dropout))
    divergence = kl(u2, u1, method.temperature) + kl(u1, u2, method.temperature)
    return F.cross_entropy(output.logits, y) + method.lam * divergence


def ps_kd(method: PSKD, student: Student, batch: Batch, progress: Progress) -> Tensor:
    """As the official code: in the first epoch the rows of the table are one-hot."""
    images, y = batch.views[0]
    z = student(images, y).logits
    if progress.epoch == 0:
        method.predictions[batch.ids] = one_hot(y, z)
    alpha = method.alpha * (progress.epoch + 1) / progress.epochs
    q = (1 - alpha) * one_hot(y, z) + alpha * method.predictions[batch.ids]
    loss = soft_ce(z, q)
    method.predictions[batch.ids] = torch.softmax(z, dim=1).detach()
    return loss


def lwr(method: LWR, student: Student, batch: Batch, progress: Progress) -> Tensor:
    """(1 - b) CE + b T^2 KL(stored || z), image by image: b = 0 where none was visited yet.

    The official code has no such images: its loader keeps the last batch, which ours leaves out.
    """
    images, y = batch.views[0]
    z = student(images, y).logits
    stored, t = method.targets[batch.ids], method.temperature
    c = (progress.epoch + 1) // method.k * method.k
    weight = (1 - method.gamma) * c / (method.horizon * progress.epochs)
    b = weight * (stored != 0).any(dim=1)
    log_q = torch.log_softmax(stored / t, dim=1)
    divergence = log_q.exp() * (log_q - torch.log_softmax(z / t, dim=1))
    loss = (1 - b) * F.cross_entropy(z, y, reduction="none") + b * t**2 * divergence.sum(dim=1)
    method.latest[batch.ids] = z.detach()
    return loss.mean()


def ols(method: OLS, student: Student, batch: Batch, progress: Progress) -> Tensor:
    """As the official code, with its loop over the images of a batch."""
    images, y = batch.views[0]
    z = student(images, y).logits
    soft = soft_ce(z, method.targets[y])
    with torch.no_grad():
        p = torch.softmax(z, dim=1)
        predicted = p.argmax(dim=1)
        for i in range(len(y)):
            if predicted[i] == y[i]:
                method.sums[y[i]] += p[i]
                method.counts[y[i]] += 1
    return method.alpha * F.cross_entropy(z, y) + (1 - method.alpha) * soft
