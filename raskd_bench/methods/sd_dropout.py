"""Self-knowledge distillation via dropout: two dropout samples of an embedding teach each other."""

from typing import ClassVar

from torch import Tensor
from torch.nn import functional as F

from raskd_bench.batch import Batch, Progress, Terms
from raskd_bench.losses import supervise
from raskd_bench.method import Fraction, Level, Method, NonNegative, Positive, Student


class SDDropout(Method):
    """L = CE(z, y) + lam T^2 ( KL( p1 || p2 ) + KL( p2 || p1 ) ).

    p_i = softmax(u_i / T), where u_i are the logits of the student's own classifier on an
    independent dropout sample of the embedding that made z, each entry dropped with probability
    `dropout` and the others scaled up. z itself sees no dropout, nor does the student at inference;
    in evaluation mode both samples are the embedding itself.

    Differs: both sides of both KL carry gradient, as in the official code's default; its option,
    which was the default of an earlier revision with lam = 1, is `detach: true`: the side that
    teaches has none.
    """

    paper: ClassVar[str] = "Lee et al., 2022, arXiv 2208.05642"
    year: ClassVar[int] = 2022
    level: ClassVar[Level] = "instance"
    seeds_together: ClassVar[bool] = True
    off_switch: ClassVar[tuple[str, ...]] = ("lam",)

    def __init__(
        self, *, lam: NonNegative = 0.1, dropout: Fraction = 0.5, temperature: Positive = 3.0,
        detach: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.lam = lam
        self.dropout = dropout
        self.temperature = temperature
        self.detach = detach

    def loss(self, student: Student, batch: Batch, progress: Progress) -> Terms:
        output = student(*batch.views[0])
        one, two = (
            student.classify(F.dropout(output.embeddings, self.dropout, self.training))
            for _ in range(2)
        )
        terms = supervise(output)
        terms["kd"] = self.lam * (self.teach(one, two) + self.teach(two, one))
        return terms

    def teach(self, teacher: Tensor, student: Tensor) -> Tensor:
        """Return T^2 KL( softmax(teacher / T) || softmax(student / T) ) of logits [P, C]."""
        teacher = teacher.detach() if self.detach else teacher
        log_q = F.log_softmax(teacher / self.temperature, dim=1)
        log_p = F.log_softmax(student / self.temperature, dim=1)
        kl = F.kl_div(log_p, log_q, reduction="batchmean", log_target=True)
        return self.temperature**2 * kl
