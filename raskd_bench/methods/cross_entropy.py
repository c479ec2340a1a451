"""Cross entropy: training without distillation."""

from typing import ClassVar

from raskd_bench.batch import Batch, Progress, Terms
from raskd_bench.losses import supervise
from raskd_bench.method import Level, Method, Student


class CrossEntropy(Method):
    """L = CE(z, y).

    z the student's logits, y the labels. What every other method is compared with.
    """

    paper: ClassVar[str] = "the baseline"
    level: ClassVar[Level] = "none"
    seeds_together: ClassVar[bool] = True
    published: ClassVar[tuple[str, ...]] = (
        "CIFAR-100, pre-activation ResNet-18, recipe A: 75.29 [survey]; 75.51 +- 0.28 [repo Zipf]",
        "CIFAR-100, pre-activation ResNet-18, recipe B: 75.82 [repo PS-KD]",
        "CIFAR-100, ResNet-18, recipe C: 75.87 [repo Tf-KD]; recipe D: 76.24 [repo Self-KD-Lib]",
        "CIFAR-100, ResNet-18, FRSKD's table: 73.80; USKD's table: 78.58 [recalled]",
    )

    def loss(self, student: Student, batch: Batch, progress: Progress) -> Terms:
        return supervise(student(*batch.views[0]))
