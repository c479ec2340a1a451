"""Image classification: one position per image."""

import math
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from raskd_bench.batch import Output
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

    def score(self, logits: Tensor, labels: Tensor) -> dict[str, float]:
        """Return the metrics of a whole split; `top5` is NaN for up to five classes.

        Args:
            logits: [N, C].
            labels: [N].
        """
        hits = logits.topk(min(5, self.num_classes), dim=1).indices == labels[:, None]
        confidence, correct = F.softmax(logits, dim=1).amax(dim=1), hits[:, 0]
        return {
            "top1": float(correct.double().mean()),
            "top5": float(hits.any(dim=1).double().mean()) if self.num_classes > 5 else math.nan,
            "nll": float(F.cross_entropy(logits, labels)),
            "ece": calibration_error(confidence, correct, NUM_BINS),
            "aurc": risk_coverage_area(confidence, correct),
        }


def calibration_error(confidence: Tensor, correct: Tensor, bins: int) -> float:
    """Expected calibration error: sum over bins of n_b / N |accuracy_b - confidence_b|.

    Guo et al. 2017, arXiv 1706.04599, equation 3; bins of equal width over (0, 1].

    Args:
        confidence: [N] probability of the predicted class.
        correct: [N] whether it is the label.
        bins: how many.
    """
    index = (confidence.double() * bins).ceil().long().clamp(1, bins) - 1
    gap = correct.double() - confidence.double()
    sums = torch.zeros(bins, dtype=torch.double, device=gap.device).index_add_(0, index, gap)
    return float(sums.abs().sum() / len(confidence))


def risk_coverage_area(confidence: Tensor, correct: Tensor) -> float:
    """Area under the risk-coverage curve: mean error among the k most confident, over all k.

    Geifman et al. 2019, arXiv 1805.08206.

    Args:
        confidence: [N] probability of the predicted class.
        correct: [N] whether it is the label.
    """
    order = confidence.argsort(descending=True, stable=True)
    errors = (~correct[order]).double().cumsum(dim=0)
    counts = torch.arange(1, len(errors) + 1, dtype=torch.double, device=errors.device)
    return float((errors / counts).mean())
