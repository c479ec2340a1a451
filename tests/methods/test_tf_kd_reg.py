"""Tf-KD-reg: the virtual teacher as coded, as in the paper, and how near label smoothing it is."""

import numpy as np
import pytest
import torch

from raskd_bench.methods.label_smoothing import LabelSmoothing
from raskd_bench.methods.tf_kd_reg import TfKDReg, virtual_teacher

Z = np.array([[1.0, 2.0, 0.0], [0.0, -1.0, 3.0]])
LABELS = [1, 0]
VIRTUAL = np.array([[0.1, 0.8, 0.1], [0.8, 0.1, 0.1]])


def softmax(values, temperature=1.0):
    e = np.exp(values / temperature)
    return e / e.sum(axis=1, keepdims=True)


def step(table_student, row_batch, start, **hparams):
    z = torch.tensor(Z, requires_grad=True)
    method = TfKDReg(correct=0.8, **hparams)
    terms = method.loss(table_student(z), row_batch([0, 1], LABELS), start)
    torch.stack(list(terms.values())).sum().backward()
    return {name: term.item() for name, term in terms.items()}, z.grad.numpy()


def gradient(method, logits, labels, table_student, row_batch, start):
    z = logits.clone().requires_grad_()
    terms = method.loss(table_student(z), row_batch(list(range(len(z))), labels), start)
    torch.stack(list(terms.values())).sum().backward()
    return z.grad


def test_equation_as_coded(table_student, row_batch, start) -> None:
    terms, grad = step(table_student, row_batch, start, alpha=0.3, temperature=0.5, multiplier=2.0)
    q, p, one_hot = softmax(VIRTUAL, 0.5), softmax(Z), np.eye(3)[LABELS]
    kl = sum(q[i, c] * np.log(q[i, c] / p[i, c]) for i in range(2) for c in range(3)) / 2
    ce = -np.mean([np.log(p[0, 1]), np.log(p[1, 0])])
    assert terms == pytest.approx({"ce": 0.7 * ce, "kd": 0.3 * 2.0 * kl}, rel=1e-9)
    np.testing.assert_allclose(grad, (0.7 * (p - one_hot) + 0.6 * (p - q)) / 2, atol=1e-12)


@pytest.mark.parametrize("squared", [False, True])
def test_equation_of_the_paper(table_student, row_batch, start, squared: bool) -> None:
    terms, grad = step(
        table_student, row_batch, start, alpha=0.3, temperature=0.5, temper_student=True,
        squared=squared,
    )  # fmt: skip
    factor = 0.25 if squared else 1.0
    q, p, p_t, one_hot = softmax(VIRTUAL, 0.5), softmax(Z), softmax(Z, 0.5), np.eye(3)[LABELS]
    assert terms["kd"] == pytest.approx(0.3 * factor * (q * np.log(q / p_t)).sum() / 2, rel=1e-9)
    expected = (0.7 * (p - one_hot) + 0.3 * factor / 0.5 * (p_t - q)) / 2
    np.testing.assert_allclose(grad, expected, atol=1e-12)


def test_the_virtual_teacher_is_right_with_the_given_probability() -> None:
    rows = virtual_teacher(torch.tensor(Z), torch.tensor(LABELS), 0.8)
    np.testing.assert_allclose(rows, VIRTUAL, atol=1e-12)


def test_after_two_softmaxes_the_virtual_teacher_of_cifar100_is_almost_uniform() -> None:
    rows = virtual_teacher(torch.zeros(1, 100), torch.tensor([3]), 0.99)
    q = torch.softmax(rows / 20, dim=1)
    assert q[0, 3].item() == pytest.approx(0.010502, abs=1e-6)
    assert q[0, 4].item() == pytest.approx(0.0099950, abs=1e-7)


def test_as_coded_on_a_hundred_classes_it_is_label_smoothing(
    table_student, row_batch, start
) -> None:
    logits = 5 * torch.randn(8, 100, generator=torch.Generator().manual_seed(0))
    labels = list(range(8))
    grads = [
        gradient(method, logits, labels, table_student, row_batch, start)
        for method in (TfKDReg(), LabelSmoothing(epsilon=0.1))
    ]
    assert (grads[0] - grads[1]).abs().max() < 1e-4
    assert not torch.equal(*grads)


def test_the_papers_form_is_not_label_smoothing(table_student, row_batch, start) -> None:
    logits = 5 * torch.randn(8, 100, generator=torch.Generator().manual_seed(0))
    labels = list(range(8))
    grads = [
        gradient(method, logits, labels, table_student, row_batch, start)
        for method in (TfKDReg(temper_student=True), LabelSmoothing(epsilon=0.1))
    ]
    assert (grads[0] - grads[1]).abs().max() > 1e-4


def test_without_alpha_it_is_cross_entropy_to_the_bit(new_rig) -> None:
    tf_kd, ce = new_rig("tf_kd_reg", alpha=0.0), new_rig("cross_entropy")
    for _ in zip(tf_kd.train(), ce.train(), strict=True):
        for one, other in zip(tf_kd.student.parameters(), ce.student.parameters(), strict=True):
            assert torch.equal(one.grad, other.grad)


@pytest.mark.parametrize("name", TfKDReg.presets)
def test_a_preset_can_be_made(name: str) -> None:
    preset = TfKDReg.presets[name]
    method = TfKDReg(**preset)
    assert {key: getattr(method, key) for key in preset} == preset
