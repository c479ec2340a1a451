"""Relation-aware label smoothing for self-knowledge distillation (a reconstruction)."""

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from raskd_bench.batch import Batch, Progress, Terms
from raskd_bench.losses import SHORTEST, distill, soft_cross_entropy, unit_rows
from raskd_bench.method import Fraction, Level, Method, NonNegative, Positive, Setting, Student

NEVER = -1e30  # added to what a softmax must give no mass: adding it is no kernel of its own


class RASKD(Method):
    """L = H(q, softmax z) + CE(a, y) + beta T^2 KL( sg softmax(a / T) || softmax(z / T) ).

    q_y = (1 - epsilon) 1_y + epsilon R_y; R_ij = softmax over j != i of sim(v_i, v_j) / tau,
    R_ii = 0, without gradient. v_c are the class representative vectors: the rows of a light-weight
    auxiliary classifier V [C, D] with logits a_c = s cos(sg e, v_c) on the student's embedding e
    (`vectors: auxiliary`), the rows of the student's own classifier (`student`), or the class means
    of e over the last epoch (`class_means`). `similarity: dot` makes inner products of all cosines,
    without s; `detach: false` leaves the sg of a_c out.

    Differs: all beyond the abstract (representative vectors, their relations, auxiliary classifier,
    optional instance level) is this project's choice: neither text nor code is public. V starts
    orthogonal, so for C <= D training starts as label smoothing over the other classes.
    """

    paper: ClassVar[str] = "Kim & Woo, PAKDD 2024, doi 10.1007/978-981-97-2253-2_16"
    year: ClassVar[int] = 2024
    level: ClassVar[Level] = "class"
    seeds_together: ClassVar[bool] = True
    off_switch: ClassVar[tuple[str, ...]] = ("epsilon", "beta")
    footnote: ClassVar[str] = "reconstruction from the abstract: no text or code is public"

    one_hot: Tensor  # [C, C] of each class
    means: Tensor  # [C, D] of the last epoch
    sums: Tensor  # [C, D + 1] of this epoch: embeddings, then their number

    def __init__(
        self, *, epsilon: Fraction = 0.1, tau: Positive = 0.1, scale: Positive = 16.0,
        beta: NonNegative = 0.0, temperature: Positive = 4.0,
        vectors: Literal["auxiliary", "student", "class_means"] = "auxiliary",
        similarity: Literal["cosine", "dot"] = "cosine", detach: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.epsilon, self.tau, self.scale, self.beta = epsilon, tau, scale, beta
        self.temperature, self.detach = temperature, detach
        self.vectors, self.similarity = vectors, similarity
        self.auxiliary: nn.Parameter | None = None

    def build(self, setting: Setting) -> None:
        classes, size = setting.num_classes, setting.embedding_size
        if self.vectors == "auxiliary" or self.beta > 0:
            self.auxiliary = nn.Parameter(nn.init.orthogonal_(torch.empty(classes, size)))
        self.register_buffer("one_hot", torch.eye(classes if self.epsilon > 0 else 0))
        if self.vectors == "class_means":
            self.register_buffer("means", torch.zeros(classes, size))
            self.register_buffer("sums", torch.zeros(classes, size + 1))

    def start_epoch(self, progress: Progress) -> None:
        if self.vectors == "class_means":
            sums, counts = self.sums[:, :-1], self.sums[:, -1:]
            self.means.copy_(torch.where(counts > 0, sums / counts.clamp(min=1), self.means))
            self.sums.zero_()

    def loss(self, student: Student, batch: Batch, progress: Progress) -> Terms:
        output = student(*batch.views[0])
        labels, terms = output.hard_labels, dict(output.task_terms)
        log_p = F.log_softmax(output.logits, dim=1)
        own = self.directions(self.auxiliary) if self.auxiliary is not None else None
        if self.epsilon > 0:
            if own is not None and self.vectors == "auxiliary":
                rows = own
            else:
                weights = self.means if self.vectors == "class_means" else student.class_weights
                rows = self.directions(weights.detach())
            targets = torch.lerp(self.one_hot, self.relation(rows), self.epsilon)  # q, [C, C]
            terms["soft_ce"] = soft_cross_entropy(log_p, targets[labels])
        else:
            terms["ce"] = F.nll_loss(log_p, labels)
        if own is not None:
            logits = self.auxiliary_logits(output.embeddings, own)
            terms["aux"] = F.cross_entropy(logits, labels)
            if self.beta > 0:
                terms["kd"] = self.beta * distill(output.logits, logits, self.temperature)
        if self.vectors == "class_means":
            seen = F.pad(output.embeddings.detach().float(), (0, 1), value=1.0)
            self.sums.index_add_(0, labels, seen)
        return terms

    def directions(self, vectors: Tensor) -> Tensor:
        """Return the vectors whose inner products are the similarities: unit ones for cosines."""
        return unit_rows(vectors) if self.similarity == "cosine" else vectors

    @torch.no_grad()
    def relation(self, directions: Tensor) -> Tensor:
        """Return R [C, C] of directions [C, D]: rows sum to 1, zero on the diagonal."""
        scaled = torch.addmm(self.one_hot, directions, directions.T, beta=NEVER, alpha=1 / self.tau)
        return torch.softmax(scaled.float(), dim=1)

    def auxiliary_logits(self, embeddings: Tensor, directions: Tensor) -> Tensor:
        """Return a [P, C] of embeddings [P, D] and the auxiliary classifier's directions [C, D]."""
        embeddings = embeddings.detach() if self.detach else embeddings
        products = F.linear(embeddings, directions).float()
        if self.similarity == "cosine":  # C products are scaled, not D coordinates
            lengths: Tensor = torch.linalg.vector_norm(embeddings, dim=1, keepdim=True)
            products = products * (self.scale / lengths.clamp_min(SHORTEST))
        return products
