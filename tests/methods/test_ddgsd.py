"""DDGSD: two views of an image in one forward, each the other's teacher."""

import numpy as np
import pytest
import torch
from torch import nn

from raskd_bench.batch import Batch, View
from raskd_bench.methods.ddgsd import DDGSD, mean_discrepancy

A = np.array([[1.0, 2.0, 0.0], [0.0, -1.0, 3.0]])
B = np.array([[0.5, 0.0, -1.0], [2.0, 2.0, 1.0]])
G = np.array([[1.0, -2.0], [3.0, 0.5], [0.0, 1.0], [-1.0, 1.5]])
LABELS = [1, 0]
ONE_HOT = np.eye(3)[LABELS]


def softmax(values, temperature=1.0):
    e = np.exp(values / temperature)
    return e / e.sum(axis=1, keepdims=True)


def kl(q, p) -> float:
    return sum(q[i, c] * np.log(q[i, c] / p[i, c]) for i in range(2) for c in range(3)) / 2


def step(table_student, row_batch, start, method, a=A, b=B):
    """Return terms and leaves of a step whose views are rows 0, 1 and rows 2, 3."""
    z = torch.tensor(np.concatenate([a, b]), requires_grad=True)
    g = torch.tensor(G, requires_grad=True)
    views = tuple(row_batch(rows, LABELS).views[0] for rows in ([0, 1], [2, 3]))
    terms = method.loss(table_student(z, embeddings=g), Batch(views, torch.arange(2)), start)
    return terms, z, g


def test_equation(table_student, row_batch, start) -> None:
    method = DDGSD(lam=0.5, mu=0.1, temperature=2.0)
    terms, z, g = step(table_student, row_batch, start, method)
    ce = sum(-np.log((softmax(x) * ONE_HOT).sum(axis=1)).mean() for x in (A, B))
    a2, b2 = softmax(A, 2.0), softmax(B, 2.0)
    shift = G[:2].mean(axis=0) - G[2:].mean(axis=0)
    assert terms["ce"].item() == pytest.approx(ce, rel=1e-12)
    assert terms["kd"].item() == pytest.approx(0.5 * 4 * (kl(a2, b2) + kl(b2, a2)), rel=1e-12)
    assert terms["hint"].item() == pytest.approx(0.1 * (shift**2).sum(), rel=1e-6)
    torch.stack(list(terms.values())).sum().backward()
    by_a = (softmax(A) - ONE_HOT + 0.5 * 2 * (a2 - b2)) / 2
    by_b = (softmax(B) - ONE_HOT + 0.5 * 2 * (b2 - a2)) / 2
    np.testing.assert_allclose(z.grad, np.concatenate([by_a, by_b]), atol=1e-12)
    np.testing.assert_allclose(g.grad, np.outer([1, 1, -1, -1], 0.1 * shift), atol=1e-6)


def test_undetached_divergences_reach_both_views(table_student, row_batch, start) -> None:
    method = DDGSD(lam=1.0, temperature=2.0, detach=False)
    terms, z, _ = step(table_student, row_batch, start, method)
    detached, *_ = step(table_student, row_batch, start, DDGSD(temperature=2.0))
    assert terms["kd"].item() == pytest.approx(detached["kd"].item(), rel=1e-12)
    terms["kd"].backward()
    expected = np.zeros((4, 3))
    for index in np.ndindex(4, 3):  # central differences
        for sign in (1, -1):
            moved = np.concatenate([A, B])
            moved[index] += sign * 1e-5
            a2, b2 = softmax(moved[:2], 2.0), softmax(moved[2:], 2.0)
            expected[index] += sign * 4 * (kl(a2, b2) + kl(b2, a2)) / 2e-5
    np.testing.assert_allclose(z.grad, expected, atol=1e-8)


@pytest.mark.parametrize("detach", [True, False])
def test_views_that_agree_teach_nothing(detach, table_student, row_batch, start) -> None:
    method = DDGSD(detach=detach)
    terms, z, _ = step(table_student, row_batch, start, method, a=A, b=A)
    terms["kd"].backward()
    assert terms["kd"].item() == pytest.approx(0, abs=1e-12)
    assert z.grad.abs().max() < 1e-12


def test_the_discrepancy_is_between_vectors_not_their_means() -> None:
    a, b = torch.tensor([[1.0, -1.0]]), torch.tensor([[-1.0, 1.0]])
    assert mean_discrepancy(a, b).item() == 8.0


def test_both_views_share_one_forward_and_its_batch_statistics(new_rig) -> None:
    rig = new_rig("ddgsd", batch_size=8)
    rig.loss()
    norms = [m for m in rig.student.modules() if isinstance(m, nn.BatchNorm2d)]
    assert {int(norm.num_batches_tracked) for norm in norms} == {1}
    assert (rig.student.images_with_grad, rig.student.images_without_grad) == (16, 0)


def test_switched_off_it_is_the_cross_entropy_of_both_views(new_rig) -> None:
    ddgsd, ce = new_rig("ddgsd", lam=0.0, mu=0.0), new_rig("cross_entropy")
    batch = ddgsd.batch()
    torch.stack(list(ddgsd.loss(batch).values())).sum().backward()
    both = View(*(torch.cat(parts) for parts in zip(*batch.views, strict=True)))
    (2 * ce.loss(Batch((both,), batch.ids.repeat(2)))["ce"]).backward()
    for one, other in zip(ddgsd.student.parameters(), ce.student.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=0, atol=0)
