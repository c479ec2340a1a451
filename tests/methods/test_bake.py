"""BAKE: targets propagated through the batch, and the sampler that fills it."""

import numpy as np
import pytest
import torch

from raskd_bench.errors import IncompatibleTrial
from raskd_bench.method import load_method
from raskd_bench.methods.bake import BAKE, companions_of, ensemble

Z = np.array([[1.0, 2.0, 0.0], [0.0, -1.0, 3.0], [0.5, 0.5, 1.0]])
G = np.array([[2.0, 1.0], [1.0, 1.5], [-1.0, 0.5]])
LABELS = [1, 2, 0]


def softmax(values, temperature=1.0):
    e = np.exp(values / temperature)
    return e / e.sum(axis=1, keepdims=True)


def slow_affinity(embeddings):
    size = len(embeddings)
    affinity = np.zeros((size, size))
    for i in range(size):
        for j in range(size):
            if i != j:
                norms = np.linalg.norm(embeddings[i]) * np.linalg.norm(embeddings[j])
                affinity[i, j] = np.exp(embeddings[i] @ embeddings[j] / norms)
        affinity[i] /= affinity[i].sum()
    return affinity


def slow_ensemble(embeddings, p, omega):
    inverse = np.linalg.inv(np.eye(len(p)) - omega * slow_affinity(embeddings))
    return (1 - omega) * inverse @ p


def random_rows(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_equation(table_student, row_batch, start) -> None:
    z = torch.tensor(Z, dtype=torch.float, requires_grad=True)
    g = torch.tensor(G, dtype=torch.float, requires_grad=True)
    method = BAKE(weight=0.5, omega=0.7, temperature=2.0)
    batch = row_batch([0, 1, 2], LABELS)
    terms = method.loss(table_student(z, embeddings=g), batch, start)
    p, one_hot = softmax(Z, 2.0), np.eye(3)[LABELS]
    q = slow_ensemble(G, p, 0.7)
    ce = -np.log((softmax(Z) * one_hot).sum(axis=1)).mean()
    kl = sum(q[i, c] * np.log(q[i, c] / p[i, c]) for i in range(3) for c in range(3)) / 3
    assert terms["ce"].item() == pytest.approx(ce, rel=1e-6)
    assert terms["kd"].item() == pytest.approx(0.5 * 4 * kl, rel=1e-4)
    (terms["ce"] + terms["kd"]).backward()
    expected = (softmax(Z) - one_hot + 0.5 * 2 * (p - q)) / 3
    np.testing.assert_allclose(z.grad, expected, atol=1e-6)
    assert g.grad is None


def test_targets_are_what_propagation_converges_to() -> None:
    p = softmax(Z)
    propagated, affinity = p, slow_affinity(G)
    for _ in range(200):
        propagated = 0.8 * affinity @ propagated + 0.2 * p
    found = ensemble(torch.tensor(G), torch.tensor(p), 0.8)
    np.testing.assert_allclose(found, propagated, atol=1e-6)


@pytest.mark.parametrize("omega", [0.0, 0.5, 0.9])
def test_targets_are_distributions_without_a_graph(omega) -> None:
    z = (30 * random_rows(32, 10)).requires_grad_()
    q = ensemble(random_rows(32, 6).requires_grad_(), torch.softmax(z, dim=1), omega)
    torch.testing.assert_close(q.sum(dim=1), torch.ones(32))
    assert q.min() >= 0
    assert not q.requires_grad


def test_without_omega_targets_are_the_predictions(table_student, row_batch, start) -> None:
    z = torch.tensor(Z, dtype=torch.float, requires_grad=True)
    student = table_student(z, embeddings=torch.tensor(G))
    BAKE(omega=0.0).loss(student, row_batch([0, 1, 2], LABELS), start)["kd"].backward()
    assert z.grad.abs().max() < 1e-7


def test_the_system_is_solved_in_float32_under_autocast() -> None:
    g, p = random_rows(16, 8), torch.softmax(random_rows(16, 5), dim=1)
    expected = ensemble(g, p, 0.9)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(ensemble(g, p, 0.9), expected)


def test_omega_of_one_is_refused() -> None:
    with pytest.raises(IncompatibleTrial, match="omega must be below 1"):
        load_method("bake", {"omega": 1.0})


def test_a_batch_is_anchors_then_others_of_their_classes() -> None:
    labels = np.random.default_rng(1).integers(5, size=90)
    for indices in BAKE(others=3).sample(labels, 32, np.random.default_rng(0)):
        anchors, companions = indices[:8], indices[8:].reshape(8, 3)
        for anchor, group in zip(anchors, companions, strict=True):
            assert set(labels[group]) == {labels[anchor]}
            assert len({anchor, *group}) == 4


@pytest.mark.parametrize(("others", "steps"), [(3, 8), (1, 4)])
def test_an_epoch_anchors_every_image_once(others, steps) -> None:
    labels = np.arange(64) % 4
    lists = BAKE(others=others).sample(labels, 32, np.random.default_rng(0))
    anchors = np.concatenate([indices[: 32 // (others + 1)] for indices in lists])
    assert [len(indices) for indices in lists] == [32] * steps
    assert sorted(anchors) == list(range(64))


def test_companions_are_drawn_uniformly() -> None:
    labels = np.array([0, 1, 0, 0, 0, 1])
    rng, counts = np.random.default_rng(0), np.zeros((6, 6))
    for _ in range(3000):
        for image, group in enumerate(companions_of(labels, 2, rng)):
            counts[image, group] += 1
    same = (labels[:, None] == labels) & ~np.eye(6, dtype=bool)
    expected = np.where(labels[:, None] == 0, 2 / 3, 1) * same
    np.testing.assert_allclose(counts[labels == 0] / 3000, expected[labels == 0], atol=0.04)
    np.testing.assert_array_equal(counts[labels == 1] > 0, same[labels == 1])


def test_a_class_that_is_too_small_gives_images_twice() -> None:
    labels = np.array([3, 1, 3, 0])
    companions = companions_of(labels, 3, np.random.default_rng(0))
    np.testing.assert_array_equal(companions, [[2] * 3, [1] * 3, [0] * 3, [3] * 3])


def test_a_batch_smaller_than_a_group_holds_one_group() -> None:
    lists = BAKE(others=3).sample(np.arange(12) % 2, 2, np.random.default_rng(0))
    assert [len(indices) for indices in lists] == [4] * 12


def test_without_weight_it_is_cross_entropy_on_its_batch(new_rig) -> None:
    bake, ce = new_rig("bake", weight=0.0), new_rig("cross_entropy")
    batch = bake.batch()
    torch.stack(list(bake.loss(batch).values())).sum().backward()
    ce.loss(batch)["ce"].backward()
    for one, other in zip(bake.student.parameters(), ce.student.parameters(), strict=True):
        assert torch.equal(one.grad, other.grad)
