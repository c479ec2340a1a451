"""Zipf's label smoothing: the classes that are not the label share its mass by their rank."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from raskd_bench.batch import Batch, Output, Progress, Terms
from raskd_bench.losses import supervise
from raskd_bench.method import Level, Method, NonNegative, Setting, Student


class ZipfLS(Method):
    """L = CE(z, y) + lam KL( Zipf(r) || softmax over c != y of z ).

    Zipf(r)_c = (1 / r_c) / sum_{j != y} (1 / r_j), without gradient. r_c is 1 + the number of
    classes with strictly more votes: each position of the last stage map, upsampled twofold
    (`upsample`), is classified by the student's own classifier and votes for its class; the label
    is ranked along before it is left out, and all classes without a vote share one rank. `ranking:
    logits` ranks the logits of the classes other than the label instead.

    Differs: the official code (megvii-research/zipfls at 108e27a) ranks on the host with scipy, and
    its losses.py ranks logits with the label among them, where its zipf_utils.py leaves it out, as
    here. Its option to average the KL over the images that are predicted right is `correct_only`.
    Its auxiliary classifiers, unused at the published settings, are left out. The last map of a
    vision transformer is its tokens before the final normalisation.
    """

    paper: ClassVar[str] = "Liang et al., ECCV 2022, arXiv 2207.12980"
    year: ClassVar[int] = 2022
    level: ClassVar[Level] = "instance"
    seeds_together: ClassVar[bool] = True
    fewest_classes: ClassVar[int] = 3  # one class beside the label takes all of their mass
    tasks: ClassVar[frozenset[str]] = frozenset({"classification"})
    off_switch: ClassVar[tuple[str, ...]] = ("lam",)
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "cifar100": {"lam": 0.1, "upsample": True},
        "tiny_imagenet": {"lam": 1.0, "upsample": True},
        "imagenet": {"lam": 0.1, "upsample": False},
        "inat21_mini": {"lam": 1.0, "upsample": False},
    }
    published: ClassVar[tuple[str, ...]] = (
        "CIFAR-100, ResNet-18, recipe A: 77.38 +- 0.32 (CE 75.51 +- 0.28) [repo]",
        "CIFAR-100, DenseNet-121, recipe A: 79.03 +- 0.32 (CE 77.86 +- 0.26) [repo]",
        "Tiny ImageNet, ResNet-18, recipe A: 59.25 +- 0.20 (CE 56.41 +- 0.20) [repo]",
        "Tiny ImageNet, DenseNet-121, recipe A: 62.64 +- 0.30 (CE 60.31 +- 0.36) [repo]",
        "iNat-21 mini, ResNet-50: CE + 3.61 [repo]",
    )

    def __init__(
        self, *, lam: NonNegative = 0.1, ranking: Literal["dense", "logits"] = "dense",
        upsample: bool = True, correct_only: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.lam, self.ranking = lam, ranking
        self.upsample, self.correct_only = upsample, correct_only

    def build(self, setting: Setting) -> None:
        channels, size = setting.channels[-1], setting.embedding_size
        if self.ranking == "dense" and channels != size:
            raise ValueError(
                f"the student's classifier reads {size} channels and its last stage map has "
                f"{channels}: positions cannot be classified; take 'ranking: logits'"
            )

    def loss(self, student: Student, batch: Batch, progress: Progress) -> Terms:
        output = student(*batch.views[0])
        terms = supervise(output)
        labels = output.hard_labels[:, None]
        q = self.targets(student, output, labels)
        lowest = torch.finfo(output.logits.dtype).min
        log_p = F.log_softmax(output.logits.scatter(1, labels, lowest), dim=1)
        kl = (torch.xlogy(q, q) - q * log_p).sum(dim=1)
        if self.correct_only:
            correct = (output.logits.argmax(dim=1) == output.hard_labels).to(kl.dtype)
            terms["kd"] = self.lam * (kl * correct).sum() / correct.sum().clamp(min=1)
        else:
            terms["kd"] = self.lam * kl.mean()
        return terms

    @torch.no_grad()
    def targets(self, student: Student, output: Output, labels: Tensor) -> Tensor:
        """Return Zipf(r) [P, C]: rows sum to 1, zero at the label."""
        if self.ranking == "dense":
            scores = self.votes(student, output.features[-1], output.logits)
        else:
            scores = output.logits.scatter(1, labels, -torch.inf)
        weights = (1 / ranks(scores)).to(output.logits.dtype).scatter(1, labels, 0.0)
        return weights / weights.sum(dim=1, keepdim=True)

    def votes(self, student: Student, features: Tensor, like: Tensor) -> Tensor:
        """Return how many positions of features [B, D, h, w] vote for each class, [B, C]."""
        if self.upsample:
            features = F.interpolate(features.float(), scale_factor=2, mode="bilinear")
        chosen = student.classify(features.permute(0, 2, 3, 1)).argmax(dim=-1).flatten(1)
        return torch.zeros_like(like).scatter_add_(
            1, chosen, torch.ones_like(chosen, dtype=like.dtype)
        )


def ranks(scores: Tensor) -> Tensor:
    """Return [P, C] ranks by descending score from 1; equals share the smallest of theirs."""
    descending = (-scores).contiguous()
    return 1 + torch.searchsorted(descending.sort(dim=1).values, descending)
