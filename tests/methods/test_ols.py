"""OLS: the matrix of soft targets, when it is refreshed and by which images."""

import numpy as np
import pytest
import torch

from raskd_bench.batch import Progress
from raskd_bench.method import Setting
from raskd_bench.methods.ols import OLS

Z = np.array([[1.0, 2.0, 0.0], [0.0, -1.0, 3.0], [0.5, 1.0, -1.0], [4.0, 0.0, 0.0]])
LABELS = [1, 2, 1, 1]  # the last one is taken for class 0
SOFT = np.array([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.0, 0.5, 0.5]])


def softmax(values):
    e = np.exp(values)
    return e / e.sum(axis=1, keepdims=True)


def built(**hparams) -> OLS:
    method = OLS(**hparams)
    method.build(Setting(3, 4, (1,), (1,), 3, torch.nn.Identity))
    return method


def at(epoch: int) -> Progress:
    return Progress(0, epoch, 4, 0.0)


def see(method: OLS, table_student, row_batch, epoch: int = 0) -> None:
    """Start an epoch and take one step on all four images."""
    method.start_epoch(at(epoch))
    method.loss(table_student(torch.tensor(Z)), row_batch([0, 1, 2, 3], LABELS), at(epoch))


def test_equation(table_student, row_batch) -> None:
    method = built(alpha=0.3).double()
    method.targets.copy_(torch.tensor(SOFT))
    z = torch.tensor(Z, requires_grad=True)
    terms = method.loss(table_student(z), row_batch([0, 1, 2, 3], LABELS), at(1))
    p = softmax(Z)
    ce = -np.mean([np.log(p[i, LABELS[i]]) for i in range(4)])
    soft = -np.mean([SOFT[LABELS[i]] @ np.log(p[i]) for i in range(4)])
    assert terms["ce"].item() == pytest.approx(0.3 * ce, rel=1e-9)
    assert terms["soft_ce"].item() == pytest.approx(0.7 * soft, rel=1e-9)
    (terms["ce"] + terms["soft_ce"]).backward()
    q = 0.3 * np.eye(3)[LABELS] + 0.7 * SOFT[LABELS]
    np.testing.assert_allclose(z.grad, (p - q) / 4, atol=1e-12)


def test_a_row_becomes_the_mean_of_the_images_that_were_recognised(
    table_student, row_batch
) -> None:
    method = built()
    see(method, table_student, row_batch)
    see(method, table_student, row_batch)  # a second step of the same epoch changes no mean
    method.start_epoch(at(1))
    p = softmax(Z)
    expected = np.stack([np.full(3, 1 / 3), (p[0] + p[2]) / 2, p[1]])
    np.testing.assert_allclose(method.targets, expected, atol=1e-6)
    np.testing.assert_allclose(method.targets.sum(dim=1), np.ones(3), atol=1e-6)
    assert not method.targets.requires_grad


def test_an_epoch_forgets_the_one_before(table_student, row_batch) -> None:
    method = built()
    see(method, table_student, row_batch)
    method.start_epoch(at(1))
    assert method.sums.count_nonzero() == method.counts.count_nonzero() == 0
    method.start_epoch(at(2))
    np.testing.assert_allclose(method.targets, np.full((3, 3), 1 / 3), atol=1e-6)


def test_targets_stay_within_an_epoch(table_student, row_batch) -> None:
    method = built()
    see(method, table_student, row_batch)
    np.testing.assert_allclose(method.targets, np.full((3, 3), 1 / 3), atol=1e-6)


def test_the_first_epoch_smooths_evenly(table_student, row_batch) -> None:
    method = built(alpha=0.5)
    method.start_epoch(at(0))
    z = torch.tensor(Z, dtype=torch.float, requires_grad=True)
    terms = method.loss(table_student(z), row_batch([0, 1, 2, 3], LABELS), at(0))
    (terms["ce"] + terms["soft_ce"]).backward()
    q = 0.5 * np.eye(3)[LABELS] + 0.5 / 3
    np.testing.assert_allclose(z.grad, (softmax(Z) - q) / 4, atol=1e-6)


def test_as_coded_for_cifar_the_first_epoch_has_no_soft_targets(table_student, row_batch) -> None:
    method = built(first="zeros")
    method.start_epoch(at(0))
    batch = row_batch([0, 1, 2, 3], LABELS)
    assert method.loss(table_student(torch.tensor(Z)), batch, at(0))["soft_ce"] == 0
    method.start_epoch(at(1))
    np.testing.assert_allclose(method.targets[0], np.full(3, 1 / 3), atol=1e-6)


def test_a_confident_row_is_kept_if_asked(table_student, row_batch) -> None:
    method = built(keep_above=0.65)
    method.targets.copy_(torch.tensor(SOFT))  # the largest entries: 0.6, 0.7, 0.5
    see(method, table_student, row_batch)
    method.start_epoch(at(1))
    expected = np.stack([np.full(3, 1 / 3), SOFT[1], softmax(Z)[1]])
    np.testing.assert_allclose(method.targets, expected, atol=1e-6)


def test_it_remembers_two_matrices_and_a_count_of_the_classes() -> None:
    assert {name: tuple(b.shape) for name, b in built().named_buffers()} == {
        "targets": (3, 3), "sums": (3, 3), "counts": (3,),
    }  # fmt: skip
    assert list(built().parameters()) == []


def test_with_alpha_one_it_is_cross_entropy_to_the_bit(new_rig) -> None:
    ols, ce = new_rig("ols", alpha=1.0), new_rig("cross_entropy")
    for _ in zip(ols.train(), ce.train(), strict=True):
        for one, other in zip(ols.student.parameters(), ce.student.parameters(), strict=True):
            assert torch.equal(one.grad, other.grad)
