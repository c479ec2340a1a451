"""Losses against slow, obvious twins: numpy loops, differentiated by central differences."""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch.nn import functional as F

from raskd_bench.batch import Output
from raskd_bench.losses import (
    distill,
    masked_softmax_rows,
    smoothed,
    soft_cross_entropy,
    supervise,
    unit_rows,
)

Array = npt.NDArray[np.float64]

LOGITS = np.array([[1.0, 2.0, -0.5, 0.3], [0.0, -1.5, 3.0, 0.7], [0.2, 0.1, -0.4, 0.0]])
TEACHER = np.array([[0.5, -1.0, 2.0, 0.1], [1.0, 1.0, 1.0, 1.0], [4.0, -3.0, 0.0, 0.5]])
SOFT = np.array([[0.7, 0.1, 0.1, 0.1], [0.25, 0.25, 0.25, 0.25], [0.0, 0.0, 1.0, 0.0]])
LABELS = [1, 2, 0]


def slow_softmax(row: Array) -> list[float]:
    exponentials = [math.exp(value) for value in row]
    return [value / sum(exponentials) for value in exponentials]


def slow_cross_entropy(logits: Array) -> float:
    rows = zip(logits, LABELS, strict=True)
    return sum(-math.log(slow_softmax(row)[label]) for row, label in rows) / len(logits)


def slow_soft_cross_entropy(logits: Array) -> float:
    total = 0.0
    for row, soft in zip(logits, SOFT, strict=True):
        for p, q in zip(slow_softmax(row), soft, strict=True):
            total -= q * math.log(p)
    return total / len(logits)


def slow_distill(temperature: float) -> Callable[[Array], float]:
    def loss(logits: Array) -> float:
        total = 0.0
        for row, teacher in zip(logits, TEACHER, strict=True):
            p, q = slow_softmax(row / temperature), slow_softmax(teacher / temperature)
            total += sum(b * (math.log(b) - math.log(a)) for a, b in zip(p, q, strict=True))
        return temperature**2 * total / len(logits)

    return loss


def slow_smoothed(epsilon: float) -> Callable[[Array], float]:
    def loss(logits: Array) -> float:
        total = 0.0
        for row, label, soft in zip(logits, LABELS, SOFT, strict=True):
            for index, p in enumerate(slow_softmax(row)):
                target = (1 - epsilon) * (index == label) + epsilon * soft[index]
                total -= target * math.log(p)
        return total / len(logits)

    return loss


def slow_gradient(function: Callable[[Array], float], at: Array, step: float = 1e-5) -> Array:
    gradient = np.zeros_like(at)
    for index in np.ndindex(at.shape):
        up, down = at.copy(), at.copy()
        up[index] += step
        down[index] -= step
        gradient[index] = (function(up) - function(down)) / (2 * step)
    return gradient


def assert_twins(
    fast: Callable[[torch.Tensor], torch.Tensor], slow: Callable[[Array], float]
) -> None:
    logits = torch.tensor(LOGITS, requires_grad=True)
    loss = fast(logits)
    loss.backward()
    assert loss.item() == pytest.approx(slow(LOGITS), rel=1e-12)
    assert logits.grad is not None
    np.testing.assert_allclose(logits.grad.numpy(), slow_gradient(slow, LOGITS), atol=1e-9)


def test_supervise_is_cross_entropy() -> None:
    labels = torch.tensor(LABELS)
    assert_twins(lambda z: supervise(Output(z, z, (), labels))["ce"], slow_cross_entropy)


def test_supervise_keeps_the_terms_of_the_task() -> None:
    box = torch.tensor(0.25)
    output = Output(
        torch.tensor(LOGITS), torch.tensor(LOGITS), (), torch.tensor(LABELS), {"b": box}
    )
    assert supervise(output)["b"] is box


def test_soft_cross_entropy() -> None:
    q = torch.tensor(SOFT)
    assert_twins(lambda z: soft_cross_entropy(z.log_softmax(1), q), slow_soft_cross_entropy)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_distill(temperature: float) -> None:
    teacher = torch.tensor(TEACHER)
    assert_twins(lambda z: distill(z, teacher, temperature), slow_distill(temperature))


