"""Softmax regression representation learning: features that the teacher's classifier can read."""

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import nn
from torch.nn import functional as F

from raskd_bench.batch import Batch, Progress, Terms
from raskd_bench.losses import supervise
from raskd_bench.method import Level, Method, NonNegative, Setting, Student


class SRRL(Method):
    """L = CE(z, y) + alpha mean_id (r_id - e_id)^2 + beta mean_ic (W r_i + b - t_i)_c^2.

    r = GAP(ReLU(BN(conv1x1(F)))) connects the student's last stage map F to the D_t channels of a
    frozen teacher with embeddings e, logits t and classifier W, b: frozen, but the gradient flows
    through it. The connector is dropped after training.

    Differs: e is what the teacher's classifier reads: for CNNs the pooled last stage map of the
    paper; for a teacher that does not simply pool, the only vector that suits W. The official
    script (jingyang2017/KD_SRRL at d2e802f) calls its loss class as a function and cannot run.
    """

    paper: ClassVar[str] = "Yang et al., ICLR 2021"
    year: ClassVar[int] = 2021
    level: ClassVar[Level] = "teacher"
    off_switch: ClassVar[tuple[str, ...]] = ("alpha", "beta")
    tasks: ClassVar[frozenset[str]] = frozenset({"classification"})
    needs_teacher: ClassVar[bool] = True
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "cifar_1_5": {"alpha": 1.0, "beta": 5.0},
        "cifar_10_1": {"alpha": 10.0, "beta": 1.0},
    }
    published: ClassVar[tuple[str, ...]] = (
        "ImageNet, ResNet-18 from ResNet-34: 71.73 [recalled]",
        "ImageNet, MobileNetV1 from ResNet-50: 72.49 [recalled]",
    )

    def __init__(self, *, alpha: NonNegative = 1.0, beta: NonNegative = 1.0) -> None:
        super().__init__()
        self.alpha = alpha
        self.beta = beta

    def build(self, setting: Setting) -> None:
        assert setting.teacher is not None, "declared by needs_teacher"
        self.teacher = setting.teacher
        size = setting.teacher.embedding_size
        conv = nn.Conv2d(setting.channels[-1], size, 1, bias=False)
        nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
        self.connector = nn.Sequential(conv, nn.BatchNorm2d(size), nn.ReLU())

    def loss(self, student: Student, batch: Batch, progress: Progress) -> Terms:
        view = batch.views[0]
        output = student(*view)
        teacher = self.teacher(*view)
        connected = self.connector(output.features[-1]).float().mean(dim=(2, 3))
        read = self.teacher.classify(connected)
        terms = supervise(output)
        terms["hint"] = self.alpha * F.mse_loss(connected, teacher.embeddings.detach().float())
        terms["kd"] = self.beta * F.mse_loss(read, teacher.logits.detach())
        return terms
