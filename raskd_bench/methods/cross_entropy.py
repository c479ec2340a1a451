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

    def loss(self, student: Student, batch: Batch, progress: Progress) -> Terms:
        return supervise(student(*batch.views[0]))
