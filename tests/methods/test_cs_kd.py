"""CS-KD: partners of the same class, seen in training mode and without gradient."""

import numpy as np
import pytest
import torch
from torch import nn

from raskd_bench.batch import Batch, View
from raskd_bench.method import shuffled_batches
from raskd_bench.methods.cs_kd import CSKD

Z = np.array([[1.0, 2.0, 0.0], [0.0, -1.0, 3.0]])
PARTNERS = np.array([[0.5, 0.0, -1.0], [2.0, 2.0, 1.0]])
LABELS = [1, 0]


def softmax(values, temperature=1.0):
    e = np.exp(values / temperature)
    return e / e.sum(axis=1, keepdims=True)


def test_equation(table_student, row_batch, start) -> None:
    z = torch.tensor(np.concatenate([Z, PARTNERS]), requires_grad=True)
    batch = row_batch([0, 1, 2, 3], LABELS * 2)
    terms = CSKD(weight=0.5, temperature=2.0).loss(table_student(z), batch, start)
    p, p2, q2 = softmax(Z), softmax(Z, 2.0), softmax(PARTNERS, 2.0)
    ce = -np.mean([np.log(p[0, 1]), np.log(p[1, 0])])
    kl = sum(q2[i, c] * np.log(q2[i, c] / p2[i, c]) for i in range(2) for c in range(3)) / 2
    assert terms["ce"].item() == pytest.approx(ce, rel=1e-12)
    assert terms["kd"].item() == pytest.approx(0.5 * 2.0**2 * kl, rel=1e-12)
    (terms["ce"] + terms["kd"]).backward()
    expected = (p - np.eye(3)[LABELS] + 0.5 * 2.0 * (p2 - q2)) / 2
    np.testing.assert_allclose(z.grad[:2], expected, atol=1e-12)
    assert z.grad[2:].count_nonzero() == 0


def test_partner_has_the_anchors_class() -> None:
    labels = np.random.default_rng(1).integers(7, size=100)
    for indices in CSKD().sample(labels, 16, np.random.default_rng(0)):
        assert len(indices) == 32
        np.testing.assert_array_equal(labels[indices[:16]], labels[indices[16:]])


def test_partners_are_drawn_uniformly_from_the_class_itself_included() -> None:
    labels = np.array([0, 1, 0, 1, 0])
    rng = np.random.default_rng(0)
    counts = np.zeros((5, 5))
    for _ in range(3000):
        ((*anchors, a, b, c, d, e),) = CSKD().sample(labels, 5, rng)
        for anchor, partner in zip(anchors, (a, b, c, d, e), strict=True):
            counts[anchor, partner] += 1
    expected = (labels[:, None] == labels) / np.bincount(labels)[labels][:, None]
    np.testing.assert_allclose(counts / 3000, expected, atol=0.04)


def test_primaries_are_the_baselines_batches() -> None:
    labels = np.arange(50) % 3
    expected = shuffled_batches(50, 8, np.random.default_rng(4))
    found = CSKD().sample(labels, 8, np.random.default_rng(4))
    for indices, primaries in zip(found, expected, strict=True):
        np.testing.assert_array_equal(indices[:8], primaries)


def test_a_class_without_images_is_no_obstacle() -> None:
    labels = np.array([3, 3, 1, 1])
    (indices,) = CSKD().sample(labels, 4, np.random.default_rng(0))
    np.testing.assert_array_equal(labels[indices[:4]], labels[indices[4:]])


def test_running_statistics_move_twice_a_step(new_rig) -> None:
    rig = new_rig("cs_kd")
    rig.loss()
    norms = [m for m in rig.student.modules() if isinstance(m, nn.BatchNorm2d)]
    assert {int(norm.num_batches_tracked) for norm in norms} == {2}


def test_no_gradient_comes_from_partner_images(new_rig) -> None:
    rig = new_rig("cs_kd")
    batch = rig.batch()
    images = batch.views[0].images.requires_grad_()
    rig.loss(batch)["kd"].backward()
    half = len(images) // 2
    assert images.grad[:half].abs().min(dim=0).values.max() > 0
    assert images.grad[half:].count_nonzero() == 0


def test_the_student_counts_both_halves(new_rig) -> None:
    rig = new_rig("cs_kd", batch_size=8)
    rig.loss()
    assert (rig.student.images_with_grad, rig.student.images_without_grad) == (8, 8)


def test_without_weight_it_is_cross_entropy_on_the_primaries(new_rig) -> None:
    cs_kd, ce = new_rig("cs_kd", weight=0.0), new_rig("cross_entropy")
    both = cs_kd.batch()
    images, targets = (tensor[:8] for tensor in both.views[0])
    torch.stack(list(cs_kd.loss(both).values())).sum().backward()
    ce.loss(Batch((View(images, targets),), both.ids[:8]))["ce"].backward()
    for one, other in zip(cs_kd.student.parameters(), ce.student.parameters(), strict=True):
        assert torch.equal(one.grad, other.grad)
