"""Knowledge distillation from a teacher, as a reference for the teacher-free methods."""

from collections.abc import Mapping
from typing import Any, ClassVar

from raskd_bench.batch import Batch, Progress, Terms
from raskd_bench.losses import distill, supervise
from raskd_bench.method import Level, Method, NonNegative, Positive, Setting, Student


class KD(Method):
    """L = ce CE(z, y) + kd T^2 KL( sg softmax(t / T) || softmax(z / T) ).

    t are the logits of a frozen teacher in evaluation mode on the same view. The teacher is
    trained inside the trial; its cost is charged to the trial and shown.
    """

    paper: ClassVar[str] = "Hinton et al., 2015, arXiv 1503.02531"
    year: ClassVar[int] = 2015
    level: ClassVar[Level] = "teacher"
    needs_teacher: ClassVar[bool] = True
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "cifar100_mdistiller": {"ce": 0.1, "kd": 0.9, "temperature": 4.0},
        "imagenet_mdistiller": {"ce": 0.5, "kd": 0.5, "temperature": 1.0},
    }
    published: ClassVar[tuple[str, ...]] = (
        "CIFAR-100, ResNet-20 from ResNet-56, recipe E: 70.66 [repo mdistiller]",
        "CIFAR-100, ResNet-18 from ResNet-50, recipe C: 77.19 (CE 75.87) [repo Tf-KD]",
        "ImageNet, ResNet-18 from ResNet-34: 71.03 [repo mdistiller]",
    )

    def __init__(
        self, *, ce: NonNegative = 0.1, kd: NonNegative = 0.9, temperature: Positive = 4.0
    ) -> None:
        super().__init__()
        self.ce = ce
        self.kd = kd
        self.temperature = temperature

    def build(self, setting: Setting) -> None:
        assert setting.teacher is not None, "declared by needs_teacher"
        self.teacher = setting.teacher

    def loss(self, student: Student, batch: Batch, progress: Progress) -> Terms:
        view = batch.views[0]
        output = student(*view)
        teacher = self.teacher(*view)
        terms = supervise(output)
        terms["ce"] = self.ce * terms["ce"]
        terms["kd"] = self.kd * distill(output.logits, teacher.logits, self.temperature)
        return terms
