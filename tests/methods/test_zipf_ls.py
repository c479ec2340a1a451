"""Zipf's LS: votes, ranks with ties, and a distribution over the classes that are not the label."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from raskd_bench.method import Setting
from raskd_bench.methods.zipf_ls import ZipfLS, ranks

Z = np.array([[1.0, 2.0, 0.0, 0.5], [0.0, -1.0, 3.0, 0.2]])
LABELS = [1, 0]
# 2 x 2 positions that score one class each: 3 votes for class 2 and 1 for class 1; 2 for 0 and 3
CHOSEN = [[2, 1, 2, 2], [0, 3, 3, 0]]
# with the label ranked along: ranks (3, 2, 1, 3) and (1, 3, 3, 1)
ZIPF = np.array([[1 / 3, 0, 1, 1 / 3], [0, 1 / 3, 1 / 3, 1]])
ZIPF /= ZIPF.sum(axis=1, keepdims=True)


def rest_log_softmax(i: int):
    """Return log-softmax over the classes that are not image i's label, and these classes."""
    classes = [c for c in range(4) if c != LABELS[i]]
    return Z[i, classes] - np.log(np.exp(Z[i, classes]).sum()), classes


def slow_kl(q, i: int) -> float:
    log_p, classes = rest_log_softmax(i)
    return sum(q[i, c] * (np.log(q[i, c]) - log_p[n]) for n, c in enumerate(classes) if q[i, c] > 0)


def slow_gradient(q, i: int):
    grad = np.zeros(4)
    log_p, classes = rest_log_softmax(i)
    for n, c in enumerate(classes):
        grad[c] = np.exp(log_p[n]) - q[i, c]
    return grad


@pytest.fixture
def new_student(table_student):
    """Return a maker of a student whose classifier reads a position's channels as its scores."""

    class Dense(table_student):
        def classify(self, embeddings):
            return embeddings

    def make(requires_grad: bool = True):
        z = torch.tensor(Z, requires_grad=requires_grad)
        maps = F.one_hot(torch.tensor(CHOSEN), 4).double().reshape(2, 2, 2, 4).permute(0, 3, 1, 2)
        return Dense(z, features=(maps.contiguous().requires_grad_(requires_grad),))

    return make


def test_equation(new_student, row_batch, start) -> None:
    student = new_student()
    method = ZipfLS(lam=0.5, upsample=False)
    terms = method.loss(student, row_batch([0, 1], LABELS), start)
    kl = [slow_kl(ZIPF, i) for i in range(2)]
    assert terms["kd"].item() == pytest.approx(0.5 * np.mean(kl), rel=1e-6)
    terms["kd"].backward()
    expected = 0.5 * np.stack([slow_gradient(ZIPF, i) for i in range(2)]) / 2
    np.testing.assert_allclose(student.logits.grad, expected, atol=1e-7)
    assert student.features[0].grad is None


def test_the_supervised_term_is_cross_entropy(new_student, row_batch, start) -> None:
    student = new_student()
    terms = ZipfLS(upsample=False).loss(student, row_batch([0, 1], LABELS), start)
    expected = F.cross_entropy(student.logits, torch.tensor(LABELS))
    assert terms["ce"].item() == pytest.approx(expected.item(), rel=1e-12)


def test_the_label_learns_nothing_from_the_ranks(new_student, row_batch, start) -> None:
    student = new_student()
    ZipfLS(upsample=False).loss(student, row_batch([0, 1], LABELS), start)["kd"].backward()
    assert student.logits.grad[[0, 1], LABELS].count_nonzero() == 0
    assert student.logits.grad.sum(dim=1).abs().max() < 1e-7


def test_ranked_by_logits_no_class_has_the_labels_rank(new_student, row_batch, start) -> None:
    student = new_student()
    terms = ZipfLS(ranking="logits", lam=1.0).loss(student, row_batch([0, 1], LABELS), start)
    q = np.array([[1, 0, 1 / 3, 1 / 2], [0, 1 / 3, 1, 1 / 2]]) / (1 + 1 / 2 + 1 / 3)
    assert terms["kd"].item() == pytest.approx(np.mean([slow_kl(q, i) for i in range(2)]), rel=1e-6)


