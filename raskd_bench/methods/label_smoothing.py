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
    off_switch: ClassVar[tuple[str, ...]] = ("epsilon",)

    def __init__(self, *, epsilon: Fraction = 0.1) -> None:
        super().__init__()
        self.epsilon = epsilon

    def loss(self, student: Student, batch: Batch, progress: Progress) -> Terms:
        output = student(*batch.views[0])
        smoothed = F.cross_entropy(output.logits, output.hard_labels, label_smoothing=self.epsilon)
        return {"ce": smoothed, **output.task_terms}
