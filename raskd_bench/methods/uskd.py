"""Universal self-knowledge distillation: soft labels made of confidence and of ranks."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from raskd_bench.batch import Batch, Progress, Terms
from raskd_bench.losses import soft_cross_entropy, supervise
from raskd_bench.method import Level, Method, NonNegative, Setting, Student


class USKD(Method):
    """L = CE(z, y) + alpha L_t + beta L_non + mu H(0.9 1_y + 0.1 / C, softmax w).

    s = softmax z and w the logits of a weak head: a linear layer on the pooled second-to-last stage
    map. L_t = -mean p_t log s_t with p_t = sg[s_t^2 + 1 - mean s_t^2], t the label. L_non = -mean
    sum_{k != t} r_k log s_k / (1 - s_t) with r_k in proportion to 1 / rank of a score among all C
    classes, the label's taken out: (softmax w)_k / (1 - (softmax w)_t) + s_k / (1 - s_t). T = 1.

    Differs: in the official code (yzd-v/cls_KD at 1e5d48f) s is log-softmax by the time the score
    is formed, whose second term so becomes log s_k / (1 - log s_t); its published numbers probably
    come from it. `ranking: intended` is the formula above, `ranking: shipped` that code. It adds
    1e-6 to denominators; here they are logarithms of sums over the other classes. Its labels of
    mixed images (two targets) are left out: labels are hard here.
    """

    paper: ClassVar[str] = "Yang et al., ICCV 2023, arXiv 2303.13005"
    year: ClassVar[int] = 2023
    level: ClassVar[Level] = "instance"
    seeds_together: ClassVar[bool] = True
    off_switch: ClassVar[tuple[str, ...]] = ("alpha", "beta", "mu")
    smallest_batch: ClassVar[int] = 2  # confidences are compared with their mean
    tasks: ClassVar[frozenset[str]] = frozenset({"classification"})
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "imagenet": {"alpha": 1.0, "beta": 0.1, "mu": 0.005},
    }
    published: ClassVar[tuple[str, ...]] = (
        "CIFAR-100, ResNet-18: 79.90 [issue] (CE 78.58 [recalled])",
        "CIFAR-100, ResNet-18, a user's rerun: 77.91 [issue]",
        "ImageNet, ResNet-18: 70.79 (CE 69.90); ResNet-50: 77.07 (CE 76.55) [repo]",
        "ImageNet, DeiT-T: 74.97 (CE 74.42); Swin-T: 81.49 (CE 81.18) [repo]",
    )

    def __init__(
        self, *, alpha: NonNegative = 0.1, beta: NonNegative = 0.1, mu: NonNegative = 0.1,
        ranking: Literal["intended", "shipped"] = "intended",
    ) -> None:  # fmt: skip
        super().__init__()
        self.alpha = alpha
        self.beta = beta
        self.mu = mu
        self.ranking = ranking

    def build(self, setting: Setting) -> None:
        self.head = setting.new_head(setting.channels[-2])

    def loss(self, student: Student, batch: Batch, progress: Progress) -> Terms:
        images, targets = batch.views[0]
        output = student(images, targets)
        weak = student.read(self.head, output.features[-2], targets).logits
        z, labels = output.logits, output.hard_labels
        ranked = self.non_target_labels(z, weak, labels)
        log_s_t = F.log_softmax(z, dim=1).gather(1, labels[:, None])
        terms = supervise(output)
        terms["target"] = -self.alpha * (target_labels(log_s_t.exp()) * log_s_t).mean()
        terms["non_target"] = self.beta * soft_cross_entropy(log_odds(z, labels), ranked)
        terms["aux"] = self.mu * F.cross_entropy(weak, labels, label_smoothing=0.1)
        return terms

    @torch.no_grad()
    def non_target_labels(self, z: Tensor, weak: Tensor, labels: Tensor) -> Tensor:
        """Return r [P, C]: zero at the label, rows sum to 1."""
        if self.ranking == "intended":
            strong = log_odds(z, labels).exp()
        else:
            log_s = F.log_softmax(z, dim=1)
            strong = log_s / (1 - log_s.gather(1, labels[:, None]))
        order = (log_odds(weak, labels).exp() + strong).argsort(dim=1, descending=True)
        shares = 1 / torch.arange(1, z.shape[1] + 1, dtype=z.dtype, device=z.device)
        r = torch.empty_like(z).scatter_(1, order, shares.expand_as(z))
        r.scatter_(1, labels[:, None], 0.0)
        return r / r.sum(dim=1, keepdim=True)


def target_labels(s_t: Tensor) -> Tensor:
    """Return p_t [P, 1]: spread as the squared confidences, their mean is 1."""
    squared = s_t.detach().square()
    return squared + 1 - squared.mean()


def log_odds(z: Tensor, labels: Tensor) -> Tensor:
    """Return log( s_k / (1 - s_t) ) [P, C]: the log-softmax of all classes but the label.

    At the label itself it is the logarithm of its odds.
    """
    others = z.scatter(1, labels[:, None], -torch.inf)
    return z - others.logsumexp(dim=1, keepdim=True)
