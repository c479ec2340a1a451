"""SRRL: connected features that a frozen classifier reads, the gradient flowing through it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from raskd_bench.batch import Output
from raskd_bench.method import Setting
from raskd_bench.methods.srrl import SRRL

Z = [[1.0, 2.0, 0.0], [0.0, -1.0, 3.0]]
LABELS = [1, 0]


class LinearTeacher:
    """Embeddings that a test chooses, and a frozen classifier [C, D_t] on them."""

    def __init__(self, embeddings, weight, bias) -> None:
        self.embeddings = embeddings
        self.weight, self.bias = (nn.Parameter(x, requires_grad=False) for x in (weight, bias))
        self.embedding_size = embeddings.shape[1]

    def __call__(self, images, targets=None) -> Output:
        rows = self.embeddings[: len(images)]
        return Output(self.classify(rows), rows, (), targets)

    def classify(self, embeddings):
        return embeddings @ self.weight.T + self.bias


def new_teacher(size: int = 4, num_classes: int = 3, images: int = 2):
    generator = torch.Generator().manual_seed(1)
    shapes = (images, size), (num_classes, size), (num_classes,)
    return LinearTeacher(*(torch.randn(s, generator=generator) for s in shapes))


def built(teacher, channels: int = 2, **hparams) -> SRRL:
    torch.manual_seed(0)
    method = SRRL(**hparams)
    method.build(Setting(3, 2, (1, channels), (1, 2), channels, nn.Identity, teacher))
    return method


def new_student(table_student):
    generator = torch.Generator().manual_seed(2)
    deepest = torch.randn(2, 2, 3, 3, generator=generator).requires_grad_()
    logits = torch.tensor(Z, requires_grad=True)
    return table_student(logits, features=(torch.zeros(2, 1, 1, 1), deepest))


def slow_losses(features, kernel, teacher) -> tuple[float, float]:
    """Return L_FM and L_SR of features [2, 2, 3, 3] by a 1x1 convolution, batch norm, relu, GAP."""
    mapped = np.einsum("dc,bchw->bdhw", kernel, features)
    mean = mapped.mean(axis=(0, 2, 3), keepdims=True)
    active = np.maximum(
        (mapped - mean) / np.sqrt(mapped.var(axis=(0, 2, 3), keepdims=True) + 1e-5), 0
    )
    pooled = active.mean(axis=(2, 3))
    weight, bias, e = (x.numpy() for x in (teacher.weight, teacher.bias, teacher.embeddings))
    read, taught = (rows @ weight.T + bias for rows in (pooled, e))
    return ((pooled - e) ** 2).mean(), ((read - taught) ** 2).mean()


def test_equation(table_student, row_batch, start) -> None:
    student, teacher = new_student(table_student), new_teacher()
    method = built(teacher, alpha=0.5, beta=3.0)
    terms = method.loss(student, row_batch([0, 1], LABELS), start)
    kernel = method.connector[0].weight.detach().numpy()[:, :, 0, 0]
    features = student.features[-1].detach().double().numpy()
    matching, regression = slow_losses(features, kernel, teacher)
    ce = -np.mean([np.log(np.exp(z[y]) / np.exp(z).sum()) for z, y in zip(Z, LABELS, strict=True)])
    assert terms["ce"].item() == pytest.approx(ce, rel=1e-6)
    assert terms["hint"].item() == pytest.approx(0.5 * matching, rel=1e-5)
    assert terms["kd"].item() == pytest.approx(3 * regression, rel=1e-5)
    (terms["hint"] + terms["kd"]).backward()
    expected = np.zeros_like(features)
    for index in np.ndindex(features.shape):  # central differences
        for sign in (1, -1):
            moved = features.copy()
            moved[index] += sign * 1e-6
            matching, regression = slow_losses(moved, kernel, teacher)
            expected[index] += sign * (0.5 * matching + 3 * regression) / 2e-6
    np.testing.assert_allclose(student.features[-1].grad, expected, atol=1e-4)


def test_the_gradient_flows_through_the_frozen_classifier(table_student, row_batch, start) -> None:
    student, teacher = new_student(table_student), new_teacher()
    method = built(teacher)
    method.loss(student, row_batch([0, 1], LABELS), start)["kd"].backward()
    assert student.features[-1].grad.count_nonzero() > 0
    assert method.connector[0].weight.grad.count_nonzero() > 0
    assert teacher.weight.grad is None
    assert student.logits.grad is None


def test_the_method_does_not_own_the_teachers_classifier() -> None:
    teacher = new_teacher()
    owned = {id(tensor) for tensor in built(teacher).parameters()}
    assert owned.isdisjoint({id(teacher.weight), id(teacher.bias)})


@pytest.mark.parametrize(("student", "teacher", "expected"), [(512, 2048, 1_052_672), (2, 4, 16)])
def test_the_connector_has_the_papers_size(student, teacher, expected) -> None:
    method = built(new_teacher(size=teacher), channels=student)
    assert sum(parameter.numel() for parameter in method.parameters()) == expected


def test_without_weights_it_is_cross_entropy_to_the_bit(new_rig) -> None:
    srrl, ce = new_rig("cross_entropy"), new_rig("cross_entropy")
    teacher = new_teacher(size=7, num_classes=5, images=8)
    method = SRRL(alpha=0.0, beta=0.0)
    method.build(replace(srrl.setting, teacher=teacher))
    srrl.method = method.train()
    for _ in zip(srrl.train(), ce.train(), strict=True):
        for one, other in zip(srrl.student.parameters(), ce.student.parameters(), strict=True):
            assert torch.equal(one.grad, other.grad)
            assert torch.equal(one, other)
