"""Relational knowledge distillation: distances and angles between embeddings as a teacher's."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from raskd_bench.batch import Batch, Progress, Terms
from raskd_bench.losses import supervise
from raskd_bench.method import Level, Method, NonNegative, Setting, Student


class RKD(Method):
    """L = CE(z, y) + distance L_D + angle L_A.

    L_D = mean_ij l(d_ij, d^t_ij), d_ij = ||e_i - e_j|| over its mean for i != j, so the gradient
    flows through that mean too. L_A = mean_ijk l(c_ijk, c^t_ijk), c_ijk the cosine of the angle at
    e_i between e_j and e_k. l is the smooth L1 loss with threshold 1, e the embeddings of a batch,
    ^t a frozen teacher's on the same view, of any size.

    Differs: the official code (lenscloth/RKD at 0a6c3c0) is of metric learning only; weights
    and means, over all B^2 and B^3, are those of megvii-research/mdistiller at a08d46f. It takes
    angles from the B x B x D differences; here distances and angles come from the B x B inner
    products, in float64, where those of near neighbours do not cancel.
    """

    paper: ClassVar[str] = "Park et al., CVPR 2019, arXiv 1904.05068"
    year: ClassVar[int] = 2019
    level: ClassVar[Level] = "teacher"
    off_switch: ClassVar[tuple[str, ...]] = ("distance", "angle")
    smallest_batch: ClassVar[int] = 3  # of two there is one distance, the mean, and no angle
    tasks: ClassVar[frozenset[str]] = frozenset({"classification"})
    needs_teacher: ClassVar[bool] = True
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "metric_learning": {"distance": 1.0, "angle": 2.0}}  # fmt: skip
    published: ClassVar[tuple[str, ...]] = (
        "CIFAR-100, ResNet-20 from ResNet-56, recipe E: 69.61 [recalled]",
        "CIFAR-100, ResNet-32 from ResNet-110, recipe E: 71.82 [recalled]",
        "CIFAR-100, WRN-16-2 from WRN-40-2, recipe E: 73.35 [recalled]",
        "ImageNet, ResNet-18 from ResNet-34: 70.23 [repo, another toolbox]",
    )

    def __init__(self, *, distance: NonNegative = 25.0, angle: NonNegative = 50.0) -> None:
        super().__init__()
        self.distance = distance
        self.angle = angle

    def build(self, setting: Setting) -> None:
        assert setting.teacher is not None, "declared by needs_teacher"
        self.teacher = setting.teacher

    def loss(self, student: Student, batch: Batch, progress: Progress) -> Terms:
        view = batch.views[0]
        output = student(*view)
        teacher = self.teacher(*view)
        distances, cosines = relations(output.embeddings)
        taught_distances, taught_cosines = relations(teacher.embeddings.detach())
        terms = supervise(output)
        terms["distance"] = self.distance * F.smooth_l1_loss(distances, taught_distances)
        terms["angle"] = self.angle * F.smooth_l1_loss(cosines, taught_cosines)
        return terms


def relations(embeddings: Tensor) -> tuple[Tensor, Tensor]:
    """Return distances [B, B] over their mean, and cosines [B, B, B], of embeddings [B, D].

    Entry [i, j, k] is the cosine of the angle at i between j and k, zero where i is j or k.
    """
    size, e = len(embeddings), embeddings.double()
    e = e - e.mean(dim=0).detach()  # changes no difference, and leaves smaller numbers
    gram = e @ e.T
    squares = e.square().sum(dim=1)
    lengths = (squares + squares[:, None] - 2 * gram).clamp(min=1e-12).sqrt()
    others = 1 - torch.eye(size, device=e.device)
    distances = lengths * others
    reduced = gram - squares[:, None] / 2
    cosines: Tensor = _Cosines.apply(gram, reduced, (others / lengths).float())
    return (distances * (size * (size - 1) / distances.sum())).float(), cosines


class _Cosines(torch.autograd.Function):
    """c_ijk = (g_jk - r_ij - r_ik) v_ij v_ik, the cosine of the angle at e_i.

    g_ij = e_i e_j, r_ij = g_ij - |e_i|^2 / 2, v_ij = 1 / |e_i - e_j| or 0 where i = j. In place, as
    the B^3 numbers are passed over several times.
    """

    @staticmethod
    def forward(ctx: Any, gram: Tensor, reduced: Tensor, inverse: Tensor) -> Tensor:
        products = gram - reduced[:, :, None]
        products -= reduced[:, None, :]
        cosines = products.float()
        cosines *= inverse[:, :, None]
        cosines *= inverse[:, None, :]
        ctx.save_for_backward(cosines, inverse)
        return cosines

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        cosines, inverse = ctx.saved_tensors
        (gradient,) = gradients
        by_cosine = gradient * cosines
        of_inverse = by_cosine.sum(dim=2) + by_cosine.sum(dim=1)
        by_product = gradient * inverse[:, :, None]
        by_product *= inverse[:, None, :]
        of_reduced = -(by_product.sum(dim=2) + by_product.sum(dim=1))
        # v is 0 on the diagonal alone, and so is c there
        of_inverse = torch.where(inverse > 0, of_inverse / inverse, 0)
        return by_product.sum(dim=0).double(), of_reduced.double(), of_inverse
