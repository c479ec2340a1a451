"""PS-KD: the table, its schedule, and what its first epoch is."""

import math

import numpy as np
import pytest
import torch

from raskd_bench.batch import Progress
from raskd_bench.method import Setting
from raskd_bench.methods.ps_kd import PSKD

Z = [[1.0, 2.0, 0.0], [0.0, -1.0, 3.0]]
LABELS = [1, 0]


def built(alpha: float = 0.8, samples: int = 4) -> PSKD:
    method = PSKD(alpha=alpha)
    method.build(Setting(3, samples, (1,), (1,), 3, torch.nn.Identity))
    return method


def at(epoch: int, epochs: float = 4) -> Progress:
    return Progress(0, epoch, epochs, 0.0)


def softmax(values) -> np.ndarray:
    return np.exp(values) / np.exp(values).sum(axis=1, keepdims=True)


def targets_of(method, batch, progress, table_student) -> np.ndarray:
    """Return the targets q that a step has used: p - q is B times the gradient."""
    z = torch.tensor(Z, dtype=torch.double, requires_grad=True)
    method.double()
    (term,) = method.loss(table_student(z), batch, progress).values()
    term.backward()
    p = softmax(Z)
    q = p - 2 * z.grad.numpy()
    assert term.item() == pytest.approx(-(q * np.log(p)).sum() / 2, rel=1e-9)
    return q


def test_equation(table_student, row_batch) -> None:
    method = built(alpha=0.8)
    batch = row_batch([0, 1], LABELS, ids=[3, 1])
    earlier = [[0.0, 1.0, 1.0], [2.0, 0.0, 0.0]]
    method.loss(table_student(torch.tensor(earlier)), batch, at(epoch=0))
    alpha = 0.8 * 2 / 4
    expected = (1 - alpha) * np.eye(3)[LABELS] + alpha * softmax(earlier)
    q = targets_of(method, batch, at(epoch=1), table_student)
    np.testing.assert_allclose(q, expected, atol=1e-6)


def test_the_last_epochs_weight_is_alpha(table_student, row_batch) -> None:
    method = built(alpha=0.8)
    method.predictions[:2] = torch.tensor([0.2, 0.3, 0.5])
    q = targets_of(method, row_batch([0, 1], LABELS), at(epoch=3), table_student)
    np.testing.assert_allclose(q, 0.2 * np.eye(3)[LABELS] + 0.8 * np.array([0.2, 0.3, 0.5]))


@pytest.mark.parametrize(("epoch", "epochs", "expected"), [(0, 4, 0.2), (2, 4, 0.6), (1, 1.5, 0.8)])
def test_the_weight_grows_with_the_epochs_number(
    epoch, epochs, expected, table_student, row_batch
) -> None:
    method = built(alpha=0.8)
    method.predictions[:2] = torch.tensor([0.0, 0.0, 1.0])
    q = targets_of(method, row_batch([0, 1], LABELS), at(epoch, epochs), table_student)
    np.testing.assert_allclose(q[:, 2], expected)


def test_while_the_end_is_unknown_it_is_cross_entropy(table_student, row_batch) -> None:
    method = built(alpha=0.8)
    method.predictions[:] = 1 / 3
    q = targets_of(method, row_batch([0, 1], LABELS), at(0, math.inf), table_student)
    np.testing.assert_allclose(q, np.eye(3)[LABELS], atol=1e-12)


def test_the_first_epoch_is_cross_entropy(table_student, row_batch) -> None:
    q = targets_of(built(alpha=1.0), row_batch([0, 1], LABELS), at(0, 1), table_student)
    np.testing.assert_allclose(q, np.eye(3)[LABELS], atol=1e-12)


def test_an_image_that_was_left_out_has_its_label_as_target(table_student, row_batch) -> None:
    method = built(alpha=1.0)
    method.predictions[0] = torch.tensor([0.2, 0.3, 0.5])
    q = targets_of(method, row_batch([0, 1], LABELS), at(3), table_student)
    np.testing.assert_allclose(q, [[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]], atol=1e-6)


def test_without_alpha_it_is_cross_entropy(new_rig) -> None:
    ps_kd, ce = new_rig("ps_kd", alpha=0.0), new_rig("cross_entropy")
    for one, other in zip(ps_kd.train(), ce.train(), strict=True):
        torch.testing.assert_close(one["soft_ce"], other["ce"])
    for one, other in zip(ps_kd.student.parameters(), ce.student.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_rows_are_written_at_their_own_ids(table_student, row_batch) -> None:
    method = built(samples=5)
    batch = row_batch([0, 1], LABELS, ids=[4, 2])
    method.loss(table_student(torch.tensor(Z, requires_grad=True)), batch, at(0))
    np.testing.assert_allclose(method.predictions[[4, 2]], softmax(Z), atol=1e-6)
    assert method.predictions[[0, 1, 3]].count_nonzero() == 0
    assert not method.predictions.requires_grad


def test_rows_sum_to_one_after_an_epoch(new_rig) -> None:
    rig = new_rig("ps_kd")
    for _ in rig.train(epochs=1):
        pass
    torch.testing.assert_close(rig.method.predictions.sum(dim=1), torch.ones(len(rig.labels)))
