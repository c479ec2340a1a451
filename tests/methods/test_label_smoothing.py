"""Label smoothing: the paper's form over all C classes."""

import numpy as np
import pytest
import torch

from raskd_bench.methods.cross_entropy import CrossEntropy
from raskd_bench.methods.label_smoothing import LabelSmoothing

Z = [[1.0, 2.0, 0.0], [0.0, -1.0, 3.0]]
LABELS = [1, 0]


def step(method, table_student, row_batch, start):
    z = torch.tensor(Z, requires_grad=True)
    (term,) = method.loss(table_student(z), row_batch([0, 1], LABELS), start).values()
    term.backward()
    return term.detach(), z.grad


def test_equation(table_student, row_batch, start) -> None:
    loss, gradient = step(LabelSmoothing(epsilon=0.3), table_student, row_batch, start)
    q = [[0.1, 0.8, 0.1], [0.8, 0.1, 0.1]]
    p = np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)
    expected = -sum(q[i][c] * np.log(p[i, c]) for i in range(2) for c in range(3)) / 2
    assert loss.item() == pytest.approx(expected, rel=1e-6)
    np.testing.assert_allclose(gradient, (p - q) / 2, atol=1e-7)


def test_without_smoothing_it_is_cross_entropy_to_the_bit(table_student, row_batch, start) -> None:
    loss, gradient = step(LabelSmoothing(epsilon=0.0), table_student, row_batch, start)
    expected, expected_gradient = step(CrossEntropy(), table_student, row_batch, start)
    assert torch.equal(loss, expected)
    assert torch.equal(gradient, expected_gradient)


def test_the_gradient_sums_to_zero_over_classes(table_student, row_batch, start) -> None:
    _, gradient = step(LabelSmoothing(epsilon=0.2), table_student, row_batch, start)
    assert gradient.sum(dim=1).abs().max() < 1e-7