def test_distill_of_a_distribution_to_itself_is_zero_without_gradient() -> None:
    logits = torch.tensor(LOGITS, requires_grad=True)
    loss = distill(logits, logits, 3.0)
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert logits.grad.abs().max() < 1e-15


def test_distill_gives_the_teacher_no_gradient() -> None:
    student = torch.tensor(LOGITS, requires_grad=True)
    teacher = torch.tensor(TEACHER, requires_grad=True)
    distill(student, teacher, 2.0).backward()
    assert teacher.grad is None


@pytest.mark.parametrize("epsilon", [0.0, 0.3, 1.0])
def test_smoothed(epsilon: float) -> None:
    labels, q = torch.tensor(LABELS), torch.tensor(SOFT)
    assert_twins(lambda z: smoothed(z.log_softmax(1), labels, q, epsilon), slow_smoothed(epsilon))


def test_smoothed_gradient_sums_to_zero_over_classes() -> None:
    logits = torch.tensor(LOGITS, requires_grad=True)
    smoothed(logits.log_softmax(1), torch.tensor(LABELS), torch.tensor(SOFT), 0.3).backward()
    assert logits.grad is not None
    assert logits.grad.sum(dim=1).abs().max() < 1e-15


def test_masked_softmax_rows() -> None:
    similarities = np.array([[1.0, 0.3, -0.2], [0.3, 1.0, 0.9], [-0.2, 0.9, 1.0]])
    expected = np.zeros((3, 3))
    for i in range(3):
        others = [j for j in range(3) if j != i]
        total = sum(math.exp(similarities[i, j] / 0.1) for j in others)
        for j in others:
            expected[i, j] = math.exp(similarities[i, j] / 0.1) / total
    rows = masked_softmax_rows(torch.tensor(similarities), 0.1)
    np.testing.assert_allclose(rows.numpy(), expected, rtol=1e-12)


def test_masked_softmax_rows_differentiates_like_its_twin() -> None:
    weights = np.array([[0.0, 1.0, -2.0], [0.5, 0.0, 1.0], [3.0, 1.0, 0.0]])

    def slow(similarities: Array) -> float:
        total = 0.0
        for i in range(3):
            others = [j for j in range(3) if j != i]
            row = slow_softmax(np.array([similarities[i, j] for j in others]) / 0.5)
            total += sum(weights[i, j] * value for j, value in zip(others, row, strict=True))
        return total

    start = np.array([[1.0, 0.3, -0.2], [0.4, 1.0, 0.9], [-0.1, 0.8, 1.0]])
    similarities = torch.tensor(start, requires_grad=True)
    (masked_softmax_rows(similarities, 0.5) * torch.tensor(weights)).sum().backward()
    assert similarities.grad is not None
    np.testing.assert_allclose(similarities.grad.numpy(), slow_gradient(slow, start), atol=1e-9)


def test_masked_softmax_rows_leaves_its_argument_alone() -> None:
    similarities = torch.eye(3)
    masked_softmax_rows(similarities, 1.0)
    assert torch.equal(similarities, torch.eye(3))


def test_unit_rows_are_those_of_torch() -> None:
    rows = torch.tensor([[3.0, 4.0], [0.0, 0.0], [-1e-3, 2e-3]])
    torch.testing.assert_close(unit_rows(rows), F.normalize(rows, dim=1))


def test_the_gradient_of_unit_rows_is_that_of_torch() -> None:
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(5, 7, generator=generator, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(unit_rows, (rows,))
    weights = torch.randn(5, 7, generator=generator, dtype=torch.double)
    own, theirs = (torch.autograd.grad((f(rows) * weights).sum(), rows)[0]
                   for f in (unit_rows, lambda x: F.normalize(x, dim=1)))  # fmt: skip
    torch.testing.assert_close(own, theirs)
