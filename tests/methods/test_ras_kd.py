"""RAS-KD: what the reconstruction promises of its targets, its detached sides and its switches."""

import numpy as np
import pytest
import torch

from raskd_bench.method import Setting
from raskd_bench.methods.ras_kd import RASKD

Z = np.array([[1.0, 2.0, 0.0], [0.0, -1.0, 3.0]])
E = np.array([[2.0, 1.0], [-1.0, 0.5]])
V = np.array([[1.0, 0.0], [0.6, 0.8], [-1.0, 1.0]])
LABELS = [1, 0]
ONE_HOT = np.eye(3)[LABELS]


def softmax(values, temperature=1.0):
    e = np.exp(values / temperature)
    return e / e.sum(axis=1, keepdims=True)


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def slow_relation(vectors, tau: float, cosine: bool = True):
    relation = np.zeros((3, 3))
    for i in range(3):
        for j in range(3):
            if i != j:
                norms = np.linalg.norm(vectors[i]) * np.linalg.norm(vectors[j]) if cosine else 1.0
                relation[i, j] = np.exp(vectors[i] @ vectors[j] / norms / tau)
        relation[i] /= relation[i].sum()
    return relation


def built(num_classes: int = 3, size: int = 2, **hparams) -> RASKD:
    torch.manual_seed(0)
    method = RASKD(**hparams)
    method.build(Setting(num_classes, 4, (size,), (1,), size, torch.nn.Identity))
    if method.auxiliary is not None and V.shape == method.auxiliary.shape:
        method.auxiliary.data = torch.tensor(V, dtype=torch.float)
    return method


def new_student(table_student, class_weights=None):
    leaves = [torch.tensor(x, dtype=torch.float, requires_grad=True) for x in (Z, E)]
    return table_student(leaves[0], embeddings=leaves[1], class_weights=class_weights)


def gradients(term, *leaves):
    return torch.autograd.grad(term, leaves, retain_graph=True, allow_unused=True)


def test_equation(table_student, row_batch, start) -> None:
    epsilon, tau, scale, beta, temperature = 0.3, 0.5, 2.0, 0.7, 3.0
    method = built(epsilon=epsilon, tau=tau, scale=scale, beta=beta, temperature=temperature)
    student = new_student(table_student)
    terms = method.loss(student, row_batch([0, 1], LABELS), start)
    targets = (1 - epsilon) * ONE_HOT + epsilon * slow_relation(V, tau)[LABELS]
    a = scale * unit(E) @ unit(V).T
    q2, p2 = softmax(a, temperature), softmax(Z, temperature)
    soft_ce = -(targets * np.log(softmax(Z))).sum() / 2
    aux = -(ONE_HOT * np.log(softmax(a))).sum() / 2
    kl = (q2 * np.log(q2 / p2)).sum() / 2
    assert terms["soft_ce"].item() == pytest.approx(soft_ce, rel=1e-5)
    assert terms["aux"].item() == pytest.approx(aux, rel=1e-5)
    assert terms["kd"].item() == pytest.approx(beta * temperature**2 * kl, rel=1e-5)
    (terms["soft_ce"] + terms["kd"]).backward()
    expected = (softmax(Z) - targets + beta * temperature * (p2 - q2)) / 2
    np.testing.assert_allclose(student.logits.grad, expected, atol=1e-6)


def test_the_auxiliary_classifiers_gradient(table_student, row_batch, start) -> None:
    method = built(scale=2.0)
    student = new_student(table_student)
    terms = method.loss(student, row_batch([0, 1], LABELS), start)
    (gradient,) = gradients(terms["aux"], method.auxiliary)
    expected = np.zeros_like(V)
    for index in np.ndindex(V.shape):  # central differences
        for sign in (1, -1):
            moved = V.copy()
            moved[index] += sign * 1e-4
            p = softmax(2.0 * unit(E) @ unit(moved).T)
            expected[index] -= sign * np.log(p[[0, 1], LABELS]).sum() / 2 / 2e-4
    np.testing.assert_allclose(gradient, expected, atol=1e-5)


@pytest.mark.parametrize("similarity", ["cosine", "dot"])
def test_relation(similarity: str) -> None:
    method = built(tau=0.4, similarity=similarity)
    relation = method.relation(method.directions(torch.tensor(V, dtype=torch.float)))
    expected = slow_relation(V, 0.4, cosine=similarity == "cosine")
    np.testing.assert_allclose(relation, expected, atol=1e-6)
    np.testing.assert_allclose(relation.sum(dim=1), np.ones(3), atol=1e-6)
    assert relation.diagonal().count_nonzero() == 0
    assert not relation.requires_grad


def test_inner_products_do_not_use_the_scale(table_student, row_batch, start) -> None:
    method = built(similarity="dot", scale=100.0)
    terms = method.loss(new_student(table_student), row_batch([0, 1], LABELS), start)
    expected = -np.log(softmax(E @ V.T)[[0, 1], LABELS]).mean()
    assert terms["aux"].item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("vectors", ["auxiliary", "class_means"])
