"""USKD: labels made of squared confidence and of ranks, and the weak head that helps to rank."""

import numpy as np
import pytest
import torch

from raskd_bench.method import Setting
from raskd_bench.methods.uskd import USKD, log_odds, target_labels
from raskd_bench.students.build import new_backbone
from raskd_bench.tasks.classification import Classification

Z = np.array([[1.0, 2.0, 0.0, 0.5], [0.0, -1.0, 3.0, 2.0]])
W = np.array([[0.0, 0.5, 1.5, -1.0], [2.5, 1.0, 0.0, -2.0]])
LABELS = [1, 0]
ONE_HOT = np.eye(4)[LABELS]
RANKINGS = ("intended", "shipped")


def softmax(values):
    e = np.exp(values)
    return e / e.sum(axis=1, keepdims=True)


def slow_ranked(z, w, labels, ranking):
    """Return r by loops, as the paper's text and as the official code form the score."""
    s, weak, r = softmax(z), softmax(w), np.zeros_like(z)
    for i, t in enumerate(labels):
        if ranking == "intended":
            strong = s[i] / (1 - s[i, t])
        else:
            strong = np.log(s[i]) / (1 - np.log(s[i, t]))
        score = list(weak[i] / (1 - weak[i, t]) + strong)
        for k in range(z.shape[1]):
            rank = 1 + sum(other > score[k] for other in score)
            r[i, k] = 0 if k == t else 1 / rank
        r[i] /= r[i].sum()
    return r


def new_student(table_student):
    """Return a student whose second-to-last map, pooled, is W in the middle of three stages."""
    middle = torch.tensor(W)[:, :, None, None] + torch.tensor([[1.0, -1.0], [2.0, -2.0]])
    maps = (torch.zeros(2, 1, 1, 1), middle.requires_grad_(), torch.zeros(2, 2, 1, 1))
    return table_student(torch.tensor(Z, requires_grad=True), features=maps)


def built(**hparams) -> USKD:
    """Return a method whose weak head is the identity."""
    method = USKD(**hparams)
    method.build(
        Setting(4, 2, (1, 4, 2), (1, 1, 1), 4, lambda channels: torch.nn.Linear(channels, 4))
    )
    with torch.no_grad():
        method.head.weight.copy_(torch.eye(4))
        method.head.bias.zero_()
    return method.double()


@pytest.mark.parametrize("ranking", RANKINGS)
def test_equation(ranking, table_student, row_batch, start) -> None:
    alpha, beta, mu = 0.3, 0.7, 0.2
    student, method = (
        new_student(table_student),
        built(alpha=alpha, beta=beta, mu=mu, ranking=ranking),
    )
    terms = method.loss(student, row_batch([0, 1], LABELS), start)
    s, r, target, non_target = softmax(Z), slow_ranked(Z, W, LABELS, ranking), 0.0, 0.0
    confidence = s[[0, 1], LABELS]
    p = confidence**2 + 1 - (confidence**2).mean()
    hats = np.where(ONE_HOT == 1, 0, s) / (1 - confidence)[:, None]
    for i in range(2):
        target -= p[i] * np.log(confidence[i]) / 2
        non_target -= sum(r[i, k] * np.log(hats[i, k]) for k in range(4) if k != LABELS[i]) / 2
    weak = -((0.9 * ONE_HOT + 0.1 / 4) * np.log(softmax(W))).sum() / 2
    assert terms["ce"].item() == pytest.approx(-np.log(confidence).mean(), rel=1e-12)
    assert terms["target"].item() == pytest.approx(alpha * target, rel=1e-12)
    assert terms["non_target"].item() == pytest.approx(beta * non_target, rel=1e-6)
    assert terms["aux"].item() == pytest.approx(mu * weak, rel=1e-12)
    torch.stack(list(terms.values())).sum().backward()
    expected = ((1 + alpha * p[:, None]) * (s - ONE_HOT) + beta * (hats - r)) / 2
    np.testing.assert_allclose(student.logits.grad, expected, atol=1e-7)
    by_weak = mu * (softmax(W) - 0.9 * ONE_HOT - 0.1 / 4) / 2
    pooled_grad = student.features[1].grad.sum(dim=(2, 3))
    np.testing.assert_allclose(pooled_grad, by_weak, atol=1e-12)


