"""DLB: what one step keeps for the next, and how batches overlap."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from raskd_bench.batch import Batch
from raskd_bench.method import Setting, shuffled_batches
from raskd_bench.methods.dlb import DLB

FIRST = np.array([[0.5, 0.0, -1.0], [2.0, 2.0, 1.0]])
SECOND = np.array([[1.0, 2.0, 0.0], [0.0, -1.0, 3.0]])
AGAIN = np.array([[0.0, 0.5, 2.0], [-1.0, 1.0, 0.0]])
OVERLAPS = ("code", "paper")


def softmax(values, temperature=1.0):
    e = np.exp(values / temperature)
    return e / e.sum(axis=1, keepdims=True)


def built(**hparams) -> DLB:
    method = DLB(**hparams)
    method.build(Setting(3, 4, (1,), (1,), 3, torch.nn.Identity))
    return method


def two_views(row_batch, rows, others, labels, ids) -> Batch:
    views = tuple(row_batch(part, labels).views[0] for part in (rows, others))
    return Batch(views, torch.tensor(ids))


def two_steps(table_student, row_batch, start, method):
    """Step on rows 0, 1 of classes 1, 0; then on rows 2, 3, both of class 2, beside rows 4, 5."""
    z = torch.tensor(np.concatenate([FIRST, SECOND, AGAIN]), requires_grad=True)
    student = table_student(z)
    method.loss(student, two_views(row_batch, [0, 1], [4, 5], [1, 0], [0, 1]), start)
    batch = two_views(row_batch, [2, 3], [0, 0], [2, 2], [2, 3])
    return method.loss(student, batch, start), z


@pytest.mark.parametrize("overlap", OVERLAPS)
def test_equation(overlap, table_student, row_batch, start) -> None:
    method = built(alpha=0.5, temperature=2.0, overlap=overlap)
    terms, z = two_steps(table_student, row_batch, start, method)
    shown, one_hot = np.concatenate([SECOND, AGAIN]), np.eye(3)[[2, 2, 1, 0]]
    ce = -np.log((softmax(shown) * one_hot).sum(axis=1)).mean()
    q, p = softmax(FIRST, 2.0), softmax(AGAIN, 2.0)
    kl = sum(q[i, c] * np.log(q[i, c] / p[i, c]) for i in range(2) for c in range(3)) / 2
    assert terms["ce"].item() == pytest.approx(ce, rel=1e-12)
    assert terms["kd"].item() == pytest.approx(0.5 * 4 * kl, rel=1e-12)
    (terms["ce"] + terms["kd"]).backward()
    expected = (softmax(shown) - one_hot) / 4
    expected[2:] += 0.5 * 2 * (p - q) / 2
    np.testing.assert_allclose(z.grad[2:], expected, atol=1e-12)
    assert z.grad[:2].count_nonzero() == 0


def test_the_first_step_is_cross_entropy_to_the_bit(new_rig) -> None:
    dlb, ce = new_rig("dlb"), new_rig("cross_entropy")
    terms, baseline = next(dlb.train()), next(ce.train())
    assert set(terms) == {"ce"}
    assert torch.equal(terms["ce"], baseline["ce"])
    for one, other in zip(dlb.student.parameters(), ce.student.parameters(), strict=True):
        assert torch.equal(one.grad, other.grad)


@pytest.mark.parametrize("overlap", OVERLAPS)
def test_targets_are_the_last_steps_logits_before_its_update(new_rig, overlap) -> None:
    rig = new_rig("dlb", overlap=overlap)
    optimizer = torch.optim.SGD(rig.student.parameters(), lr=0.5)
    before = copy.deepcopy(rig.student)
    batch = rig.batch()
    rig.loss(batch)["ce"].backward()
    optimizer.step()
    expected = before(*batch.views[0]).logits
    assert torch.equal(rig.method.logits, expected)
    assert not torch.allclose(rig.student(*batch.views[0]).logits, expected)
    assert rig.method.logits.grad_fn is None


def test_the_second_view_waits_for_the_next_step(new_rig) -> None:
    rig = new_rig("dlb")
    seen = []
    for batch in rig.batches():
        rig.student.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
        rig.loss(batch)
        rig.student._forward_pre_hooks.clear()
    first, second = rig.batches()
    expected = [first.views[0], second.views[0], first.views[1]]
    assert len(seen) == 3
    assert all(
        torch.equal(images, view.images) for images, view in zip(seen, expected, strict=True)
    )
    assert torch.equal(rig.method.images, second.views[1].images)
    assert torch.equal(rig.method.labels, rig.labels[second.ids])


def test_the_last_batch_of_an_epoch_teaches_the_next_epochs_first(new_rig) -> None:
    rig = new_rig("dlb", batch_size=16)
    assert [set(terms) for terms in rig.train(epochs=2)] == [{"ce"}, {"ce", "kd"}]


@pytest.mark.parametrize(("overlap", "norm_updates", "images"), [("code", 3, 24), ("paper", 2, 12)])
def test_the_code_runs_two_forwards_where_the_paper_runs_one(
    new_rig, overlap, norm_updates, images
) -> None:
    rig = new_rig("dlb", overlap=overlap, batch_size=8)
    for batch, _ in zip(rig.batches(), range(2), strict=False):
        rig.loss(batch)
    norms = [m for m in rig.student.modules() if isinstance(m, nn.BatchNorm2d)]
    assert {int(norm.num_batches_tracked) for norm in norms} == {norm_updates}
    assert rig.student.images_with_grad == images


@pytest.mark.parametrize(("overlap", "size", "steps"), [("code", 8, 5), ("paper", 4, 10)])
def test_half_of_the_papers_batch_is_new(overlap, size, steps) -> None:
    lists = DLB(overlap=overlap).sample(np.zeros(40, np.int64), 8, np.random.default_rng(0))
    expected = shuffled_batches(40, size, np.random.default_rng(0))
    assert [len(indices) for indices in lists] == [size] * steps
    np.testing.assert_array_equal(lists, expected)


@pytest.mark.parametrize("overlap", OVERLAPS)
def test_an_image_is_seen_twice_an_epoch(new_rig, overlap) -> None:
    rig = new_rig("dlb", overlap=overlap, batch_size=8)
    for _ in rig.train(epochs=1):
        pass
    size = 8 if overlap == "code" else 4
    assert rig.student.images_with_grad == 2 * 16 - size  # the last batch's turn is still to come


def test_a_batch_of_one_is_not_halved() -> None:
    lists = DLB(overlap="paper").sample(np.zeros(3, np.int64), 1, np.random.default_rng(0))
    assert [len(indices) for indices in lists] == [1, 1, 1]


@pytest.mark.parametrize("overlap", OVERLAPS)
def test_switched_off_it_is_the_cross_entropy_of_both_parts(
    overlap, table_student, row_batch, start
) -> None:
    terms, z = two_steps(table_student, row_batch, start, built(alpha=0.0, overlap=overlap))
    (terms["ce"] + terms["kd"]).backward()
    expected = (softmax(np.concatenate([SECOND, AGAIN])) - np.eye(3)[[2, 2, 1, 0]]) / 4
    np.testing.assert_allclose(z.grad[2:], expected, atol=1e-12)
