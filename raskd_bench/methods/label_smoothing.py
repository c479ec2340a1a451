"""Label smoothing: a little of the target's mass spread evenly over all classes."""

from typing import ClassVar

from torch.nn import functional as F

from raskd_bench.batch import Batch, Progress, Terms
from raskd_bench.method import Fraction, Level, Method, Student


class LabelSmoothing(Method):
    """L = H(q, p), q = (1 - epsilon) 1_y + epsilon / C.

    p = softmax(z). The uniform part covers all C classes, the target's included, so the target
    keeps 1 - epsilon + epsilon / C (the form of the paper, not the one over C - 1 classes).
    """

    paper: ClassVar[str] = "Szegedy et al., CVPR 2016, arXiv 1512.00567"
    year: ClassVar[int] = 2016
    level: ClassVar[Level] = "class"
    seeds_together: ClassVar[bool] = True
    off_switch: ClassVar[tuple[str, ...]] = ("epsilon",)
    published: ClassVar[tuple[str, ...]] = (
        "CIFAR-100, pre-activation ResNet-18, recipe B: 79.06 (CE 75.82) [repo PS-KD]",
        "CIFAR-100, ResNet-18, recipe D: 78.72 (CE 76.24) [repo Self-KD-Lib]",
        "CIFAR-100, ResNet-18, recipe C: 77.26 (CE 75.87) [repo Tf-KD]",
        "CIFAR-100, PyramidNet-200, recipe B: 82.18 (CE 83.20) [repo PS-KD]",
    )

    def __init__(self, *, epsilon: Fraction = 0.1) -> None:
        super().__init__()
        self.epsilon = epsilon

    def loss(self, student: Student, batch: Batch, progress: Progress) -> Terms:
        output = student(*batch.views[0])
        smoothed = F.cross_entropy(output.logits, output.hard_labels, label_smoothing=self.epsilon)
        return {"ce": smoothed, **output.task_terms}