@pytest.mark.parametrize("ranking", ["dense", "logits"])
def test_targets_are_a_distribution_over_the_other_classes(new_rig, ranking: str) -> None:
    rig = new_rig("zipf_ls", ranking=ranking)
    images, labels = rig.batch().views[0]
    q = rig.method.targets(rig.student, rig.student(images, labels), labels[:, None])
    np.testing.assert_allclose(q.sum(dim=1), np.ones(len(labels)), atol=1e-6)
    assert q.gather(1, labels[:, None]).count_nonzero() == 0
    assert not q.requires_grad


def test_equal_scores_share_the_smallest_of_their_ranks() -> None:
    scores = torch.tensor([[4.0, 3.0, 3.0, 2.0, 1.0], [0.0, 0.0, 5.0, 0.0, 7.0]])
    assert ranks(scores).tolist() == [[1, 2, 2, 4, 5], [3, 3, 2, 3, 1]]


def test_ranks_are_one_plus_the_number_of_larger_scores() -> None:
    scores = np.random.default_rng(0).integers(6, size=(7, 20))
    expected = 1 + (scores[:, None, :] > scores[:, :, None]).sum(axis=2)
    np.testing.assert_array_equal(ranks(torch.tensor(scores)), expected)


def test_each_position_has_one_vote(new_student) -> None:
    student = new_student(requires_grad=False)
    votes = ZipfLS(upsample=False).votes(student, student.features[0], student.logits)
    assert votes.tolist() == [[0, 1, 3, 0], [2, 0, 0, 2]]


def test_upsampling_gives_four_times_as_many_votes(new_student) -> None:
    student = new_student(requires_grad=False)
    votes = ZipfLS().votes(student, student.features[0], student.logits)
    assert votes.sum(dim=1).tolist() == [16, 16]


def test_the_logits_are_the_mean_of_the_positions_scores(new_rig) -> None:
    rig = new_rig("zipf_ls")
    output = rig.student(*rig.batch().views[0])
    scores = rig.student.classify(output.features[-1].permute(0, 2, 3, 1))
    torch.testing.assert_close(scores.mean(dim=(1, 2)), output.logits)


def test_only_images_that_are_predicted_right_may_count(new_student, row_batch, start) -> None:
    method = ZipfLS(lam=1.0, upsample=False, correct_only=True)
    terms = method.loss(new_student(), row_batch([0, 1], LABELS), start)
    assert terms["kd"].item() == pytest.approx(slow_kl(ZIPF, 0), rel=1e-6)


def test_where_no_image_is_predicted_right_none_counts(new_student, row_batch, start) -> None:
    student = new_student()
    method = ZipfLS(upsample=False, correct_only=True)
    term = method.loss(student, row_batch([1], [0]), start)["kd"]
    term.backward()
    assert term == 0
    assert student.logits.grad.count_nonzero() == 0


def test_a_classifier_that_does_not_fit_the_last_map_is_refused() -> None:
    setting = Setting(3, 4, (2, 8), (1, 2), 16, torch.nn.Identity)
    with pytest.raises(ValueError, match=r"reads 16 channels .* map has 8: .*'ranking: log"):
        ZipfLS().build(setting)
    ZipfLS(ranking="logits").build(setting)


@pytest.mark.parametrize("ranking", ["dense", "logits"])
def test_without_lam_it_is_cross_entropy_to_the_bit(new_rig, ranking: str) -> None:
    zipf, ce = new_rig("zipf_ls", lam=0.0, ranking=ranking), new_rig("cross_entropy")
    for _ in zip(zipf.train(), ce.train(), strict=True):
        for one, other in zip(zipf.student.parameters(), ce.student.parameters(), strict=True):
            assert torch.equal(one.grad, other.grad)
