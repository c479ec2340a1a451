"""LWR: two tables, when one becomes the other, and how the weights move."""

import math

import numpy as np
import pytest
import torch

from raskd_bench.batch import Progress
from raskd_bench.method import Setting
from raskd_bench.methods.lwr import LWR

Z = np.array([[1.0, 2.0, 0.0], [0.0, -1.0, 3.0]])
STORED = np.array([[0.5, 0.0, -1.0], [2.0, 2.0, 1.0]])
LABELS = [1, 0]
T = 2.0


def softmax(values, temperature=1.0):
    e = np.exp(values / temperature)
    return e / e.sum(axis=1, keepdims=True)


def built(samples: int = 4, **hparams) -> LWR:
    method = LWR(temperature=T, **hparams)
    method.build(Setting(3, samples, (1,), (1,), 3, torch.nn.Identity))
    return method.double()


def at(epoch: int, epochs: float = 10) -> Progress:
    return Progress(0, epoch, epochs, 0.0)


def step(method: LWR, table_student, row_batch, progress: Progress, logits=Z, ids=(0, 1)):
    z = torch.tensor(logits, requires_grad=True)
    terms = method.loss(table_student(z), row_batch([0, 1], LABELS, ids=list(ids)), progress)
    torch.stack(list(terms.values())).sum().backward()
    return {name: term.item() for name, term in terms.items()}, z.grad.numpy()


def ce_gradient():
    return (softmax(Z) - np.eye(3)[LABELS]) / 2


def test_equation(table_student, row_batch) -> None:
    method = built(k=2, gamma=0.2)
    method.targets[[3, 1]] = torch.tensor(STORED)
    terms, grad = step(method, table_student, row_batch, at(epoch=6), ids=(3, 1))
    b = (1 - 0.2) * 6 / 10  # the seventh epoch: c = 6
    p, p_t, q_t = softmax(Z), softmax(Z, T), softmax(STORED, T)
    ce = -np.mean([np.log(p[0, 1]), np.log(p[1, 0])])
    kl = sum(q_t[i, c] * np.log(q_t[i, c] / p_t[i, c]) for i in range(2) for c in range(3)) / 2
    assert terms == pytest.approx({"ce": (1 - b) * ce, "kd": b * T**2 * kl}, rel=1e-6)
    expected = (1 - b) * ce_gradient() + b * T * (p_t - q_t) / 2
    np.testing.assert_allclose(grad, expected, atol=1e-7)


def test_epochs_up_to_k_are_cross_entropy(table_student, row_batch) -> None:
    method = built(k=3)
    for epoch in range(3):
        method.start_epoch(at(epoch))
        for _ in range(2):
            terms, grad = step(method, table_student, row_batch, at(epoch))
            assert terms["kd"] == 0
            np.testing.assert_allclose(grad, ce_gradient(), atol=1e-12)
    method.start_epoch(at(3))
    terms, _ = step(method, table_student, row_batch, at(3), logits=STORED)
    assert terms["kd"] > 0


def test_targets_change_only_after_an_epoch_that_k_divides(table_student, row_batch) -> None:
    method = built(k=2)
    kept = []
    for epoch in range(6):
        method.start_epoch(at(epoch))
        kept.append(method.targets[0, 0].item())
        step(method, table_student, row_batch, at(epoch), logits=Z + epoch + 1)
    first = Z[0, 0]
    assert kept == [0, 0, first + 2, first + 2, first + 4, first + 4]


def test_rows_are_written_at_their_own_ids_without_gradient(table_student, row_batch) -> None:
    method = built(samples=5)
    step(method, table_student, row_batch, at(0), ids=(4, 2))
    np.testing.assert_allclose(method.latest[[4, 2]], Z)
    assert method.latest[[0, 1, 3]].count_nonzero() == 0
    assert not method.latest.requires_grad


def test_an_image_without_targets_is_left_to_its_label(table_student, row_batch) -> None:
    method = built(k=1)
    method.targets[0] = torch.tensor(STORED[0])
    _, grad = step(method, table_student, row_batch, at(8))
    np.testing.assert_allclose(grad[1], ce_gradient()[1], atol=1e-12)
    assert np.abs(grad[0] - ce_gradient()[0]).max() > 0.01


def test_an_image_that_a_block_left_out_keeps_its_earlier_targets(table_student, row_batch) -> None:
    method = built(k=1)
    step(method, table_student, row_batch, at(0), ids=(0, 1))
    step(method, table_student, row_batch, at(1), logits=STORED, ids=(1, 2))
    method.start_epoch(at(2))
    np.testing.assert_allclose(method.targets[:3], [Z[0], STORED[0], STORED[1]])


@pytest.mark.parametrize(
    ("epoch", "epochs", "c"), [(4, 200, 5), (8, 200, 5), (9, 200, 10), (199, 200, 200)]
)
def test_the_weight_grows_in_steps_of_k(epoch: int, epochs: int, c: int) -> None:
    assert LWR(k=5, gamma=0.1).weight(at(epoch, epochs)) == pytest.approx(0.9 * c / epochs)


def test_the_weight_may_wait_for_its_targets() -> None:
    method = LWR(k=5, gamma=0.1, ahead=False)
    weights = [method.weight(at(epoch, 200)) for epoch in (4, 5, 9, 10)]
    assert weights == pytest.approx([0, 0.9 * 5 / 200, 0.9 * 5 / 200, 0.9 * 10 / 200])


def test_the_official_codes_horizon_ends_at_three_quarters() -> None:
    """loops.py at 74ddd37 divides by 240, train_LWR.py trains for 200 epochs."""
    method = LWR(k=5, gamma=0.1, horizon=1.2)
    assert method.weight(at(199, 200)) == pytest.approx(200 / 240 * 0.9)


def test_the_weight_is_never_above_its_end() -> None:
    assert LWR(k=1, gamma=0.1).weight(at(3, 2.5)) == pytest.approx(0.9)


def test_while_the_end_is_unknown_it_is_cross_entropy(table_student, row_batch) -> None:
    method = built(k=1)
    method.targets[:2] = torch.tensor(STORED)
    _, grad = step(method, table_student, row_batch, at(0, math.inf))
    np.testing.assert_allclose(grad, ce_gradient(), atol=1e-12)


def test_it_remembers_two_tables_of_the_images() -> None:
    buffers = dict(built(samples=7).named_buffers())
    shapes = {name: tuple(buffer.shape) for name, buffer in buffers.items()}
    assert shapes == {"targets": (7, 3), "latest": (7, 3)}


def test_with_gamma_one_it_is_cross_entropy(new_rig) -> None:
    lwr, ce = new_rig("lwr", gamma=1.0, k=1), new_rig("cross_entropy")
    for one, other in zip(lwr.train(), ce.train(), strict=True):
        torch.testing.assert_close(one["ce"], other["ce"])
        assert one["kd"] == 0
    for one, other in zip(lwr.student.parameters(), ce.student.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
