"""Methods whose targets come from relations: between classes, ranks or the images of a batch."""

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.naive.equations import kl, one_hot, soft_ce, without_label
from raskd_bench.batch import Batch, Progress
from raskd_bench.method import Student
from raskd_bench.methods.bake import BAKE
from raskd_bench.methods.ras_kd import RASKD
from raskd_bench.methods.uskd import USKD
from raskd_bench.methods.zipf_ls import ZipfLS


def bake(method: BAKE, student: Student, batch: Batch, progress: Progress) -> Tensor:
    """As the official code, with the inverse."""
    images, y = batch.views[0]
    output = student(images, y)
    log_p = torch.log_softmax(output.logits / method.temperature, dim=1)
    with torch.no_grad():
        g = F.normalize(output.embeddings, dim=1)
        identity = torch.eye(len(g), device=g.device)
        a = torch.softmax(g @ g.T - 1e9 * identity, dim=1)
        w = (1 - method.omega) * torch.inverse(identity - method.omega * a)
        q = w @ torch.softmax(output.logits / method.temperature, dim=1)
    divergence = method.temperature**2 * (q * (q.log() - log_p)).sum(dim=1).mean()
    return F.cross_entropy(output.logits, y) + method.weight * divergence


def ras_kd(method: RASKD, student: Student, batch: Batch, progress: Progress) -> Tensor:
    """H(q, softmax z) + CE(a, y) + beta T^2 KL(sg a || z)."""
    images, y = batch.views[0]
    output = student(images, y)
    v, e = method.auxiliary, output.embeddings.detach()
    assert v is not None
    with torch.no_grad():
        rows = F.normalize(v, dim=1)
        cosines = rows @ rows.T / method.tau
        relation = torch.softmax(cosines.fill_diagonal_(-torch.inf), dim=1)
    q = (1 - method.epsilon) * one_hot(y, output.logits) + method.epsilon * relation[y]
    a = method.scale * F.normalize(e, dim=1) @ F.normalize(v, dim=1).T
    loss = soft_ce(output.logits, q) + F.cross_entropy(a, y)
    if method.beta > 0:
        loss = loss + method.beta * kl(output.logits, a.detach(), method.temperature)
    return loss


def uskd(method: USKD, student: Student, batch: Batch, progress: Progress) -> Tensor:
    """CE + alpha L_t + beta L_non + mu H(0.9 1_y + 0.1 / C, softmax w)."""
    images, y = batch.views[0]
    output = student(images, y)
    z, hot, rows = output.logits, one_hot(y, output.logits), torch.arange(len(y), device=y.device)
    w = student.read(method.head, output.features[-2], y).logits
    s = torch.softmax(z, dim=1)
    s_t = s[rows, y]
    with torch.no_grad():
        p_t = s_t**2 + 1 - (s_t**2).mean()
        weak = torch.softmax(w, dim=1)
        score = weak / (1 - weak[rows, y])[:, None] + s / (1 - s_t)[:, None]
        order = score.argsort(dim=1, descending=True)
        shares = (1 / torch.arange(1, z.shape[1] + 1, device=z.device)).expand_as(z)
        r = without_label(torch.zeros_like(z).scatter(1, order, shares), y)
        r = r / r.sum(dim=1, keepdim=True)
    target = -(p_t * s_t.log()).mean()
    non_target = soft_ce(without_label(z, y), r)
    aux = soft_ce(w, 0.9 * hot + 0.1 / z.shape[1])
    ce = F.cross_entropy(z, y)
    return ce + method.alpha * target + method.beta * non_target + method.mu * aux


def zipf_ls(method: ZipfLS, student: Student, batch: Batch, progress: Progress) -> Tensor:
    """The ranks by comparing all pairs of classes; the official code has scipy do it."""
    images, y = batch.views[0]
    output = student(images, y)
    z, num_classes = output.logits, output.logits.shape[1]
    with torch.no_grad():
        maps = F.interpolate(output.features[-1], scale_factor=2, mode="bilinear")
        dense = student.classify(maps.permute(0, 2, 3, 1)).argmax(dim=-1).flatten(1)
        votes = F.one_hot(dense, num_classes).sum(dim=1)
        ranks = 1 + (votes[:, None, :] > votes[:, :, None]).sum(dim=2)
        q = without_label(1 / ranks, y)
        q = q / q.sum(dim=1, keepdim=True)
    log_p = torch.log_softmax(without_label(z, y), dim=1)
    divergence = (q * (q.log() - log_p)).sum(dim=1).mean()
    return F.cross_entropy(z, y) + method.lam * divergence
