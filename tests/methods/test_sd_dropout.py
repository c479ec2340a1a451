"""SD-Dropout: two dropout samples of an embedding, and where their gradients go."""

import numpy as np
import pytest
import torch

from raskd_bench.methods.sd_dropout import SDDropout

Z = np.array([[1.0, 2.0, 0.0], [0.0, -1.0, 3.0]])
E = np.array([[2.0, 1.0, -1.0, 0.5], [-1.0, 0.5, 1.5, 3.0]])
W = np.array([[1.0, 0.0, 0.5, -1.0], [0.6, 0.8, -0.3, 0.2], [-1.0, 1.0, 0.0, 0.4]])
LABELS = [1, 0]
DROPOUT, T = 0.25, 2.0


def softmax(values, temperature=1.0):
    e = np.exp(values / temperature)
    return e / e.sum(axis=1, keepdims=True)


@pytest.fixture
def student(table_student):
    """Return a student that classifies embeddings by W, and keeps what it was asked."""

    class Classifying(table_student):
        def __init__(self) -> None:
            leaves = [torch.tensor(x, requires_grad=True) for x in (Z, E, W)]
            super().__init__(leaves[0], embeddings=leaves[1], class_weights=leaves[2])
            self.samples, self.scores = [], []

        def classify(self, embeddings):
            self.samples.append(embeddings)
            self.scores.append(embeddings @ self.class_weights.T)
            self.scores[-1].retain_grad()
            return self.scores[-1]

    torch.manual_seed(0)
    return Classifying()


def step(student, row_batch, start, **hparams):
    method = SDDropout(lam=0.5, dropout=DROPOUT, temperature=T, **hparams)
    terms = method.loss(student, row_batch([0, 1], LABELS), start)
    return terms, [scores.detach().numpy() for scores in student.scores]


def kl(p, q) -> float:
    return sum(p[i, c] * np.log(p[i, c] / q[i, c]) for i in range(2) for c in range(3)) / 2


def test_equation(student, row_batch, start) -> None:
    terms, (u1, u2) = step(student, row_batch, start)
    p1, p2, p = softmax(u1, T), softmax(u2, T), softmax(Z)
    assert terms["kd"].item() == pytest.approx(0.5 * T**2 * (kl(p1, p2) + kl(p2, p1)), rel=1e-9)
    ce = -np.mean([np.log(p[0, 1]), np.log(p[1, 0])])
    assert terms["ce"].item() == pytest.approx(ce, rel=1e-9)


def test_the_gradient_is_that_of_both_sides_of_both_divergences(student, row_batch, start) -> None:
    terms, (u1, u2) = step(student, row_batch, start)
    terms["kd"].backward()
    expected = np.zeros((2, 3))
    for index in np.ndindex(2, 3):  # central differences
        for sign in (1, -1):
            moved = u1.copy()
            moved[index] += sign * 1e-5
            p1, p2 = softmax(moved, T), softmax(u2, T)
            expected[index] += sign * 0.5 * T**2 * (kl(p1, p2) + kl(p2, p1)) / 2e-5
    np.testing.assert_allclose(student.scores[0].grad, expected, atol=1e-8)


def test_detached_a_sample_learns_only_where_it_is_taught(student, row_batch, start) -> None:
    terms, (u1, u2) = step(student, row_batch, start, detach=True)
    terms["kd"].backward()
    p1, p2 = softmax(u1, T), softmax(u2, T)
    np.testing.assert_allclose(student.scores[0].grad, 0.5 * T * (p1 - p2) / 2, atol=1e-12)
    np.testing.assert_allclose(student.scores[1].grad, 0.5 * T * (p2 - p1) / 2, atol=1e-12)


def test_samples_are_two_scaled_dropouts_of_the_embedding(student, row_batch, start) -> None:
    step(student, row_batch, start)
    for sample in student.samples:
        kept = sample.detach().numpy() != 0
        np.testing.assert_allclose(sample.detach(), E * kept / (1 - DROPOUT))
    assert not torch.equal(*student.samples)


def test_both_samples_reach_embedding_and_classifier(student, row_batch, start) -> None:
    terms, _ = step(student, row_batch, start)
    leaves = (student.embeddings, student.class_weights)
    gradients = torch.autograd.grad(terms["kd"], (*student.samples, *leaves))
    assert all(gradient.count_nonzero() > 0 for gradient in gradients)


def test_labels_teach_the_sample_without_dropout_only(student, row_batch, start) -> None:
    terms, _ = step(student, row_batch, start)
    terms["ce"].backward(retain_graph=True)
    expected = (softmax(Z) - np.eye(3)[LABELS]) / 2
    np.testing.assert_allclose(student.logits.grad, expected, atol=1e-12)
    assert student.embeddings.grad is None
    terms["kd"].backward()
    np.testing.assert_allclose(student.logits.grad, expected, atol=1e-12)


def test_in_evaluation_mode_there_is_nothing_to_learn(student, row_batch, start) -> None:
    method = SDDropout().eval()
    term = method.loss(student, row_batch([0, 1], LABELS), start)["kd"]
    assert torch.equal(*student.samples)
    assert term.item() == pytest.approx(0, abs=1e-12)


def test_one_forward_pass_serves_both_samples(new_rig) -> None:
    rig = new_rig("sd_dropout", batch_size=8)
    rig.loss()
    assert (rig.student.images_with_grad, rig.student.images_without_grad) == (8, 0)
    assert list(rig.method.parameters()) == list(rig.method.buffers()) == []


def test_without_lam_it_is_cross_entropy_to_the_bit(new_rig) -> None:
    sd_dropout, ce = new_rig("sd_dropout", lam=0.0), new_rig("cross_entropy")
    for _ in zip(sd_dropout.train(), ce.train(), strict=True):
        pairs = zip(sd_dropout.student.parameters(), ce.student.parameters(), strict=True)
        assert all(torch.equal(one.grad, other.grad) for one, other in pairs)
