"""Distillation from a teacher."""

import numpy as np
import pytest
import torch

from raskd_bench.batch import Output
from raskd_bench.method import Setting
from raskd_bench.methods.kd import KD

Z = np.array([[1.0, 2.0, 0.0], [0.0, -1.0, 3.0]])
TEACHER = np.array([[0.5, 0.0, -1.0], [2.0, 2.0, 1.0]])
LABELS = [1, 0]


def softmax(values, temperature=1.0):
    e = np.exp(values / temperature)
    return e / e.sum(axis=1, keepdims=True)


def built(teacher=lambda images, targets: None, **hparams) -> KD:
    method = KD(**hparams)
    method.build(Setting(3, 2, (1,), (1,), 3, torch.nn.Identity, teacher))
    return method


def test_equation(table_student, row_batch, start) -> None:
    z, t = torch.tensor(Z, requires_grad=True), torch.tensor(TEACHER, requires_grad=True)
    method = built(table_student(t), ce=0.3, kd=0.7, temperature=2.0)
    terms = method.loss(table_student(z), row_batch([0, 1], LABELS), start)
    p, p2, q2 = softmax(Z), softmax(Z, 2.0), softmax(TEACHER, 2.0)
    ce = -np.mean([np.log(p[0, 1]), np.log(p[1, 0])])
    kl = sum(q2[i, c] * np.log(q2[i, c] / p2[i, c]) for i in range(2) for c in range(3)) / 2
    assert terms["ce"].item() == pytest.approx(0.3 * ce, rel=1e-12)
    assert terms["kd"].item() == pytest.approx(0.7 * 2.0**2 * kl, rel=1e-12)
    (terms["ce"] + terms["kd"]).backward()
    one_hot = np.eye(3)[LABELS]
    expected = (0.3 * (p - one_hot) + 0.7 * 2.0 * (p2 - q2)) / 2
    np.testing.assert_allclose(z.grad, expected, atol=1e-12)
    assert t.grad is None


def test_without_distillation_it_is_cross_entropy_to_the_bit(new_rig) -> None:
    kd, ce = new_rig("kd", ce=1.0, kd=0.0), new_rig("cross_entropy")
    for _ in zip(kd.train(), ce.train(), strict=True):
        for one, other in zip(kd.student.parameters(), ce.student.parameters(), strict=True):
            assert torch.equal(one.grad, other.grad)
            assert torch.equal(one, other)


def test_the_teacher_sees_the_students_view(table_student, row_batch, start) -> None:
    seen = []

    def teacher(images, targets):
        seen.append((images, targets))
        return Output(torch.zeros(2, 3), torch.zeros(2, 3), (), targets)

    batch = row_batch([0, 1], LABELS)
    built(teacher).loss(table_student(torch.tensor(Z)), batch, start)
    ((images, targets),) = seen
    assert images is batch.views[0].images
    assert targets is batch.views[0].targets


def test_a_student_like_its_teacher_learns_nothing_from_it(table_student, row_batch, start) -> None:
    z = torch.tensor(Z, requires_grad=True)
    method = built(table_student(torch.tensor(Z)))
    method.loss(table_student(z), row_batch([0, 1], LABELS), start)["kd"].backward()
    assert z.grad.abs().max() < 1e-12
