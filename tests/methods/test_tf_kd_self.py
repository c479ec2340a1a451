"""Tf-KD-self: the student's earlier self as teacher."""

import numpy as np
import pytest
import torch

from raskd_bench.batch import Output
from raskd_bench.method import Setting
from raskd_bench.methods.tf_kd_self import TfKDSelf

Z = np.array([[1.0, 2.0, 0.0], [0.0, -1.0, 3.0]])
EARLIER = np.array([[0.5, 0.0, -1.0], [2.0, 2.0, 1.0]])
LABELS = [1, 0]


def softmax(values, temperature=1.0):
    e = np.exp(values / temperature)
    return e / e.sum(axis=1, keepdims=True)


def built(teacher, **hparams) -> TfKDSelf:
    method = TfKDSelf(**hparams)
    method.build(Setting(3, 2, (1,), (1,), 3, torch.nn.Identity, teacher))
    return method


def test_equation(table_student, row_batch, start) -> None:
    z, earlier = (torch.tensor(rows, requires_grad=True) for rows in (Z, EARLIER))
    method = built(table_student(earlier), alpha=0.3, temperature=2.0, multiplier=0.5)
    terms = method.loss(table_student(z), row_batch([0, 1], LABELS), start)
    p, p2, q2 = softmax(Z), softmax(Z, 2.0), softmax(EARLIER, 2.0)
    ce = -np.mean([np.log(p[0, 1]), np.log(p[1, 0])])
    kl = sum(q2[i, c] * np.log(q2[i, c] / p2[i, c]) for i in range(2) for c in range(3)) / 2
    assert terms["ce"].item() == pytest.approx(0.7 * ce, rel=1e-9)
    assert terms["kd"].item() == pytest.approx(0.3 * 0.5 * 2.0**2 * kl, rel=1e-9)
    (terms["ce"] + terms["kd"]).backward()
    expected = (0.7 * (p - np.eye(3)[LABELS]) + 0.3 * 0.5 * 2.0 * (p2 - q2)) / 2
    np.testing.assert_allclose(z.grad, expected, atol=1e-12)
    assert earlier.grad is None


def test_by_default_it_weighs_as_the_code_does_on_cifar100() -> None:
    method = TfKDSelf()
    coefficient = method.alpha * method.multiplier * method.temperature**2
    assert coefficient == pytest.approx(0.95 * 6**2 * 50 / 100)
    assert coefficient == pytest.approx(17.1)
    assert TfKDSelf.needs_teacher == "self"


def test_the_official_codes_mean_over_classes_gives_the_same_number(
    table_student, row_batch, start
) -> None:
    """my_loss_function.py:26-28 at 880a74e, with K = 3 classes and multiplier 1.5 = 0.5 K."""
    method = built(table_student(torch.tensor(EARLIER)), temperature=2.0, multiplier=0.5)
    term = method.loss(table_student(torch.tensor(Z)), row_batch([0, 1], LABELS), start)["kd"]
    p2, q2 = softmax(Z, 2.0), softmax(EARLIER, 2.0)
    mean = (q2 * np.log(q2 / p2)).sum() / (2 * 3)
    assert term.item() == pytest.approx(0.95 * 2.0**2 * 1.5 * mean, rel=1e-9)


def test_a_student_that_is_still_its_earlier_self_learns_nothing_from_it(
    table_student, row_batch, start
) -> None:
    z = torch.tensor(Z, requires_grad=True)
    method = built(table_student(torch.tensor(Z)))
    method.loss(table_student(z), row_batch([0, 1], LABELS), start)["kd"].backward()
    assert z.grad.abs().max() < 1e-12


def test_the_earlier_self_sees_the_students_view(table_student, row_batch, start) -> None:
    seen = []

    def teacher(images, targets):
        seen.append(images)
        return Output(torch.zeros(2, 3), torch.zeros(2, 3), (), targets)

    batch = row_batch([0, 1], LABELS)
    built(teacher).loss(table_student(torch.tensor(Z)), batch, start)
    assert len(seen) == 1
    assert seen[0] is batch.views[0].images


def test_without_alpha_it_is_cross_entropy_to_the_bit(new_rig) -> None:
    tf_kd, ce = new_rig("tf_kd_self", alpha=0.0), new_rig("cross_entropy")
    for _ in zip(tf_kd.train(), ce.train(), strict=True):
        for one, other in zip(tf_kd.student.parameters(), ce.student.parameters(), strict=True):
            assert torch.equal(one.grad, other.grad)


@pytest.mark.parametrize("name", TfKDSelf.presets)
def test_a_preset_can_be_made(name: str) -> None:
    preset = TfKDSelf.presets[name]
    method = TfKDSelf(**preset)
    assert {key: getattr(method, key) for key in preset} == preset
