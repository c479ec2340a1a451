"""Online label smoothing: a class is taught by the mean prediction of its recognised images."""

from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from raskd_bench.batch import Batch, Output, Progress, Terms
from raskd_bench.losses import soft_cross_entropy, supervise
from raskd_bench.method import Fraction, Level, Method, Setting, Student


class OLS(Method):
    """L = alpha CE(z, y) + (1 - alpha) H(S_y, softmax z).

    S [C, C] holds a soft target a class: row y is the mean softmax, in training mode, over the
    images of class y that the last epoch predicted as y; 1 / C where there was none. The target's
    own entry stays in.

    Differs: in the first epoch S is uniform as in the paper; the official CIFAR code
    (zhangchbin/OnlineLabelSmoothing at 7eaf70c) starts from zeros, which leaves alpha CE
    (`first: zeros`), and ignores its alpha option. Its fine-grained code adds CE and H with weight
    1 each (alpha = 0.5 at twice the learning rate) and keeps a row once its largest entry has
    reached 0.88 (`keep_above: 0.88`). Its loop over the images of a batch is one index_add here.
    """

    paper: ClassVar[str] = "Zhang et al., IEEE TIP 2021, arXiv 2011.12562"
    year: ClassVar[int] = 2021
    level: ClassVar[Level] = "class"
    seeds_together: ClassVar[bool] = True
    published: ClassVar[tuple[str, ...]] = (
        "CIFAR-100, ResNet-34, recipe B: 80.01, best epoch 80.05 [repo log]",
        "CIFAR-100, ResNeXt-29 (2x64d), recipe B: 81.22, best epoch 81.45 [repo log]",
        "CUB-200, pre-trained ResNet-50: 82.47 (CE 80.81, label smoothing 81.89) [paper page]",
        "ImageNet, ResNet-50: 77.28 (CE 76.32) [recalled]",
    )

    targets: Tensor  # [C, C] S of the last epoch, a row a class
    sums: Tensor  # [C, C] of this epoch: softmax of the recognised images
    counts: Tensor  # [C] of this epoch: how many they are

    def __init__(
        self, *, alpha: Fraction = 0.5, first: Literal["uniform", "zeros"] = "uniform",
        keep_above: Fraction | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.alpha = alpha
        self.first = first
        self.keep_above = keep_above

    def build(self, setting: Setting) -> None:
        classes = setting.num_classes
        start = 1 / classes if self.first == "uniform" else 0.0
        self.register_buffer("targets", torch.full((classes, classes), start))
        self.register_buffer("sums", torch.zeros(classes, classes))
        self.register_buffer("counts", torch.zeros(classes))

    def start_epoch(self, progress: Progress) -> None:
        if progress.epoch == 0:
            return
        counts = self.counts[:, None]
        means = self.sums / counts.clamp(min=1)
        if self.keep_above is not None:
            kept = self.targets.amax(dim=1, keepdim=True) >= self.keep_above
            means = torch.where(kept, self.targets, means)
        self.targets.copy_(torch.where(counts > 0, means, 1 / len(means)))
        self.sums.zero_()
        self.counts.zero_()

    def loss(self, student: Student, batch: Batch, progress: Progress) -> Terms:
        output = student(*batch.views[0])
        soft = self.targets[output.hard_labels]
        self.accumulate(output)
        terms = supervise(output)
        terms["ce"] = self.alpha * terms["ce"]
        log_p = F.log_softmax(output.logits, dim=1)
        terms["soft_ce"] = (1 - self.alpha) * soft_cross_entropy(log_p, soft)
        return terms

    @torch.no_grad()
    def accumulate(self, output: Output) -> None:
        """Add the softmax of each recognised position to the row of its class."""
        labels = output.hard_labels
        recognised = (output.logits.argmax(dim=1) == labels).to(self.counts.dtype)
        p = torch.softmax(output.logits, dim=1).to(self.sums.dtype)
        self.sums.index_add_(0, labels, p * recognised[:, None])
        self.counts.index_add_(0, labels, recognised)
