"""Methods of several exits, and of stage maps."""

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.naive.equations import kl, mse, soft_ce
from raskd_bench.batch import Batch, Progress
from raskd_bench.method import Student
from raskd_bench.methods._mixskd_network import new_mixing
from raskd_bench.methods.byot import BYOT
from raskd_bench.methods.dks import DKS
from raskd_bench.methods.frskd import FRSKD
from raskd_bench.methods.mixskd import MixSKD
from raskd_bench.methods.sad import SAD


def byot(method: BYOT, student: Student, batch: Batch, progress: Progress) -> Tensor:
    """Cross entropy, soft cross entropy and masked distance of each exit, one after another."""
    images, y = batch.views[0]
    output = student(images, y)
    g, soft = output.embeddings.detach(), torch.softmax(output.logits / method.temperature, dim=1)
    loss = (1 - method.alpha) * F.cross_entropy(output.logits, y)
    for i, (branch, head) in enumerate(zip(method.branches, method.heads, strict=True)):
        shallow = student.read(head, branch(output.features[i]), y)
        z, g_i = shallow.logits, shallow.embeddings
        loss = loss + (1 - method.alpha) * F.cross_entropy(z, y)
        taught = soft_ce(z / method.temperature, soft.detach())
        loss = loss + method.alpha * method.temperature**2 * taught
        positive = ((g_i > 0) | (g > 0)).to(g.dtype)
        loss = loss + method.lam * ((g_i - g) ** 2 * positive).sum()
    return loss


def dks(method: DKS, student: Student, batch: Batch, progress: Progress) -> Tensor:
    """Cross entropy of each exit, and KL of each ordered pair."""
    images, y = batch.views[0]
    output = student(images, y)
    exits = [output.logits]
    for stage, branch, head in zip(method.stages, method.branches, method.heads, strict=True):
        exits.append(student.read(head, branch(output.features[stage]), y).logits)
    loss = torch.zeros((), device=y.device)
    for i, z in enumerate(exits):
        loss = loss + F.cross_entropy(z, y)
        for j, other in enumerate(exits):
            if i != j:
                loss = loss + method.weight * kl(z, other.detach(), method.temperature)
    return loss


def sad(method: SAD, student: Student, batch: Batch, progress: Progress) -> Tensor:
    """CE + weight sum_l mean (A(F_l) - A(up(sg F_{l+1})))^2."""
    images, y = batch.views[0]
    output = student(images, y)
    loss = F.cross_entropy(output.logits, y)
    for shallow, deep in zip(output.features[:-1], output.features[1:], strict=True):
        enlarged = F.interpolate(deep.detach(), size=shallow.shape[-2:], mode="bilinear")
        loss = loss + method.weight * mse(positions(shallow), positions(enlarged))
    return loss


def positions(features: Tensor) -> Tensor:
    """Return [B, hw]: the softmax over positions of the mean over channels of squares."""
    return torch.softmax((features**2).mean(dim=1).flatten(1), dim=1)


def frskd(method: FRSKD, student: Student, batch: Batch, progress: Progress) -> Tensor:
    """CE(z) + CE(t) + alpha T^2 KL(sg t || z) + beta sum_l mean (A(F_l) - A(sg T_l))^2."""
    images, y = batch.views[0]
    output = student(images, y)
    refined = method.pyramid(output.features)
    t = student.read(method.head, refined[-1], y).logits
    loss = F.cross_entropy(output.logits, y) + F.cross_entropy(t, y)
    loss = loss + method.alpha * kl(output.logits, t.detach(), method.temperature)
    for own, target in zip(output.features, refined, strict=True):
        loss = loss + method.beta * mse(attention(own), attention(target.detach()))
    return loss


def attention(features: Tensor) -> Tensor:
    """Return [B, hw] of length 1: the mean over channels of squares."""
    return F.normalize((features**2).mean(dim=1).flatten(1), dim=1)


class Reversal(torch.autograd.Function):
    """The identity, whose gradient is the negative."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(ctx: object, *gradients: Tensor) -> Tensor:
        return -gradients[0]


def mixskd(method: MixSKD, student: Student, batch: Batch, progress: Progress) -> Tensor:
    """Mixing is drawn as the method draws it, so that both see the same mixture."""
    images, y = batch.views[0]
    lam, pi = new_mixing(images, method.alpha)
    mixed = lam * images + (1 - lam) * images[pi]
    output = student(torch.cat([images, mixed]), torch.cat([y, y]))
    exits = [student.read(head, tail(f), None) for head, tail, f in
             zip(method.heads, method.tails, output.features[:-1], strict=True)]  # fmt: skip
    logits, blended, maps, blended_maps, mixed_maps = [], [], [], [], []
    for out in [*exits, output]:
        z, z_mixed = out.logits.chunk(2)
        f, f_mixed = out.features[-1].chunk(2)
        logits.append((z, z_mixed))
        blended.append(lam * z + (1 - lam) * z[pi])
        maps.append((lam * f + (1 - lam) * f[pi], f_mixed))
    blended_maps, mixed_maps = [list(m) for m in zip(*maps, strict=True)]
    fuse = method.fuse.weight[:, :, None, None]
    e = [student.read(method.fuse_head, F.conv2d(torch.cat(m, dim=1), fuse), None).logits
         for m in (blended_maps, mixed_maps)]  # fmt: skip

    def mixed_ce(z: Tensor) -> Tensor:
        return lam * F.cross_entropy(z, y) + (1 - lam) * F.cross_entropy(z, y[pi])

    loss = mixed_ce(e[0]) + mixed_ce(e[1])
    for h, (z, z_mixed) in enumerate(logits):
        loss = loss + F.cross_entropy(z, y) + mixed_ce(z_mixed)
        last = h == len(logits) - 1
        of_mixed, of_blended = (e[0], e[1]) if last else (blended[h], z_mixed)
        loss = loss + kl(z_mixed, of_mixed.detach(), method.temperature)
        loss = loss + kl(blended[h], of_blended.detach(), method.temperature)
        loss = loss + mse(blended_maps[h], mixed_maps[h])
        loss = loss + discrimination(method.discriminators[h], blended_maps[h], mixed_maps[h])
    return loss


def discrimination(judge: torch.nn.Module, blended: Tensor, mixed: Tensor) -> Tensor:
    """Binary cross entropy of a discriminator between two sets of maps, reversed for the maps."""
    pooled = torch.cat([blended.mean(dim=(2, 3)), mixed.mean(dim=(2, 3))])
    first = torch.tensor([[1.0, 0.0]], device=mixed.device).expand(len(blended), 2)
    second = torch.tensor([[0.0, 1.0]], device=mixed.device).expand(len(mixed), 2)
    said = judge(Reversal.apply(pooled))
    return F.binary_cross_entropy_with_logits(said, torch.cat([first, second]))
