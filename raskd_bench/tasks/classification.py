"""Image classification: one position per image."""

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from raskd_bench.batch import Output
from raskd_bench.record_fields import ReliabilityBin
from raskd_bench.students.backbone import Features

NUM_BINS = 15


class Classification:
    """Top-1 accuracy, higher is better.

    Args:
        num_classes: C.
    """

    metric: ClassVar[str] = "top1"
    higher_is_better: ClassVar[bool] = True

    def __init__(self, num_classes: int) -> None:
        self.num_classes = num_classes

    def new_head(self, channels: int) -> nn.Module:
        return nn.Linear(channels, self.num_classes)

    def read(self, head: nn.Module, features: Features, targets: Tensor | None) -> Output:
        # logits in float32: losses and metrics are not left to the autocast lists of a device
        return Output(head(features.pooled).float(), features.pooled, features.maps, targets)

    def class_weights(self, head: nn.Module) -> Tensor:
        weight: Any = head.weight
        assert isinstance(weight, Tensor)
        return weight

    def score(self, logits: Tensor, labels: Tensor) -> dict[str, Any]:
        """Return the metrics of a whole split; `top5` is NaN for up to five classes.

        All are numbers but `reliability`, the bins that `ece` is made of, and `hits`: by metric,
        [N] bool of which it is the mean.

        Args:
            logits: [N, C].
            labels: [N].
        """
        hits = logits.topk(min(5, self.num_classes), dim=1).indices == labels[:, None]
        confidence, correct = F.softmax(logits, dim=1).amax(dim=1), hits[:, 0]
        bins = reliability_bins(confidence, correct, NUM_BINS)
        return {
            "top1": float(correct.double().mean()),
            "top5": float(hits.any(dim=1).double().mean()) if self.num_classes > 5 else math.nan,
            "nll": float(F.cross_entropy(logits, labels)),
            "ece": calibration_error(bins),
            "aurc": risk_coverage_area(confidence, correct),
            "reliability": bins,
            "hits": {"top1": correct} | ({"top5": hits.any(dim=1)} if self.num_classes > 5 else {}),
        }


def reliability_bins(confidence: Tensor, correct: Tensor, bins: int) -> list[ReliabilityBin]:
    """Return count and means of each bin of equal width over (0, 1], the lowest first.

    A confidence at a border belongs to the bin below it.

    Args:
        confidence: [N] probability of the predicted class.
        correct: [N] whether it is the label.
        bins: how many.
    """
    index = (confidence.double() * bins).ceil().long().clamp(1, bins) - 1
    # in one tensor, for one copy from the device; counts below 2^53 are exact in double
    columns = torch.stack(
        [torch.ones_like(confidence).double(), confidence.double(), correct.double()], dim=1
    )
    sums = torch.zeros(bins, 3, dtype=torch.double, device=index.device)
    return [
        ReliabilityBin(
            count=int(count),
            confidence=said / count if count else None,
            accuracy=right / count if count else None,
        )
        for count, said, right in sums.index_add_(0, index, columns).tolist()
    ]


def calibration_error(bins: Sequence[ReliabilityBin]) -> float:
    """Expected calibration error: sum over bins of n_b / N |accuracy_b - confidence_b|.

    Guo et al. 2017, arXiv 1706.04599, equation 3.

    Args:
        bins: of all N images.
    """
    gaps = [b.count * abs(b.accuracy - b.confidence) for b in bins
            if b.accuracy is not None and b.confidence is not None]  # fmt: skip
    return sum(gaps) / sum(b.count for b in bins)


def risk_coverage_area(confidence: Tensor, correct: Tensor) -> float:
    """Area under the risk-coverage curve: mean error among the k most confident, over all k.

    AURC = 1/N sum_k 1/k sum_{i <= k} e_i, images by descending confidence, e_i = 1 where image i is
    wrong (Geifman et al. 2019, arXiv 1805.08206). Images of equal confidence have no order: e_i is
    the share of wrong ones among them, which gives the mean of AURC over all their orders.

    Args:
        confidence: [N] probability of the predicted class.
        correct: [N] whether it is the label.
    """
    order = confidence.argsort(descending=True, stable=True)
    ranked, errors = confidence[order], (~correct[order]).double()
    block = F.pad((ranked[1:] != ranked[:-1]).long(), (1, 0)).cumsum(dim=0)
    # sums of ones are exact, in whatever order a GPU adds them
    sums = torch.zeros(len(errors), 2, dtype=torch.double, device=errors.device)
    sums.index_add_(0, block, torch.stack([errors, torch.ones_like(errors)], dim=1))
    shares = sums[block, 0] / sums[block, 1]
    counts = torch.arange(1, len(errors) + 1, dtype=torch.double, device=errors.device)
    return float((shares.cumsum(dim=0) / counts).mean().clamp(max=1))
