"""Relation-aware label smoothing for self-knowledge distillation (a reconstruction)."""

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from raskd_bench.batch import Batch, Output, Progress, Terms
from raskd_bench.losses import distill, masked_softmax_rows, smoothed
from raskd_bench.method import Fraction, Method, NonNegative, Positive, Setting, Student


class RASKD(Method):
    """L = H(q, softmax z) + CE(a, y) + beta T^2 KL( sg softmax(a / T) || softmax(z / T) ).

    Targets q_y = (1 - epsilon) 1_y + epsilon R_y, with R_ij = softmax over j != i of
    sim(v_i, v_j) / tau, R_ii = 0, without gradient. v_c are the class representative vectors:
    the rows of a light-weight auxiliary classifier V [C, D] with logits a_c = s cos(sg e, v_c)
    on the student's embedding e (`vectors: auxiliary`), the rows of the student's own classifier
    (`student`), or the class means of e over the last epoch (`class_means`). With
    `similarity: dot`, cosines become inner products and s is not used. `detach: false` lets CE(a, y)
    reach the student. V is built only where it is used.

    Differs: everything beyond the abstract (class representative vectors, their relations, an
    auxiliary classifier, optional instance level) is this project's choice, since neither the
    paper's text nor code is public. V starts orthogonal, so R starts uniform over the other
    classes (exactly for C <= D): training starts as label smoothing.
    """

    paper: ClassVar[str] = "Kim & Woo, PAKDD 2024, doi 10.1007/978-981-97-2253-2_16"
    footnote: ClassVar[str] = "reconstruction from the abstract: no text or code is public"

    def __init__(
        self,
        *,
        epsilon: Fraction = 0.1,
        tau: Positive = 0.1,
        scale: Positive = 16.0,
        beta: NonNegative = 0.0,
        temperature: Positive = 4.0,
        vectors: Literal["auxiliary", "student", "class_means"] = "auxiliary",
        similarity: Literal["cosine", "dot"] = "cosine",
        detach: bool = True,
    ) -> None:
        super().__init__()
        self.epsilon, self.tau, self.scale = epsilon, tau, scale
        self.beta, self.temperature = beta, temperature
        self.vectors, self.similarity, self.detach = vectors, similarity, detach
        self.auxiliary: nn.Parameter | None = None

    def build(self, setting: Setting) -> None:
        size = (setting.num_classes, setting.embedding_size)
        if self.vectors == "auxiliary" or self.beta > 0:
            self.auxiliary = nn.Parameter(nn.init.orthogonal_(torch.empty(size)))
        if self.vectors == "class_means":
            for name in ("means", "sums"):
                self.register_buffer(name, torch.zeros(size))
            self.register_buffer("counts", torch.zeros(setting.num_classes, 1))

    def start_epoch(self, progress: Progress) -> None:
        if self.vectors == "class_means":
            seen = self.sums / self.counts.clamp(min=1)
            self.means.copy_(torch.where(self.counts > 0, seen, self.means))
            self.sums.zero_()
            self.counts.zero_()

    def loss(self, student: Student, batch: Batch, progress: Progress) -> Terms:
        output = student(*batch.views[0])
        labels, log_p = output.hard_labels, F.log_softmax(output.logits, dim=1)
        terms = dict(output.task_terms)
        if self.epsilon > 0:
            relation = self.relation(self.class_vectors(student))
            terms["soft_ce"] = smoothed(log_p, labels, relation[labels], self.epsilon)
        else:
            terms["ce"] = F.nll_loss(log_p, labels)
        if self.auxiliary is not None:
            logits = self.auxiliary_logits(output, self.auxiliary)
            terms["aux"] = F.cross_entropy(logits, labels)
            if self.beta > 0:
                terms["kd"] = self.beta * distill(output.logits, logits, self.temperature)
        if self.vectors == "class_means":
            self.sums.index_add_(0, labels, output.embeddings.detach().float())
            self.counts.index_add_(0, labels, torch.ones_like(labels, dtype=torch.float)[:, None])
        return terms

    def class_vectors(self, student: Student) -> Tensor:
        """Return the class representative vectors [C, D]."""
        if self.vectors == "class_means":
            return self.means
        if self.vectors == "student" or self.auxiliary is None:
            return student.class_weights
        return self.auxiliary

    @torch.no_grad()
    def relation(self, vectors: Tensor) -> Tensor:
        """Return R [C, C]: rows sum to 1, zero on the diagonal."""
        vectors = vectors.float()
        if self.similarity == "cosine":
            vectors = F.normalize(vectors, dim=1)
        return masked_softmax_rows(vectors @ vectors.T, self.tau)

    def auxiliary_logits(self, output: Output, auxiliary: Tensor) -> Tensor:
        """Return a [P, C]."""
        embeddings = output.embeddings.detach() if self.detach else output.embeddings
        if self.similarity == "dot":
            return F.linear(embeddings, auxiliary)
        embeddings, auxiliary = F.normalize(embeddings, dim=1), F.normalize(auxiliary, dim=1)
        return self.scale * F.linear(embeddings, auxiliary).float()