@pytest.mark.parametrize("ranking", RANKINGS)
@pytest.mark.parametrize("num_classes", [2, 3, 40])
def test_non_target_labels_are_distributions_over_the_other_classes(ranking, num_classes) -> None:
    generator = torch.Generator().manual_seed(0)
    z, weak = torch.randn(2, 6, num_classes, generator=generator, dtype=torch.double)
    labels = torch.arange(6) % num_classes
    r = USKD(ranking=ranking).non_target_labels(z.requires_grad_(), weak, labels)
    torch.testing.assert_close(r.sum(dim=1), torch.ones(6), check_dtype=False)
    assert r.gather(1, labels[:, None]).count_nonzero() == 0
    assert not r.requires_grad
    expected = slow_ranked(z.detach().numpy(), weak.numpy(), labels.tolist(), ranking)
    np.testing.assert_allclose(r, expected, atol=1e-6)


def test_the_labels_own_rank_is_spent() -> None:
    z = torch.tensor([[3.0, 2.0, 1.0], [1.0, 2.0, 3.0]])
    r = USKD().non_target_labels(z, z, torch.tensor([0, 0]))
    torch.testing.assert_close(r, torch.tensor([[0, 3 / 5, 2 / 5], [0, 1 / 3, 2 / 3]]))


def test_the_shipped_ranking_hardly_hears_the_weak_head() -> None:
    z = torch.tensor([[6.0, 0.0, 2.0, -1.0]])
    weak = torch.tensor([[0.0, 3.0, 0.0, 0.0]])
    intended, shipped = (
        USKD(ranking=ranking).non_target_labels(z, weak, torch.tensor([0])) for ranking in RANKINGS
    )
    assert intended.argmax() == 1
    assert shipped.argmax() == 2


def test_target_labels_average_to_one_and_carry_no_gradient() -> None:
    s_t = torch.tensor([[0.9], [0.1], [0.5]], requires_grad=True)
    p = target_labels(s_t)
    assert p.mean().item() == pytest.approx(1)
    np.testing.assert_allclose(p[0] - p[1], [0.81 - 0.01], rtol=1e-6)
    assert not p.requires_grad


def test_the_final_logits_do_not_teach_the_weak_head_nor_it_them(
    table_student, row_batch, start
) -> None:
    student, method = new_student(table_student), built()
    terms = method.loss(student, row_batch([0, 1], LABELS), start)
    (terms["ce"] + terms["target"] + terms["non_target"]).backward(retain_graph=True)
    assert student.features[1].grad is None
    assert method.head.weight.grad is None
    before = student.logits.grad.clone()
    terms["aux"].backward()
    assert torch.equal(student.logits.grad, before)
    assert student.features[1].grad.count_nonzero() > 0


def test_certainty_stays_finite(table_student, row_batch, start) -> None:
    logits = torch.tensor([[0.0, 1e4, 0.0, 5.0], [-1e4, 0.0, 1.0, 2.0]], requires_grad=True)
    student = table_student(logits, features=new_student(table_student).features)
    terms = built().loss(student, row_batch([0, 1], LABELS), start)
    torch.stack(list(terms.values())).sum().backward()
    assert all(term.isfinite() for term in terms.values())
    assert logits.grad.isfinite().all()


def test_log_odds_at_the_label_are_those_of_its_probability() -> None:
    z = torch.log(torch.tensor([[0.2, 0.5, 0.3]]))
    found = log_odds(z, torch.tensor([1])).exp()
    torch.testing.assert_close(found, torch.tensor([[0.4, 1.0, 0.6]]))


def test_the_weak_head_has_the_papers_size_on_resnet18() -> None:
    method, net = USKD(), new_backbone("resnet18", {})
    new_head = Classification(100).new_head
    method.build(Setting(100, 1, net.channels, net.strides, net.embedding_size, new_head))
    assert sum(parameter.numel() for parameter in method.parameters()) == 25_700


def test_switched_off_it_is_cross_entropy_to_the_bit(new_rig) -> None:
    uskd, ce = new_rig("uskd", alpha=0.0, beta=0.0, mu=0.0), new_rig("cross_entropy")
    for _ in zip(uskd.train(), ce.train(), strict=True):
        for one, other in zip(uskd.student.parameters(), ce.student.parameters(), strict=True):
            assert torch.equal(one.grad, other.grad)
            assert torch.equal(one, other)