def test_it_starts_as_label_smoothing_over_the_other_classes(vectors: str) -> None:
    method = built(num_classes=10, size=16, vectors=vectors)
    start = method.means if vectors == "class_means" else method.auxiliary
    expected = (torch.ones(10, 10) - torch.eye(10)) / 9
    relation = method.relation(method.directions(start))
    torch.testing.assert_close(relation, expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("vectors", ["auxiliary", "student", "class_means"])
def test_off_it_is_cross_entropy_to_the_bit(new_rig, vectors: str) -> None:
    ras_kd = new_rig("ras_kd", epsilon=0.0, beta=0.0, vectors=vectors)
    ce = new_rig("cross_entropy")
    for terms, _ in zip(ras_kd.train(), ce.train(), strict=True):
        assert set(terms) == ({"ce", "aux"} if vectors == "auxiliary" else {"ce"})
        for one, other in zip(ras_kd.student.parameters(), ce.student.parameters(), strict=True):
            assert torch.equal(one.grad, other.grad)
    states = ras_kd.student.state_dict(), ce.student.state_dict()
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[1])


@pytest.mark.parametrize("vectors", ["auxiliary", "student", "class_means"])
def test_switched_on_it_is_not_cross_entropy(new_rig, vectors: str) -> None:
    ras_kd, ce = new_rig("ras_kd", vectors=vectors), new_rig("cross_entropy")
    for _ in zip(ras_kd.train(), ce.train(), strict=True):
        pass
    pairs = zip(ras_kd.student.parameters(), ce.student.parameters(), strict=True)
    assert not any(torch.equal(one, other) for one, other in pairs)


def test_the_auxiliary_classifier_learns_from_labels_only(table_student, row_batch, start) -> None:
    method, student = built(beta=0.5), new_student(table_student)
    terms = method.loss(student, row_batch([0, 1], LABELS), start)
    assert gradients(terms["soft_ce"], method.auxiliary) == (None,)
    assert gradients(terms["kd"], method.auxiliary, student.embeddings) == (None, None)
    assert gradients(terms["kd"], student.logits)[0].count_nonzero() == 6
    assert gradients(terms["aux"], method.auxiliary)[0].abs().sum() > 0


@pytest.mark.parametrize("similarity", ["cosine", "dot"])
def test_detach_decides_whether_the_auxiliary_loss_reaches_the_student(
    table_student, row_batch, start, similarity: str
) -> None:
    for detach in (True, False):
        student = new_student(table_student)
        method = built(detach=detach, similarity=similarity)
        terms = method.loss(student, row_batch([0, 1], LABELS), start)
        (gradient,) = gradients(terms["aux"], student.embeddings)
        assert (gradient is None) == detach


def test_the_students_own_rows_are_used_without_gradient(table_student, row_batch, start) -> None:
    weights = torch.tensor(V, dtype=torch.float, requires_grad=True)
    method = built(epsilon=0.3, tau=0.5, vectors="student", beta=1.0)
    method.auxiliary.data = torch.tensor(V[::-1].copy(), dtype=torch.float)
    student = new_student(table_student, class_weights=weights)
    terms = method.loss(student, row_batch([0, 1], LABELS), start)
    targets = 0.7 * ONE_HOT + 0.3 * slow_relation(V, 0.5)[LABELS]
    expected = -(targets * np.log(softmax(Z))).sum() / 2
    assert terms["soft_ce"].item() == pytest.approx(expected, rel=1e-5)
    assert gradients(terms["soft_ce"], weights) == (None,)


def test_an_auxiliary_classifier_is_built_only_where_it_is_used() -> None:
    def count(**hparams) -> int:
        return sum(parameter.numel() for parameter in built(**hparams).parameters())

    assert count(vectors="student") == count(vectors="class_means") == 0
    assert (
        count() == count(vectors="student", beta=0.1) == count(vectors="class_means", beta=1) == 6
    )


def test_class_means_are_refreshed_when_an_epoch_starts(table_student, row_batch, start) -> None:
    method, student = built(vectors="class_means"), new_student(table_student)
    method.start_epoch(start)
    method.loss(student, row_batch([0, 1], [2, 0]), start)
    method.loss(student, row_batch([1, 1], [2, 2]), start)
    assert method.means.count_nonzero() == 0
    method.start_epoch(start)
    expected = np.stack([E[1], np.zeros(2), (E[0] + 2 * E[1]) / 3])
    np.testing.assert_allclose(method.means, expected, atol=1e-6)
    assert method.sums.count_nonzero() == 0
    assert not method.means.requires_grad


def test_a_class_that_was_not_seen_keeps_its_mean(table_student, row_batch, start) -> None:
    method, student = built(vectors="class_means"), new_student(table_student)
    for labels in ([0, 1], [2, 0]):
        method.loss(student, row_batch([0, 1], labels), start)
        method.start_epoch(start)
    np.testing.assert_allclose(method.means, np.stack([E[1], E[1], E[0]]), atol=1e-6)


def test_class_means_shape_the_targets(table_student, row_batch, start) -> None:
    method = built(epsilon=0.3, tau=0.5, vectors="class_means")
    method.means.copy_(torch.tensor(V))
    terms = method.loss(new_student(table_student), row_batch([0, 1], LABELS), start)
    targets = 0.7 * ONE_HOT + 0.3 * slow_relation(V, 0.5)[LABELS]
    expected = -(targets * np.log(softmax(Z))).sum() / 2
    assert terms["soft_ce"].item() == pytest.approx(expected, rel=1e-5)
