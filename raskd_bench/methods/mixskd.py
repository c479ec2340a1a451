"""MixSKD: an image and its mixture with another one teach each other at every depth."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from raskd_bench.batch import Batch, Progress, Terms
from raskd_bench.losses import distill
from raskd_bench.method import Level, Method, Positive, Setting, Student
from raskd_bench.methods._mixskd_network import discriminator, halves, new_mixing, total


class MixSKD(Method):
    """L = sum_h CE(z_h, y) + M + K + sum_h mean (F~_h - F'_h)^2 + sum_h D_h.

    x' = lam x + (1 - lam) x[pi], lam ~ Beta(alpha, alpha) and a permutation pi of the batch; both
    pass in one forward. Head h < S is a copy of all stages after stage h, head S is the student:
    logits z_h, z'_h and last stage maps F_h, F'_h of x and x'. z~_h, F~_h: z_h, F_h mixed as x is.
    The self-teacher, a 1x1 convolution over all heads' maps, pooling and a linear layer, says e~
    of the F~_h and e' of the F'_h; pooling comes first here, which gives the same.
    M = sum_h C(z'_h) + C(e~) + C(e'), C = lam CE(., y) + (1 - lam) CE(., y[pi]).
    K = k(e', z~_S) + k(e~, z'_S) + sum_{h<S} k(z'_h, z~_h) + k(z~_h, z'_h),
    k(a, b) = T^2 KL( sg softmax(a / T) || softmax(b / T) ).
    D_h: binary cross entropy of a discriminator between pooled F~_h and F'_h.

    Differs: the loss of winycg/Self-KD-Lib's ImageNet script (at ede3062), as in the paper; its
    CIFAR script computes M but leaves it out of the sum, so the self-teacher stays untrained
    (`mixed_ce: false`). In both scripts the discriminators are lost to the optimizer and the
    features are trained to tell themselves apart (`adversarial: as_coded`); `reversal` trains
    the discriminators and reverses their gradient towards the features, as the paper's words
    ask; `off` drops D. Published accuracies are those of the best head, ours are the student's.
    """

    paper: ClassVar[str] = "Yang et al., ECCV 2022, arXiv 2208.05768"
    year: ClassVar[int] = 2022
    level: ClassVar[Level] = "feature"
    smallest_batch: ClassVar[int] = 2  # an image is mixed with another one
    tasks: ClassVar[frozenset[str]] = frozenset({"classification"})
    backbones: ClassVar[frozenset[str]] = frozenset({"cnn"})
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "imagenet_resnet50": {"alpha": 0.2},
        "cifar_script": {"mixed_ce": False, "adversarial": "as_coded"},
    }
    published: ClassVar[tuple[str, ...]] = (
        "CIFAR-100, ResNet-18, batch 64, 205 epochs: 80.32 (CE 76.24) [repo]",
        "ImageNet, ResNet-50, 305 epochs: 78.76 [repo]",
    )

    def __init__(
        self, *, alpha: Positive = 0.4, temperature: Positive = 3.0, mixed_ce: bool = True,
        adversarial: Literal["reversal", "as_coded", "off"] = "reversal",
    ) -> None:  # fmt: skip
        super().__init__()
        self.alpha, self.temperature = alpha, temperature
        self.mixed_ce, self.adversarial = mixed_ce, adversarial

    def build(self, setting: Setting) -> None:
        size, num_heads = setting.channels[-1], len(setting.channels)
        self.tails = nn.ModuleList(setting.new_tail(stage) for stage in range(num_heads - 1))
        self.heads = nn.ModuleList(setting.new_head(size) for _ in self.tails)
        self.fuse = nn.Linear(num_heads * size, size, bias=False)
        self.fuse_head = setting.new_head(size)
        names = range(num_heads if self.adversarial != "off" else 0)
        self.discriminators = nn.ModuleList(discriminator(size) for _ in names)
        self.discriminators.requires_grad_(self.adversarial == "reversal")

    def loss(self, student: Student, batch: Batch, progress: Progress) -> Terms:
        images, targets = batch.views[0]
        mix = new_mixing(images, self.alpha)
        output = student(torch.cat([images, mix(images)]), torch.cat([targets, targets]))
        labels = output.hard_labels[: len(images)]
        shallow = zip(self.heads, self.tails, output.features[:-1], strict=True)
        exits = [*(student.read(head, tail(f), None) for head, tail, f in shallow), output]
        z, z_mixed = halves([e.logits for e in exits])
        f, f_mixed = halves([e.features[-1].float() for e in exits])
        z_blend, f_blend = [mix(logits) for logits in z], [mix(maps) for maps in f]
        pairs = zip(f_blend, f_mixed, strict=True)
        pooled = [torch.cat([maps.mean(dim=(2, 3)) for maps in pair]) for pair in pairs]
        fused = self.fuse(torch.cat(pooled, dim=1))[:, :, None, None]
        e_blend, e_mixed = student.read(self.fuse_head, fused, None).logits.chunk(2)

        ce = [F.cross_entropy(logits, labels) for logits in z]
        taught = [*zip(z_blend[:-1], z_mixed[:-1], strict=True), (z_blend[-1], e_mixed)]
        taught += [*zip(z_mixed[:-1], z_blend[:-1], strict=True), (z_mixed[-1], e_blend)]
        kd = [distill(logits, teacher, self.temperature) for logits, teacher in taught]
        hints = [F.mse_loss(one, other) for one, other in zip(f_blend, f_mixed, strict=True)]
        terms = {"ce": ce[-1], "branch_ce": total(ce[:-1]), "kd": total(kd), "hint": total(hints)}
        if self.mixed_ce:
            terms["mixed_ce"] = total([mix.cross_entropy(logits, labels) for logits in z_mixed])
            terms["aux"] = total([mix.cross_entropy(e, labels) for e in (e_blend, e_mixed)])
        if self.adversarial != "off":
            terms["adversarial"] = self.discrimination(pooled)
        return terms

    def discrimination(self, pooled: list[Tensor]) -> Tensor:
        """Return the sum over heads of D_h, of means [2B, c] of F~_h and then of F'_h."""
        losses = []
        for judge, means in zip(self.discriminators, pooled, strict=True):
            if self.adversarial == "reversal":
                means = 2 * means.detach() - means  # the same value, the gradient times -1
            sources = torch.eye(2, device=means.device).repeat_interleave(len(means) // 2, dim=0)
            losses.append(F.binary_cross_entropy_with_logits(judge(means).float(), sources))
        return total(losses)
