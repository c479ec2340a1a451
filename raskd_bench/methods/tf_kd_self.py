"""Teacher-free knowledge distillation by self-training: the student's own earlier self teaches."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from raskd_bench.batch import Batch, Progress, Terms
from raskd_bench.losses import distill, supervise
from raskd_bench.method import Fraction, Level, Method, NonNegative, Positive, Setting, Student


class TfKDSelf(Method):
    """L = (1 - alpha) CE(z, y) + alpha m T^2 KL( sg softmax(z0 / T) || softmax(z / T) ).

    z0 are the logits of the same network trained by cross entropy before, frozen and in evaluation
    mode, on the same view. That training happens inside the trial and is charged to it.

    Differs: the official code (yuanli2333/Teacher-free-Knowledge-Distillation at d000ab3,
    my_loss_function.py) takes the mean of the KL over classes too, so m is its multiplier over C:
    0.5 for the 50 it gives ResNet-18 on CIFAR-100, where the KL counts alpha m T^2 = 17.1. The
    paper has no multiplier; m = 1 is its equation.
    """

    paper: ClassVar[str] = "Yuan et al., CVPR 2020, arXiv 1909.11723"
    year: ClassVar[int] = 2020
    level: ClassVar[Level] = "instance"
    needs_teacher: ClassVar[bool | Literal["self"]] = "self"
    off_switch: ClassVar[tuple[str, ...]] = ("alpha",)
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "cifar100_resnet18": {"alpha": 0.95, "temperature": 6.0, "multiplier": 0.5},
        "cifar100_mobilenetv2": {"alpha": 0.95, "temperature": 20.0, "multiplier": 0.01},
        "cifar100_shufflenetv2": {"alpha": 0.95, "temperature": 20.0, "multiplier": 0.01},
        "cifar100_googlenet": {"alpha": 0.4, "temperature": 20.0, "multiplier": 0.5},
        "cifar100_densenet121": {"alpha": 0.9, "temperature": 20.0, "multiplier": 0.5},
        "cifar100_resnext29": {"alpha": 0.9, "temperature": 20.0, "multiplier": 1.0},
    }
    published: ClassVar[tuple[str, ...]] = (
        "CIFAR-100, ResNet-18, recipe C: 77.10 (CE 75.87) [repo]",
        "CIFAR-100, MobileNetV2, recipe C: 70.96 (CE 68.38) [repo]",
        "CIFAR-100, ShuffleNetV2, recipe C: 72.23 (CE 70.34) [repo]",
        "CIFAR-100, GoogLeNet, recipe C: 80.17 (CE 78.72) [repo]",
        "CIFAR-100, DenseNet-121, recipe C: 80.26 (CE 79.04) [repo]",
        "CIFAR-100, ResNeXt-29, recipe C: 82.08 (CE 81.03) [repo]",
        "ImageNet, ResNeXt-101: CE + 0.48 [repo]",
    )

    def __init__(
        self, *, alpha: Fraction = 0.95, temperature: Positive = 6.0, multiplier: NonNegative = 0.5
    ) -> None:
        super().__init__()
        self.alpha = alpha
        self.temperature = temperature
        self.multiplier = multiplier

    def build(self, setting: Setting) -> None:
        assert setting.teacher is not None, "declared by needs_teacher"
        self.teacher = setting.teacher

    def loss(self, student: Student, batch: Batch, progress: Progress) -> Terms:
        view = batch.views[0]
        output = student(*view)
        teacher = self.teacher(*view)
        kl = distill(output.logits, teacher.logits, self.temperature)
        terms = supervise(output)
        terms["ce"] = (1 - self.alpha) * terms["ce"]
        terms["kd"] = self.alpha * self.multiplier * kl
        return terms
